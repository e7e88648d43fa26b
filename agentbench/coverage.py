"""What a sweep shows: which faults landed where, which calls were never reached, and where the agent is weak.

Invariant: every tool × fault of the set is in exactly one state, and a weak point needs a witness of its fault.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

import msgspec
import yaml

from agentbench.judgement import Judgement, Outcome
from agentbench.plan import Plan, Trial
from agentbench.sweep import DURATIONS, FaultSet, NotSwept, Spot, Variant, faults_of, paired, single, spot_of

State: TypeAlias = Literal["witnessed", "ineffective", "uninformative", "invalid", "not_tried", "not_reachable"]
STATES: tuple[State, ...] = get_args(State)

# From the best to the worst; a weak point is a trial that ended worse than it had to.
BY_HARM: tuple[Outcome, ...] = (
    "success", "degraded", "honest_failure", "silent_failure", "false_success", "harmful",
)  # fmt: skip

# What arrives twice is done twice where a tool takes no idempotency key, whatever an agent does about it.
UNAVOIDABLE = "executed_twice"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One tool × fault of the map, over all its calls and both durations.

    `calls` are those at which it was tried, `witnessed_at` those at which its witness was found; `outcomes` count
    the trials in which it was, and `weak` those of them that are weak points.
    """

    tool: str
    effect: str
    phase: str
    fault: str
    state: State
    reason: str = ""
    calls: list[int] = []
    witnessed_at: list[int] = []
    trials: int = 0
    witnessed: int = 0
    outcomes: dict[str, int] = {}
    weak: int = 0


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """A call that some trial made; `through` is the faultload that leads to it, '' when the control does."""

    tool: str
    call: int
    depth: int
    through: str = ""


