"""Which faults are tried at which calls: a plan that grows from what its own control trials and rounds have reached.

Invariant: what is added depends on the stored plan and its records alone, so that a killed sweep goes on exactly.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from agentbench import documents, plugins, scenario, seeds
from agentbench import plan as plans
from agentbench.abc import Fault
from agentbench.errors import UsageError
from agentbench.faultload import Injection, Where
from agentbench.plan import Plan, PlannedAgent, Trial
from agentbench.record import TrialRecord

Duration: TypeAlias = Literal["transient", "permanent"]
DURATIONS: tuple[Duration, ...] = ("transient", "permanent")

ALL = "all"
THEN, WITH = ",", "+"  # in the name of a faultload: reached through another fault; a pair of faults
NOOP = "noop"


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A fault with its parameters, under a label that is unique in its set."""

    label: str
    fault: str
    parameters: dict[str, Any] = msgspec.field(default={}, name="with")
    phase: str
    explicit: bool
    witness: str


class NotSwept(msgspec.Struct, frozen=True, kw_only=True):
    """A fault of the chosen set that has no place at a call, and why."""

    fault: str
    reason: str


class FaultSet(msgspec.Struct, frozen=True, kw_only=True):
    """What is swept: `chosen` is what the command line said. Lies in the plan, so that judging needs no plugin."""

    chosen: str
    variants: list[Variant]
    not_swept: list[NotSwept] = []


class Spot(NamedTuple):
    """The `call`-th call of a tool, from 1."""

    tool: str
    call: int


class Base(NamedTuple):
    """The first planned faultload under which a spot is reached; `depth` is its number of faults, 0 for the control."""

    depth: int
    faultload: str
    injections: list[dict[str, Any]]


class Growth(NamedTuple):
    """What a plan gets next, and how many trials a bound keeps out, by the bound's name."""

    trials: list[Trial]
    left: dict[str, int]


# -- the faults ----------------------------------------------------------------------------------------


def fault_set(chosen: str) -> FaultSet:
    """The faults that `all`, a profile, a faultload file, or names with commas between them stand for.

    A profile gives its distinct faults with their parameters; a fault by name has its defaults. Raises `UsageError`.
    """
    variants: list[tuple[str, dict[str, Any]]] = []
    not_swept: list[NotSwept] = []
    for name, parameters in _wanted(chosen):
        made = plugins.fault_class(name)
        if name == NOOP:
            continue
        strikes = plugins.channel_of(made)
        if strikes != "call":
            not_swept.append(NotSwept(fault=name, reason=f"it strikes a {strikes}, not a tool call"))
            continue
        try:
            fault = plugins.fault(name, parameters)
        except UsageError as error:
            not_swept.append(NotSwept(fault=name, reason=f"{error.problem}; sweep a profile that gives it"))
            continue
        if not any(name == other and plugins.fault(other, given) == fault for other, given in variants):
            variants.append((name, parameters))
    if not variants:
        remedy = not_swept[0].reason if not_swept else "name a profile with faults, or 'all'"
        raise UsageError(f"'{chosen}' has no fault that strikes a tool call", where="--faults", remedy=remedy)
    unique = {each.fault: each for each in not_swept}
    return FaultSet(chosen=chosen, variants=_labelled(variants), not_swept=list(unique.values()))


def _wanted(chosen: str) -> Iterator[tuple[str, dict[str, Any]]]:
    known = plugins.names("faults")
    if chosen == ALL:
        yield from ((name, {}) for name in known)
        return
    if chosen in plugins.names("profiles") or chosen.endswith((".yaml", ".yml")):
        for load in plugins.profile(chosen).faultloads:
            yield from ((each.fault, dict(each.with_)) for each in load.injections)
        return
    for name in chosen.split(","):
        if name not in known and ":" not in name:
            remedy = documents.closest(name, [*known, *plugins.names("profiles"), ALL])
            raise UsageError(f"there is no fault or profile '{name}'", where="--faults", remedy=remedy)
        yield name, {}


def _labelled(variants: Sequence[tuple[str, dict[str, Any]]]) -> list[Variant]:
    """Each with a label: its name, and what its parameters say where the name alone is not enough."""
    often = Counter(name for name, _ in variants)
    found: list[Variant] = []
    for name, parameters in variants:
        words = [each if isinstance(each, str) else msgspec.json.encode(each).decode() for each in parameters.values()]
        words = words if often[name] > 1 else []
        label = re.sub(r"[^A-Za-z0-9_.-]+", "-", "-".join([name.rpartition(":")[2], *words])).strip("-.")[:60]
        taken = sum(each.label == label or each.label.startswith(f"{label}~") for each in found)
        made = plugins.fault_class(name)
        found.append(
            Variant(label=f"{label}~{taken + 1}" if taken else label, fault=name, parameters=parameters,
                    phase=str(made.phase), explicit=made.explicit, witness=str(made.witness))
        )  # fmt: skip
    return found


