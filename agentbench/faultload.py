"""When, where and how long a fault strikes: injections, faultloads and profiles, and the keyed decisions."""

from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from agentbench import seeds
from agentbench.calls import ToolCall, ToolSpec
from agentbench.documents import Strict

Probability = Annotated[float, Field(ge=0, le=1)]

_TICK_S = 1e-6  # the clock counts microseconds: a call at the very end of a window is outside, whatever sums round to


class Where(Strict):
    """Which calls an injection looks at, and at which of them it begins.

    `tool` is a name or a glob; `effect` and `idempotent` narrow it to reads or writes, or to tools with or
    without an idempotency key. Matching calls are counted from 1: `call: n` begins at the n-th; `every: k` at
    each k-th; `from: i` with `for: n` covers n calls from the i-th; `probability: p` decides each call by a key.
    Without any of them it begins at the first.
    """

    tool: str = "*"
    effect: Literal["read", "write"] | None = None
    idempotent: bool | None = None
    call: int | None = Field(default=None, ge=1)
    every: int | None = Field(default=None, ge=1)
    from_: int | None = Field(default=None, ge=1, alias="from")
    for_: int | None = Field(default=None, ge=1, alias="for")
    probability: Probability | None = None

    @model_validator(mode="after")
    def _one(self) -> "Where":
        chosen = [name for name in ("call", "every", "from_", "probability") if getattr(self, name) is not None]
        if len(chosen) > 1:
            words = "' and '".join(name.rstrip("_") for name in chosen)
            raise ValueError(f"'{words}' are two triggers; keep one")
        if self.for_ is not None and self.from_ is None:
            raise ValueError("'for' needs a beginning; add 'from: N'")
        return self

    def matches(self, spec: ToolSpec) -> bool:
        """Whether calls of this tool are looked at."""
        return (
            fnmatchcase(spec.name, self.tool)
            and (self.effect is None or self.effect == spec.effect)
            and (self.idempotent is None or self.idempotent == (spec.idempotency_key is not None))
        )


class Lasts(Strict):
    """How long: `calls: n` matching calls, `seconds: s` of the trial's clock, or each with `probability: p`."""

    calls: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    probability: Probability | None = None

    @model_validator(mode="after")
    def _one(self) -> "Lasts":
        if sum(value is not None for value in (self.calls, self.seconds, self.probability)) != 1:
            raise ValueError("a duration has exactly one of 'calls', 'seconds' and 'probability'; keep one")
        return self


class Injection(Strict):
    """One scheduled fault: which, with what parameters, where, and for how long.

    `lasts`: `transient` (the triggering call only), `permanent` (every matching call from then on), or `Lasts`.
    With `every`, `from` and `probability` the trigger itself says which calls are hit, and `lasts` stays
    `transient`.
    """

    fault: str
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    at: Where = Where()
    lasts: Literal["transient", "permanent"] | Lasts = "transient"

    @model_validator(mode="after")
    def _one(self) -> "Injection":
        if self.lasts != "transient" and (self.at.every or self.at.from_):
            raise ValueError("'every' and 'from' already say which calls are hit; remove 'lasts'")
        return self


class Faultload(Strict):
    """The injections of one trial, under a name."""

    name: str = Field(default="own", pattern=r"^[a-z][a-z0-9-]*$")
    summary: str = ""
    injections: list[Injection] = Field(min_length=1)


class Profile(Strict):
    """A named, versioned set of faultloads; a run makes one faulted trial per scenario, agent and faultload."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    version: int = 1
    summary: str = ""
    faultloads: list[Faultload]

    @property
    def hash(self) -> str:
        """Twelve characters that name exactly this content."""
        return seeds.digest(self.model_dump(mode="json", by_alias=True))[:12]


class Schedule:
    """Decides, call by call, whether one injection strikes; one instance per injection and trial.

    Decisions are keyed by `key` (run seed, scenario, trial, injection), the call and its repeat, never by the
    order of draws; the agent is not in the key, so that two agents meet the same weather.
    """

    def __init__(self, injection: Injection, key: tuple[Any, ...]) -> None:
        self.injection = injection
        self._key = key
        self._seen = 0  # matching calls so far
        self._begun: int | None = None  # the count at which it began
        self._begun_s = 0.0

    def strikes(self, call: ToolCall, spec: ToolSpec, now_s: float) -> bool:
        """Whether this injection acts on this call; counts the call if it is one it looks at."""
        at = self.injection.at
        if not at.matches(spec):
            return False
        self._seen += 1
        if at.probability is not None:
            if self._begun is not None and self.injection.lasts != "transient":
                return self._continues(call, now_s)
            if self._chance(call, "at") < at.probability:
                return self._begin(now_s)
            return False
        if at.every is not None:
            return self._seen % at.every == 0
        if at.from_ is not None:
            return at.from_ <= self._seen < at.from_ + (at.for_ or 1)
        if self._begun is None:
            return self._seen == (at.call or 1) and self._begin(now_s)
        return self._continues(call, now_s)

    def _begin(self, now_s: float) -> bool:
        if self._begun is None:
            self._begun, self._begun_s = self._seen, now_s
        return True

    def _continues(self, call: ToolCall, now_s: float) -> bool:
        match self.injection.lasts:
            case "transient":
                return False
            case "permanent":
                return True
            case Lasts(calls=int(calls)):
                return self._seen < (self._begun or 0) + calls
            case Lasts(seconds=float(seconds)):
                return now_s < self._begun_s + seconds - _TICK_S
            case Lasts(probability=float(probability)):
                return self._chance(call, "lasts") < probability
        return False

    def _chance(self, call: ToolCall, part: str) -> float:
        return seeds.uniform(*self._key, part, call.key, call.repeat)
