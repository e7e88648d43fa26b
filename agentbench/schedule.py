"""Decides, occasion by occasion, whether an injection strikes.

Invariant: decisions are keyed by the occasion, never by the order of draws, so that parallel calls cannot change who
is hit, and a larger probability hits the same calls and more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol, TypeAlias

from agentbench import seeds
from agentbench.abc import Channel
from agentbench.calls import ToolSpec
from agentbench.faultload import Burst, Injection, Lasts, Quiet, Until, Where

_TICK_S = 1e-6  # the clock counts microseconds: a call at the very end of a window is outside, whatever sums round to


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something that an injection may strike at: a tool call, a user turn, or a message between agents.

    `name` is the tool, the channel of the message, or "user". `key` and `repeat` tell it from all others of the trial.
    """

    channel: Channel
    name: str
    key: str
    repeat: int
    spec: ToolSpec | None = None


class Sight(Protocol):
    """What a schedule may see of the trial, apart from the occasion."""

    def now_s(self) -> float:
        """The trial's clock."""
        ...

    def made(self) -> int:
        """How many tool calls there have been before this one."""
        ...

    def successes(self, tool: str) -> int:
        """How many calls of a tool have been answered with success."""
        ...

    def holds(self, sql: str) -> bool:
        """Whether a query of the world is true now."""
        ...

    def struck(self, injection: str) -> bool:
        """Whether the injection with this id has struck before."""
        ...


Condition: TypeAlias = Callable[[Sight], bool]


class Schedule:
    """One injection in one trial.

    `key` is of run seed, scenario, trial and injection; the agent is not in it, so that two agents meet the same
    weather. `channel` is where its fault strikes. `span_s` is how long the reference solution takes. `looked` remembers
    by name what is looked at: that is the same in every trial, and may be shared.
    """

    def __init__(
        self,
        injection: Injection,
        key: tuple[Any, ...],
        *,
        channel: Channel = "call",
        span_s: float = 0.0,
        looked: dict[str, bool] | None = None,
    ) -> None:
        self.injection = injection
        self.strikes_made = 0
        self._channel = channel
        self._key = key
        self._draws: seeds.Keyed | None = None  # made when the first one is wanted
        self._looked = {} if looked is None else looked
        self._conditions = _conditions(injection.at, injection.quiet, span_s)
        self._burst = _Spells(injection.at.burst, key) if injection.at.burst else None
        self._seen = 0  # occasions that were looked at so far
        self._begun: int | None = None  # the count at which it began
        self._begun_s = 0.0
        self._rests_until_s = 0.0
        self._over = False

    def strikes(self, occasion: Occasion, sight: Sight) -> bool:
        """Whether this injection acts here; counts the occasion if it is one that it looks at."""
        looked = self._looked.get(occasion.name)
        if looked is None:
            looked = self._looked[occasion.name] = self._looks_at(occasion)
        if not looked or self._over:
            return False
        for holds in self._conditions:
            if not holds(sight):
                return False
        self._seen += 1
        if not self._due(occasion, sight):
            return False
        if self.injection.cooldown_s is not None:
            if sight.now_s() < self._rests_until_s - _TICK_S:
                return False
            self._rests_until_s = sight.now_s() + self.injection.cooldown_s
        self.strikes_made += 1
        self._over = self.strikes_made == self.injection.max
        return True

    def _looks_at(self, occasion: Occasion) -> bool:
        if occasion.channel != self._channel:
            return False
        if occasion.spec is not None:
            return self.injection.at.matches(occasion.spec)
        return occasion.channel == "turn" or fnmatchcase(occasion.name, self.injection.at.channel)

    def _due(self, occasion: Occasion, sight: Sight) -> bool:
        at = self.injection.at
        if at.probability is not None:
            if self._begun is not None and self.injection.lasts != "transient":
                return self._continues(occasion, sight)
            return self._chance(occasion, "at") < at.probability and self._begin(occasion, sight)
        if self._burst is not None:
            return self._chance(occasion, "at") < self._burst.chance(sight.now_s())
        if at.every is not None:
            return self._seen % at.every == 0
        if at.from_ is not None:
            return at.from_ <= self._seen < at.from_ + (at.for_ or 1)
        if self._begun is None:
            return self._seen == at.nth and self._begin(occasion, sight)
        return self._continues(occasion, sight)

    def _begin(self, occasion: Occasion, sight: Sight) -> bool:
        if self._begun is None:
            self._begun, self._begun_s = self._seen, sight.now_s()
        match self.injection.lasts:
            case Lasts(attempts=int(attempts)):
                return occasion.repeat < attempts
        return True

    def _continues(self, occasion: Occasion, sight: Sight) -> bool:
        match self.injection.lasts:
            case "transient":
                return False
            case "permanent":
                return True
            case Lasts(calls=int(calls)):
                return self._seen < (self._begun or 0) + calls
            case Lasts(seconds=float(seconds)):
                return sight.now_s() < self._begun_s + seconds - _TICK_S
            case Lasts(probability=float(probability)):
                return self._chance(occasion, "lasts") < probability
            case Lasts(attempts=int(attempts)):
                return occasion.repeat < attempts
            case Lasts(until=Until() as until):
                self._over = _happened(until, sight)
                return not self._over
        return False

    def _chance(self, occasion: Occasion, part: str) -> float:
        if self._draws is None:
            self._draws = seeds.Keyed(*self._key)
        return self._draws.of(part, occasion.key, occasion.repeat)


class _Spells:
    """The good and bad spells of a burst: a function of the key and the time alone."""

    def __init__(self, burst: Burst, key: tuple[Any, ...]) -> None:
        self._burst = burst
        self._draws = seeds.Keyed(*key, "spell")
        # The first state is drawn from what the chain comes to in the long run.
        self._bad = [self._draw(0) < burst.begins / (burst.begins + burst.ends)]

    def chance(self, now_s: float) -> float:
        """The probability with which a call is hit at this time."""
        step = int((now_s + _TICK_S) / self._burst.every_s)
        while len(self._bad) <= step:
            bad, draw = self._bad[-1], self._draw(len(self._bad))
            self._bad.append(draw >= self._burst.ends if bad else draw < self._burst.begins)
        return self._burst.hits if self._bad[step] else self._burst.otherwise

    def _draw(self, step: int) -> float:
        return self._draws.uniform(step)


def _conditions(at: Where, quiet: Quiet | None, span_s: float) -> list[Condition]:
    """What must hold besides the trigger, the cheapest first."""
    found: list[Condition] = []
    if at.window is not None:
        begin_s, end_s = at.window.seconds(span_s)
        found.append(lambda sight: begin_s - _TICK_S <= sight.now_s() < end_s - _TICK_S)
    if quiet is not None:
        found.append(_before(quiet, span_s))
    if at.armed_by is not None:
        armer = at.armed_by
        found.append(lambda sight: sight.struck(armer))
    if at.after is not None:
        after = at.after
        found.append(lambda sight: sight.successes(after.tool) >= after.call)
    if at.when is not None:
        when = at.when
        found.append(lambda sight: sight.holds(when))
    return found


def _before(quiet: Quiet, span_s: float) -> Condition:
    if quiet.calls is not None:
        calls = quiet.calls
        return lambda sight: sight.made() < calls
    end_s = quiet.seconds if quiet.seconds is not None else (quiet.percent or 0.0) * span_s / 100
    return lambda sight: sight.now_s() < end_s - _TICK_S


def _happened(until: Until, sight: Sight) -> bool:
    if until.tool is not None:
        return sight.successes(until.tool) >= until.call
    return until.sql is not None and sight.holds(until.sql)