# -- the plan ------------------------------------------------------------------------------------------


def start(
    *,
    name: str,
    path: Path,
    agent: PlannedAgent,
    faults: FaultSet,
    trials: int,
    seed: int,
    clock: Literal["auto", "virtual", "real"],
    sandbox: str,
) -> Plan:
    """The plan of a sweep before its first round: the control trials alone. Raises `UsageError` for wrong files."""
    made = plans.make(
        scenarios={name: path}, agents=[agent], profile=None, trials=trials, seed=seed, clock=clock, sandbox=sandbox
    )
    content = msgspec.to_builtins(faults)
    summary = f"{len(faults.variants)} faults of '{faults.chosen}' at every call that is reached, one at a time"
    profile = {"name": "sweep", "version": 1, "hash": seeds.digest(content)[:12], "summary": summary, "sweep": content}
    return msgspec.structs.replace(made, profile=profile)


def faults_of(plan: Plan) -> FaultSet | None:
    """What the plan sweeps, or None when it is the plan of an ordinary run."""
    content = plan.profile.get("sweep")
    return None if content is None else msgspec.convert(content, FaultSet)


def extended(plan: Plan, trials: Sequence[Trial]) -> Plan:
    """The plan with more trials behind those that it has."""
    return msgspec.structs.replace(plan, trials=[*plan.trials, *trials])


def paired(trial: Trial) -> bool:
    """Whether two faults of the trial are tried as a pair."""
    return WITH in trial.faultload


def spot_of(injection: Mapping[str, Any]) -> Spot:
    """The call at which an injection of a sweep begins."""
    return Spot(injection["at"]["tool"], injection["at"]["call"])


def reached(plan: Plan, records: Iterable[TrialRecord]) -> dict[Spot, Base]:
    """Every call that a trial made, with the fewest faults that lead to it, in the order in which they were reached.

    Pairs lead nowhere. A trial in which the tool itself is struck for good does not lead to further calls of
    that tool: a second fault there would meet the first one.
    """
    places = {trial.id: (len(trial.injections) if trial.control else 0, place, trial)
              for place, trial in enumerate(plan.trials) if not paired(trial)}  # fmt: skip
    tools = next(iter(plan.scenarios.values())).tools
    found: dict[Spot, tuple[int, int, int]] = {}
    for record in records:
        if record.trial not in places or record.ending.kind == "testbed":
            continue
        depth, place, trial = places[record.trial]
        held = _held(trial)
        for order, call in enumerate(record.calls):
            spot, key = Spot(call.tool, call.ordinal), (depth, place, order)
            if call.tool in tools and call.tool not in held and key < found.get(spot, (depth + 1, 0, 0)):
                found[spot] = key
    ordered = sorted(found.items(), key=lambda item: item[1])
    return {
        spot: Base(depth, plan.trials[place].faultload, plan.trials[place].injections if depth else [])
        for spot, (depth, place, _) in ordered
    }


def _held(trial: Trial) -> set[str]:
    if trial.control is None:
        return set()
    return {each["at"]["tool"] for each in trial.injections if each.get("lasts") == "permanent"}


def grow(plan: Plan, spots: Mapping[Spot, Base], *, rounds: int, trials_max: int) -> Growth:
    """Every fault of the set, transient and permanent, at every reached call that the plan does not have yet.

    A call that only another fault leads to is tried behind that fault. `rounds` bounds how many faults may lie on
    such a path, `trials_max` the faulted trials of the whole plan.
    """
    faults = faults_of(plan)
    if faults is None:
        return Growth([], {})
    planned = {trial.faultload for trial in plan.trials}
    wanted: list[tuple[str, list[dict[str, Any]]]] = []
    left: Counter[str] = Counter()
    for lasts in DURATIONS:
        for spot, base in spots.items():
            for variant in faults.variants:
                name, injection = single(variant, spot, lasts)
                faultload = f"{base.faultload}{THEN}{name}" if base.depth else name
                if faultload in planned:
                    continue
                if base.depth >= rounds:
                    left["rounds"] += plan.trials_per_cell
                else:
                    wanted.append((faultload, [*base.injections, injection]))
    return _bounded(plan, wanted, left, trials_max)


