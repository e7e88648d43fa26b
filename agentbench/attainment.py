"""The best outcome that any agent could reach under some injections, told from the reference solution alone.

Invariant: success is promised only where the reference has a way to it that no injection bars for good; where that
cannot be known before anything runs, less is promised.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Protocol, get_args

from agentbench import plugins, reach
from agentbench.abc import Fault
from agentbench.calls import ToolSpec
from agentbench.faultload import TRIGGERS, Injection, Lasts, Window
from agentbench.reach import Attainable
from agentbench.scenario import Scenario, Step


class _Bar(Protocol):
    """What keeps calls from doing their work; asked about each call of the reference solution, in order."""

    final: bool  # whether there is no other way, either, once a call is barred

    def bars(self, call: str, conditional: bool) -> bool: ...


def attainable(
    content: Scenario,
    injections: Sequence[Injection],
    tools: Mapping[str, ToolSpec],
    fault_of: Callable[[str, Mapping[str, Any]], Fault] = plugins.fault,
) -> Attainable:
    """The best outcome that an agent can reach while these injections last, by the reference solution.

    A step is barred when a permanent blocking fault holds its tool, or one that loses the replies of a read; then
    its fallback counts, then whether the ladder allows to do without it, and otherwise an honest failure is the best.
    So it is where a fault would leave behind what nothing takes away again: a check may pass all the same, but nobody
    can be asked for it. A user who does not answer, or who wants the impossible, bounds it as well.

    Drift of the world stays although its injection is over: the call that it meets counts as barred, with all later
    calls of tools that share what it took away. That is pessimistic: an agent may find a way that is not written.
    """
    made = [(each, fault_of(each.fault, each.with_)) for each in injections]
    said = [reach.best_said(content, injection, fault, tools) for injection, fault in made]
    return max([_by_tools(content, made, tools), *said], key=get_args(Attainable).index)


def _by_tools(content: Scenario, made: Sequence[tuple[Injection, Fault]], tools: Mapping[str, ToolSpec]) -> Attainable:
    if any(_leaves_its_mark(each, fault, content, tools) for each, fault in made):
        return "honest_failure"
    bars = _bars(content, made, tools)
    if not bars:
        return "success"
    lacking: set[str] = set()
    for step in content.reference:
        if step.call is None or step.call not in tools:
            continue
        barring = [bar for bar in bars if bar.bars(step.call, step.when is not None)]
        if not barring:
            continue
        if step.fallback and not any(bar.final for bar in barring) and _open(step, bars):
            continue
        if step.optional is None:
            return "honest_failure"
        lacking.add(step.optional)
    if not lacking:
        return "success"
    return "degraded" if any(lacking <= set(rung.missing) for rung in content.outcomes.degraded) else "honest_failure"


def _open(step: Step, bars: Sequence[_Bar]) -> bool:
    """Whether nothing bars the fallback of a barred step; what it would use up is not used up by asking."""
    copies = deepcopy(list(bars))
    if step.when is not None:  # whoever needs the fallback has come here, and been hit here
        for bar in copies:
            bar.bars(str(step.call), False)
    return not any(bar.bars(call, False) for call in _calls(step.fallback) for bar in copies)


def _bars(content: Scenario, made: Sequence[tuple[Injection, Fault]], tools: Mapping[str, ToolSpec]) -> list[_Bar]:
    environment = plugins.environment(content.environment)
    found: list[_Bar] = []
    for each, fault in made:
        met = environment.met_by(fault)
        if met is not None and hasattr(fault, "drift"):
            found.append(_Drifting(each, {name: spec for name, spec in tools.items() if name in met}, met, fault.phase))
        elif _for_good(each):
            found.append(_Holding(each, fault, tools))
    return found


class _Holding:
    """A fault that hits every call from its beginning on; one that loses replies holds only reads."""

    def __init__(self, injection: Injection, fault: Fault, tools: Mapping[str, ToolSpec]) -> None:
        self.final = False
        lost = fault.explicit and fault.witness == "committed_unanswered"
        self._held = {name for name, spec in tools.items() if fault.blocking or (lost and spec.effect == "read")}
        self._begins = injection.at.nth
        self._looked = {name for name, spec in tools.items() if injection.at.matches(spec)}
        self._seen = 0

    def bars(self, call: str, conditional: bool) -> bool:
        """Whether this call is held."""
        if call not in self._looked:
            return False
        self._seen += 1
        return self._seen >= self._begins and call in self._held


class _Drifting:
    """Drift of the world: what it has taken away once is gone for all tools that share it.

    A call that the reference makes only under a condition may be met, but need not be the one that is counted.
    """

    def __init__(self, injection: Injection, tools: Mapping[str, ToolSpec], met: Mapping[str, Any], phase: str) -> None:
        self.final = phase == "after"  # the first way has left its mark, and a second one would do it twice
        self._begins = injection.at.nth
        self._once = _strikes_once(injection)
        self._looked = {name for name, spec in tools.items() if injection.at.matches(spec)}
        self._shared = {name: f"{each.__module__}.{each.__qualname__}" for name, each in met.items()}
        self._seen = 0
        self._gone: set[str] = set()

    def bars(self, call: str, conditional: bool) -> bool:
        """Whether this call meets the drift, or what it took away."""
        if call in self._looked:
            now = self._seen + 1
            if now == self._begins or (now > self._begins and not self._once):
                self._gone.add(self._shared[call])
            self._seen += not conditional
        return call in self._shared and self._shared[call] in self._gone


def _strikes_once(injection: Injection) -> bool:
    """Whether it hits exactly the call of its number among those that it looks at."""
    at = injection.at
    counted = not any(getattr(at, name) is not None for name in TRIGGERS if name != "call")
    always = at.window is None and at.after is None and at.when is None and at.armed_by is None
    return injection.lasts == "transient" and counted and always and injection.quiet is None


def _calls(steps: Sequence[Step]) -> list[str]:
    return [step.call for step in steps if step.call is not None]


def _for_good(injection: Injection) -> bool:
    """Whether it hits every call that it looks at from its beginning on, so that no repeat ever helps."""
    at, lasts = injection.at, injection.lasts
    if injection.max or injection.cooldown_s or injection.quiet or at.burst or (at.window and _ends(at.window)):
        return False  # it rests, or ends
    certain = at.probability in (None, 1.0)
    if lasts == "permanent" or (isinstance(lasts, Lasts) and lasts.probability == 1.0):
        return certain
    return lasts == "transient" and (at.every == 1 or at.probability == 1.0)


def _ends(window: Window) -> bool:
    return window.to_s is not None or window.to_percent is not None


def _leaves_its_mark(injection: Injection, fault: Fault, content: Scenario, tools: Mapping[str, ToolSpec]) -> bool:
    """Whether it may do to a write of the reference solution what nobody can undo."""
    if not getattr(fault, "lasting", False):
        return False
    calls = [tools[call] for call in _calls(content.reference) if call in tools]
    anything = fault.site == "state"  # it changes what it likes, at reads too
    return any(injection.at.matches(spec) for spec in calls if anything or spec.effect == "write")
