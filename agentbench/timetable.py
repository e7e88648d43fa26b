"""At which calls an injection was due, worked out again from the plan and the record alone.

Invariant: nothing the injector says is read here. What hangs on the world's state, or on the order in which parallel
calls were answered, cannot be worked out again and is left alone; whether the call is one that may be struck is not.
"""

from collections import Counter
from collections.abc import Mapping

from agentbench import seeds
from agentbench.calls import ToolSpec
from agentbench.faultload import Injection
from agentbench.plan import PlannedTool, Trial
from agentbench.record import Call, TrialRecord
from agentbench.schedule import Occasion, Schedule

Due = Mapping[tuple[int, str], bool]


class _Sight:
    """What a schedule sees of a trial that is over, as it was at one call."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.calls = 0
        self.fired: set[str] = set()

    def now_s(self) -> float:
        return self.at_s

    def made(self) -> int:
        return self.calls

    def successes(self, tool: str) -> int:
        raise NotImplementedError  # depends on the order of answers

    def holds(self, sql: str) -> bool:
        raise NotImplementedError  # depends on the world

    def struck(self, injection: str) -> bool:
        return injection in self.fired


def due(record: TrialRecord, trial: Trial, tools: Mapping[str, PlannedTool]) -> Due:
    """Whether injection `i` was due at call `c`, for each pair of which that can be told, by `(i, c)`."""
    injections = [Injection.model_validate(each) for each in trial.injections]
    told = [_can_be_told(each, injections, record.clock) for each in injections]
    at_calls = [index for index in range(len(injections)) if not trial.channels or trial.channels[index] == "call"]
    key = (trial.seed, trial.scenario, trial.number)
    schedules = [Schedule(each, (*key, index)) for index, each in enumerate(injections)]
    specs = {name: _spec(name, tool) for name, tool in tools.items()}
    sight, repeats = _Sight(), Counter[str]()
    found: dict[tuple[int, str], bool] = {}
    for call in record.calls:
        spec = specs.get(call.tool)
        occasion = _occasion(call, spec, repeats)
        if spec is None or occasion is None:
            continue  # no fault is asked at a call of a tool that does not exist
        sight.at_s = call.at_s
        striking = []
        for index in at_calls:
            injection, schedule = injections[index], schedules[index]
            if not injection.at.matches(spec):
                found[index, call.id] = False
            elif told[index]:
                found[index, call.id] = schedule.strikes(occasion, sight)
                if found[index, call.id] and injection.id is not None:
                    striking.append(injection.id)
        sight.fired.update(striking)
        sight.calls += 1
    return found


def _can_be_told(injection: Injection, all_of_them: list[Injection], clock: str) -> bool:
    at, lasts = injection.at, injection.lasts
    until = getattr(lasts, "until", None)
    if at.after is not None or at.when is not None or until is not None:
        return False
    window, quiet = at.window, injection.quiet
    if (window and (window.from_percent is not None or window.to_percent is not None)) or (
        quiet and quiet.percent is not None
    ):
        return False
    timed = window or at.burst or injection.cooldown_s or getattr(lasts, "seconds", None) or (quiet and quiet.seconds)
    if timed and clock == "real":
        return False
    if at.armed_by is None:
        return True
    armer = next((each for each in all_of_them if each.id == at.armed_by), None)
    return armer is not None and _can_be_told(armer, all_of_them, clock)


def _spec(name: str, tool: PlannedTool) -> ToolSpec:
    return ToolSpec(name=name, description="", parameters={}, effect=tool.effect, idempotency_key=tool.idempotency_key)


def _occasion(call: Call, spec: ToolSpec | None, repeats: Counter[str]) -> Occasion | None:
    key = seeds.digest(call.tool, call.asked)
    repeat = repeats[key]
    repeats[key] += 1
    return None if spec is None else Occasion("call", call.tool, key, repeat, spec)