def single(variant: Variant, spot: Spot, lasts: Duration) -> tuple[str, dict[str, Any]]:
    """One fault at one call: the name of the faultload and its injection, as a plan keeps it."""
    at = Where(tool=spot.tool, call=spot.call)
    made = Injection.model_validate({"fault": variant.fault, "with": variant.parameters, "at": at, "lasts": lasts})
    data = made.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return f"{variant.label}.{spot.tool}.{spot.call}.{lasts}", data


def pairs(plan: Plan, survived: Sequence[str], *, trials_max: int) -> Growth:
    """Pairs of single faults, named by their faultloads, that were each survived, at two different calls.

    Where `trials_max` does not leave room for all of them, those that are taken are drawn by a key.
    """
    injections = {trial.faultload: trial.injections for trial in plan.trials}
    planned = set(injections)
    spots = {name: spot_of(injections[name][0]) for name in survived}
    crowded = Counter(spots.values())
    count = _choose2(len(survived)) - sum(_choose2(each) for each in crowded.values())
    room = max(0, trials_max - _faulted(plan)) // plan.trials_per_cell
    there = sum(paired(trial) for trial in plan.trials) // plan.trials_per_cell
    if count <= 4 * (room + there):
        found = [pair for pair in itertools.combinations(survived, 2) if spots[pair[0]] != spots[pair[1]]]
        found = [pair for pair in found if WITH.join(pair) not in planned]
        if len(found) > room:
            found = sorted(found, key=lambda pair: seeds.digest("pair", plan.seed, *pair))
    else:
        found = _drawn(plan.seed, survived, spots, planned, room)
    wanted = [(WITH.join(pair), [*injections[pair[0]], *injections[pair[1]]]) for pair in found]
    growth = _bounded(plan, wanted[:room], Counter(), trials_max)
    missing = max(0, count - there - min(len(wanted), room)) * plan.trials_per_cell
    return Growth(growth.trials, {"trials": missing} if missing else {})


def _drawn(
    seed: int, survived: Sequence[str], spots: Mapping[str, Spot], planned: set[str], room: int
) -> list[tuple[str, str]]:
    """Some of very many pairs, without listing them all."""
    random = seeds.derive("pairs", seed, len(survived))
    found: dict[tuple[str, str], None] = {}
    while len(found) < room:
        one, two = sorted(random.sample(range(len(survived)), 2))
        pair = survived[one], survived[two]
        if spots[pair[0]] != spots[pair[1]] and WITH.join(pair) not in planned:
            found[pair] = None
    return list(found)


def _choose2(count: int) -> int:
    return count * (count - 1) // 2


def _faulted(plan: Plan) -> int:
    return sum(trial.control is not None for trial in plan.trials)


def _bounded(
    plan: Plan, wanted: Sequence[tuple[str, list[dict[str, Any]]]], left: Counter[str], trials_max: int
) -> Growth:
    room = max(0, trials_max - _faulted(plan)) // plan.trials_per_cell
    if len(wanted) > room:
        left["trials"] += (len(wanted) - room) * plan.trials_per_cell
    faults: dict[bytes, Fault] = {}

    def fault_of(name: str, parameters: Mapping[str, Any]) -> Fault:
        """Each fault made once: finding one looks through folders."""
        key = msgspec.json.encode([name, parameters], order="deterministic")
        if key not in faults:
            faults[key] = plugins.fault(name, parameters)
        return faults[key]

    controls = [trial for trial in plan.trials if trial.control is None]
    name, entry = next(iter(plan.scenarios.items()))
    content = scenario.parse(entry.content)
    tools = {tool.spec.name: tool.spec for tool in plugins.environment(content.environment).tools.values()}
    made: list[Trial] = []
    for faultload, data in wanted[:room]:
        injections = [Injection.model_validate(each) for each in data]
        cell = plans.cell(faultload, content, injections, tools, as_met=_as_met(injections), fault_of=fault_of)
        made.extend(
            msgspec.structs.replace(
                control,
                id=f"{control.agent}/{name}/{faultload}/{control.number}",
                control=control.id,
                **cell._asdict(),
            )
            for control in controls
        )
    return Growth(made, dict(left))


def _as_met(made: Sequence[Injection]) -> list[Injection]:
    """The injections with calls counted as the reference solution makes them, which repeats nothing.

    What strikes an earlier call of the same tool once costs one call, so that a fault which begins at the second
    call, after the first was struck, begins for the reference at its first.
    """
    once = [(each.at.tool, each.at.call or 1) for each in made if each.lasts == "transient"]
    found = []
    for each in made:
        call = each.at.call or 1
        spent = sum(tool == each.at.tool and earlier < call for tool, earlier in once)
        at = each.at.model_copy(update={"call": max(1, call - spent)})
        found.append(each.model_copy(update={"at": at}) if each.lasts == "permanent" else each)
    return found
