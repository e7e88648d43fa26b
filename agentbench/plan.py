"""The plan: every trial of a run with its seed and injections, expanded and stored before anything runs.

Invariant: a plan holds everything that running and judging need to know; neither reads a scenario file again.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from agentbench import __version__, documents, luring, plugins, reach, scenario, seeds, validation
from agentbench.abc import Channel, Fault
from agentbench.attainment import attainable
from agentbench.calls import ToolSpec
from agentbench.errors import UsageError, UsageErrors
from agentbench.faultload import Faultload, Injection, Profile
from agentbench.luring import Goal
from agentbench.reach import Attainable
from agentbench.scenario import Scenario
from agentbench.world import World

PLAN_VERSION = 1
CONTROL = "none"  # the faultload of control trials: the `noop` fault on every call, through the same path


class PlannedAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent of the run: the name it is shown under and the reference that it is loaded by."""

    name: str
    ref: str


class PlannedTool(msgspec.Struct, frozen=True, kw_only=True):
    """What judging needs to know of a tool."""

    effect: Literal["read", "write"]
    idempotency_key: str | None = None


class PlannedScenario(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario as it was when the plan was made: its content, the digest of its file, its tools."""

    path: str
    sha256: str
    content: dict[str, Any]
    tools: dict[str, PlannedTool]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One trial: agent × scenario × seed × injections.

    `id` is `agent/scenario/faultload/number`; `control` is the id of the fault-free twin with the same seed (None
    for a control). `attainable` is the best outcome that any agent could reach under these injections. `channels` say
    what each injection's fault strikes at; empty means calls. `goals` are what attackers want of the agent.
    """

    id: str
    agent: str
    scenario: str
    faultload: str
    number: int
    seed: str
    injections: list[dict[str, Any]]
    control: str | None
    attainable: Attainable
    channels: list[Channel] = []
    goals: list[Goal] = []


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario × faultload cell that was not planned, and why."""

    scenario: str
    faultload: str
    reason: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run is going to do."""

    version: int = PLAN_VERSION
    agentbench: str = __version__
    seed: int
    trials_per_cell: int
    clock: Literal["auto", "virtual", "real"]
    sandbox: str
    profile: dict[str, Any]
    agents: list[PlannedAgent]
    scenarios: dict[str, PlannedScenario]
    trials: list[Trial]
    skipped: list[Skipped]

    @property
    def hash(self) -> str:
        """Twelve characters that name exactly this plan."""
        content = msgspec.to_builtins(self)
        for entry in content["scenarios"].values():
            del entry["path"]  # the same plan may be made from another working directory
        return seeds.digest(content)[:12]

    def begins_with(self, other: "Plan") -> bool:
        """Whether this is the other plan with none or some trials added behind its own."""
        same = msgspec.structs.replace(self, trials=self.trials[: len(other.trials)])
        return len(self.trials) >= len(other.trials) and same.hash == other.hash


def make(
    *,
    scenarios: Mapping[str, Path],
    agents: Sequence[PlannedAgent],
    profile: Profile | None,
    trials: int,
    seed: int,
    clock: Literal["auto", "virtual", "real"],
    sandbox: str,
) -> Plan:
    """Expand scenarios × agents × (control + faultloads) × trials; raises `UsageError` for wrong files."""
    names = [agent.name for agent in agents]
    for agent_name in names:
        if names.count(agent_name) > 1:
            raise UsageError(f"two agents are named '{agent_name}'", remedy="give each its own name")
    loaded = {name: validation.load(path) for name, path in scenarios.items()}
    _refuse_misplaced(profile, loaded)
    planned: list[Trial] = []
    skipped: list[Skipped] = []
    for name, each in loaded.items():
        environment = plugins.environment(each.environment)
        tools = {tool.spec.name: tool.spec for tool in environment.tools.values()}
        world = _world(each)
        cells = [cell(CONTROL, each, _control(), tools)]
        for faultload in _faultloads(scenarios[name], each, profile):
            reason = _left_out(each, faultload, tools, world, profile)
            if reason:
                skipped.append(Skipped(scenario=name, faultload=faultload.name, reason=reason))
            else:
                aimed = [reach.aimed(injection, environment) for injection in faultload.scheduled()]
                cells.append(cell(faultload.name, each, aimed, tools))
        for agent in agents:
            planned.extend(_trials(agent.name, name, cells, trials=trials, seed=seed))
    _refuse_idle(profile, skipped, len(loaded))
    return Plan(
        seed=seed,
        trials_per_cell=trials,
        clock=clock,
        sandbox=sandbox,
        profile=_profile_entry(profile),
        agents=list(agents),
        scenarios={name: _entry(scenarios[name], each) for name, each in loaded.items()},
        trials=planned,
        skipped=skipped,
    )


def read(path: Path) -> Plan:
    """The plan of a run; raises `UsageError` when the file is not one, or is of a newer version."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the plan: {error.strerror}", where=path) from None
    try:
        version = msgspec.json.decode(raw, type=dict[str, Any]).get("version")
        if isinstance(version, int) and version > PLAN_VERSION:
            raise UsageError(f"this plan has version {version}, newer than {PLAN_VERSION}", where=path,
                             remedy="use the agentbench that made it")  # fmt: skip
        return msgspec.json.decode(raw, type=Plan)
    except msgspec.DecodeError as error:
        raise UsageError(f"this is not a plan of agentbench: {error}", where=path) from None


def encode(plan: Plan) -> bytes:
    """The plan as JSON that a person can read."""
    return msgspec.json.format(msgspec.json.encode(plan, order="deterministic"), indent=1)


class Cell(NamedTuple):
    """A scenario under one faultload: all that its trials have in common, whoever the agent is."""

    faultload: str
    injections: list[dict[str, Any]]
    attainable: Attainable
    channels: list[Channel]
    goals: list[Goal]


def cell(
    faultload: str,
    content: Scenario,
    injections: Sequence[Injection],
    tools: Mapping[str, ToolSpec],
    *,
    as_met: Sequence[Injection] | None = None,
    fault_of: Callable[[str, Mapping[str, Any]], Fault] = plugins.fault,
) -> Cell:
    """What the plan says of a scenario under these injections.

    `as_met` are the same injections with calls counted as the reference solution makes them, where that differs.
    """
    faults = [fault_of(each.fault, each.with_) for each in injections]
    return Cell(
        faultload=faultload,
        injections=[each.model_dump(mode="json", by_alias=True, exclude_defaults=True) for each in injections],
        attainable=attainable(content, injections if as_met is None else as_met, tools, fault_of),
        channels=[plugins.channel_of(fault) for fault in faults],
        goals=luring.goals(content, faults),
    )


def _trials(agent: str, name: str, cells: Sequence[Cell], *, trials: int, seed: int) -> list[Trial]:
    return [
        Trial(
            id=f"{agent}/{name}/{each.faultload}/{number}",
            agent=agent,
            scenario=name,
            number=number,
            # Neither agent nor faultload: two agents meet the same weather, and a pair shares its seed.
            seed=seeds.digest("trial", seed, name, number)[:16],
            control=None if each.faultload == CONTROL else f"{agent}/{name}/{CONTROL}/{number}",
            **each._asdict(),
        )
        for each in cells
        for number in range(trials)
    ]


def _control() -> list[Injection]:
    return [Injection(fault="noop", lasts="permanent")]


def _faultloads(path: Path, content: Scenario, profile: Profile | None) -> list[Faultload]:
    if profile is None:
        return []
    own = [content.faultload] if content.faultload and profile.faultloads else []
    found = [*profile.faultloads, *own]
    taken = {CONTROL}
    for each in found:  # the name is a part of a trial's id
        if each.name in taken:
            raise UsageError(f"the name '{each.name}' of a faultload is taken", where=documents.display(path),
                             remedy="rename it here or in the profile")  # fmt: skip
        taken.add(each.name)
    return found


def _profile_entry(profile: Profile | None) -> dict[str, Any]:
    if profile is None:
        return {"name": "none", "version": 1, "hash": ""}
    return {"name": profile.name, "version": profile.version, "hash": profile.hash, "summary": profile.summary}


def _entry(path: Path, content: Scenario) -> PlannedScenario:
    tools = plugins.environment(content.environment).tools
    return PlannedScenario(
        path=documents.display(path),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        content=scenario.dump(content),
        tools={
            name: PlannedTool(effect=tool.spec.effect, idempotency_key=tool.spec.idempotency_key)
            for name, tool in tools.items()
        },
    )


def _left_out(
    content: Scenario, faultload: Faultload, tools: Mapping[str, ToolSpec], world: World, profile: Profile | None
) -> str:
    """Why this faultload is not planned for this scenario, or '' when it is; raises for a predicate that writes."""
    reasons = []
    for index, injection in enumerate(faultload.scheduled()):
        problem, remedy = reach.unaskable(injection, world)
        if remedy and profile is not None and faultload in profile.faultloads:
            raise _wrong(profile, faultload, index, problem, remedy)
        if problem:
            return problem  # none of it runs: half a faultload is another one
        reasons.append("" if faultload.seen_in else reach.unreachable(content, injection, tools))
    return "" if "" in reasons else reasons[0]


def _refuse_misplaced(profile: Profile | None, loaded: Mapping[str, Scenario]) -> None:
    """Raise for every injection of a file that cannot act on any tool of the scenarios' environments.

    A set of several faultloads may serve more environments than these: there it must fit those that there are.
    """
    if profile is None or not loaded:
        return
    chosen = _tools_of({each.environment for each in loaded.values()})
    mistakes = []
    worlds = [_world(each) for each in loaded.values()]
    for faultload in profile.faultloads:
        for index, injection in enumerate(faultload.injections):
            document, place = profile.place(faultload, index)
            wrong = reach.misplaced(injection, chosen)
            if document is None:  # what a program made may hit a call wherever it is
                continue
            refused = [reach.unaskable(injection, world) for world in worlds]
            problem, remedy = next((each for each in refused if each[1]), ("", ""))
            if not problem and all(each[0] for each in refused) and len(profile.faultloads) == 1:
                problem, _, remedy = refused[0][0].rpartition("; ")
            if problem:
                mistakes.append(document.error(problem, *place, remedy=remedy))
            if wrong is None:
                continue
            if len(profile.faultloads) == 1 or reach.misplaced(injection, _tools_of(plugins.names("environments"))):
                mistakes.append(document.error(wrong.problem, *place, *wrong.place, remedy=wrong.remedy))
    if mistakes:
        raise UsageErrors(mistakes)


def _world(content: Scenario) -> World:
    """The world as the scenario begins in it."""
    environment = plugins.environment(content.environment)
    return World(environment.template(content.given.seed, content.given.sql), epoch=environment.epoch)


def _tools_of(environments: Collection[str]) -> dict[str, list[ToolSpec]]:
    return {name: [tool.spec for tool in plugins.environment(name).tools.values()] for name in sorted(environments)}


def _refuse_idle(profile: Profile | None, skipped: Sequence[Skipped], scenarios: int) -> None:
    """Raise for a file with one faultload that strikes in none of the scenarios: nothing would be tested."""
    if profile is None or len(profile.faultloads) != 1 or not scenarios:
        return
    reasons = [each.reason for each in skipped if each.faultload == profile.faultloads[0].name]
    if len(reasons) == scenarios:
        problem, _, remedy = reasons[0].rpartition("; ") if "; " in reasons[0] else (reasons[0], "", "")
        raise _wrong(profile, profile.faultloads[0], 0, f"this never strikes: {problem}", remedy)


def _wrong(profile: Profile, faultload: Faultload, index: int, problem: str, remedy: str) -> UsageError:
    document, place = profile.place(faultload, index)
    if document is None:
        return UsageError(problem, where=profile.name, remedy=remedy)
    return document.error(problem, *place, remedy=remedy)