class Weakness(msgspec.Struct, frozen=True, kw_only=True):
    """A trial that ended worse than could be had, and worse than without its last fault.

    `injections` is a faultload as YAML for `--faults`. `before` is how the trial without this fault ended.
    """

    trial: str
    tool: str
    call: int
    phase: str
    fault: str
    lasts: str
    outcome: Outcome
    kind: str
    reason: str
    attainable: str
    before: str
    pairing: str
    pair: bool
    injections: str


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `sweep.json`."""

    version: int = 1
    agent: str
    scenario: str
    faults: list[Variant]
    durations: list[str]
    not_swept: list[NotSwept]
    control: dict[str, int]
    rounds: list[dict[str, int]]
    trials: dict[str, int]
    nondeterministic: int
    virtual_s: float
    calls: list[Reached]
    map: list[Place]
    states: dict[str, int]
    weak_points: list[Weakness]


def covered(plan: Plan, judgements: Iterable[Judgement], calls: Sequence[Reached]) -> Coverage:
    """The map and the weak points of a sweep; `calls` are those that its records reached."""
    faults = faults_of(plan)
    if faults is None:
        raise ValueError("this plan sweeps nothing")
    judged = {each.trial: each for each in judgements}
    weak = weaknesses(plan, faults, judged)
    places = _places(plan, faults, judged, calls, weak)
    name = next(iter(plan.scenarios))
    controls = [judged[trial.id] for trial in plan.trials if trial.control is None and trial.id in judged]
    found = [judged[trial.id] for trial in plan.trials if trial.id in judged]
    return Coverage(
        agent=plan.agents[0].name,
        scenario=name,
        faults=faults.variants,
        durations=list(DURATIONS),
        not_swept=faults.not_swept,
        control=dict(Counter(each.outcome or "invalid" for each in controls)),
        rounds=_rounds(plan, judged),
        trials={
            "planned": len(plan.trials),
            "valid": sum(each.valid for each in found),
            "invalid": sum(not each.valid for each in found),
            "missing": len(plan.trials) - len(found),
        },
        nondeterministic=sum(each.pairing == "nondeterministic" for each in found),
        virtual_s=round(sum(each.end_s for each in found), 3),
        calls=list(calls),
        map=places,
        states={state: sum(each.state == state for each in places) for state in STATES},
        weak_points=weak,
    )


def _rounds(plan: Plan, judged: Mapping[str, Judgement]) -> list[dict[str, int]]:
    """How many trials have so many faults on their path, and in how many the last of them was witnessed."""
    depths: dict[tuple[int, bool], list[Trial]] = defaultdict(list)
    for trial in plan.trials:
        if trial.control is not None:
            depths[len(trial.injections), paired(trial)].append(trial)
    return [
        {
            "faults": depth, "pairs": int(pair), "trials": len(trials),
            "witnessed": sum(_state(trial, judged.get(trial.id))[0] == "witnessed" for trial in trials),
        }
        for (depth, pair), trials in sorted(depths.items(), key=lambda item: (item[0][1], item[0][0]))
    ]  # fmt: skip


# -- the map -------------------------------------------------------------------------------------------


def _places(
    plan: Plan,
    faults: FaultSet,
    judged: Mapping[str, Judgement],
    calls: Sequence[Reached],
    weak: Sequence[Weakness],
) -> list[Place]:
    tools = next(iter(plan.scenarios.values())).tools
    labels = _labels(faults)
    tried: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in plan.trials:
        if trial.control is not None and not paired(trial):
            last = trial.injections[-1]
            tried[last["at"]["tool"], labels[_identity(last)]].append(trial)
    weakest = Counter((each.tool, each.fault) for each in weak if not each.pair)
    depths = {each.tool: each.depth for each in reversed(calls)}
    order = {tool: place for place, tool in enumerate(dict.fromkeys([*(each.tool for each in calls), *sorted(tools)]))}
    found = []
    for tool in sorted(tools, key=lambda name: order[name]):
        for variant in faults.variants:
            trials = tried.get((tool, variant.label), [])
            place = _place(tool, tools[tool].effect, variant, trials, judged, depths.get(tool))
            found.append(msgspec.structs.replace(place, weak=weakest[tool, variant.label]))
    return _uninformative(found)


def _place(
    tool: str,
    effect: str,
    variant: Variant,
    trials: Sequence[Trial],
    judged: Mapping[str, Judgement],
    depth: int | None,
) -> Place:
    states: dict[str, str] = {}
    counts: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    landed: set[int] = set()
    for trial in trials:
        state, reason = _state(trial, judged.get(trial.id))
        counts[state] += 1
        states.setdefault(state, reason)
        if state == "witnessed":
            outcomes[str(judged[trial.id].outcome)] += 1
            landed.add(spot_of(trial.injections[-1]).call)
    state, reason = _summed(states, depth, tool)
    return Place(
        tool=tool,
        effect=effect,
        phase=variant.phase,
        fault=variant.label,
        state=state,
        reason=reason,
        calls=sorted({spot_of(trial.injections[-1]).call for trial in trials}),
        witnessed_at=sorted(landed),
        trials=len(trials),
        witnessed=counts["witnessed"],
        outcomes={outcome: outcomes[outcome] for outcome in BY_HARM if outcomes[outcome]},
    )


def _summed(states: Mapping[str, str], depth: int | None, tool: str) -> tuple[State, str]:
    """The one state of a place: the best proof that there is, then what stands in its way."""
    if "witnessed" in states:
        return "witnessed", ""
    for state in ("invalid", "ineffective"):
        if state in states:
            return state, states[state]
    if "not_reached" in states:
        return "not_reachable", "planned, but no call met its trigger"
    if depth is None:
        return "not_reachable", f"no trial of this sweep calls {tool}"
    return "not_tried", states.get("missing", "left out by --rounds or --max-trials")


def _uninformative(places: Sequence[Place]) -> list[Place]:
    """A fault that changed nothing at any call says nothing about this agent in this scenario."""
    effective = {each.fault for each in places if each.state in ("witnessed", "invalid")}
    return [
        msgspec.structs.replace(each, state="uninformative", reason=f"at no call of this sweep it changes anything: "
                                f"{each.reason}")
        if each.state == "ineffective" and each.fault not in effective else each
        for each in places
    ]  # fmt: skip


def _state(trial: Trial, judgement: Judgement | None) -> tuple[str, str]:
    """What became of the last fault of a trial; of both, when they are a pair."""
    if judgement is None:
        return "missing", "planned, and not finished"
    if not judgement.valid:
        return "invalid", judgement.invalid_reason
    states = {each.index: each for each in judgement.landings}
    first = 0 if paired(trial) else len(trial.injections) - 1
    for index in range(first, len(trial.injections)):
        if index not in states:
            return "not_reached", ""
        if states[index].state != "witnessed":
            return states[index].state, states[index].reason
    return "witnessed", ""


def _labels(faults: FaultSet) -> dict[bytes, str]:
    return {_identity(single(each, Spot("any", 1), "transient")[1]): each.label for each in faults.variants}


def _identity(injection: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode([injection["fault"], injection.get("with", {})], order="deterministic")


# -- the weak points -----------------------------------------------------------------------------------


def weaknesses(plan: Plan, faults: FaultSet, judged: Mapping[str, Judgement]) -> list[Weakness]:
    """The trials that ended worse than they had to, the most harmful first, in the order of the plan."""
    labels = _labels(faults)
    variants = {each.label: each for each in faults.variants}
    tools = next(iter(plan.scenarios.values())).tools
    found = []
    for trial in plan.trials:
        judgement = judged.get(trial.id)
        if judgement is None or judgement.outcome is None or trial.control is None:
            continue
        if _state(trial, judgement)[0] != "witnessed":
            continue
        before = _before(trial, judged)
        best = max(BY_HARM.index(trial.attainable), _rank(before))
        if BY_HARM.index(judgement.outcome) > best:
            last = trial.injections[-1]
            label = labels[_identity(last)]
            if variants[label].witness == UNAVOIDABLE and tools[last["at"]["tool"]].idempotency_key is None:
                continue
            found.append(
                Weakness(
                    trial=trial.id, tool=last["at"]["tool"], call=last["at"]["call"], phase=variants[label].phase,
                    fault=label, lasts=str(last.get("lasts", "transient")), outcome=judgement.outcome,
                    kind=judgement.kind, reason=judgement.reason, attainable=trial.attainable, before=before,
                    pairing=judgement.pairing, pair=paired(trial), injections=as_yaml(trial),
                )
            )  # fmt: skip
    # One fault before two: what needs less to go wrong is the weaker point.
    order = {trial.id: (len(trial.injections), place) for place, trial in enumerate(plan.trials)}
    return sorted(found, key=lambda each: (-BY_HARM.index(each.outcome), order[each.trial]))


def survived(plan: Plan, judgements: Iterable[Judgement]) -> list[str]:
    """The faultloads of one fault that landed and that the agent came through as well as could be had, every time."""
    judged = {each.trial: each for each in judgements}
    held: dict[str, bool] = {}
    for trial in plan.trials:
        if trial.control is None or len(trial.injections) != 1:
            continue
        judgement = judged.get(trial.id)
        fine = (
            judgement is not None
            and judgement.outcome is not None
            and _state(trial, judgement)[0] == "witnessed"
            and BY_HARM.index(judgement.outcome) <= BY_HARM.index(trial.attainable)
        )
        held[trial.faultload] = held.get(trial.faultload, True) and fine
    return [name for name, fine in held.items() if fine]


def _before(trial: Trial, judged: Mapping[str, Judgement]) -> str:
    """The outcome of the trial that lacks only the last fault; of the control, for a pair."""
    name = trial.control
    if len(trial.injections) > 1 and not paired(trial):
        name = f"{trial.id.rpartition('/')[0].rpartition(',')[0]}/{trial.number}"
    judgement = judged.get(name or "")
    return str(judgement.outcome) if judgement and judgement.outcome else "unknown"


def _rank(outcome: str) -> int:
    return BY_HARM.index(outcome) if outcome in BY_HARM else 0


def as_yaml(trial: Trial) -> str:
    """The injections of a trial as a faultload file."""
    name = re.sub(r"[^a-z0-9]+", "-", trial.faultload.lower()).strip("-")
    injections = [{key: each[key] for key in ("fault", "with", "at", "lasts") if key in each}
                  for each in trial.injections]  # fmt: skip
    for each in injections:
        each["at"] = {key: each["at"][key] for key in ("tool", "call")}
    content = {"name": f"weak-{name}"[:80].rstrip("-"), "injections": injections}
    return str(yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=110))
