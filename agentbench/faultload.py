"""When, where and how long a fault strikes, as it is written: injections, faultloads and profiles."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from agentbench import seeds
from agentbench.calls import ToolSpec
from agentbench.documents import Document, Strict

Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0)]
Percent = Annotated[float, Field(ge=0, le=1000)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]

# Keys of `at` that belong to one kind of place where faults strike.
BELONGS = {"call": "call", "tool": "call", "effect": "call", "idempotent": "call", "turn": "turn",
           "message": "message", "channel": "message"}  # fmt: skip
TRIGGERS = ("call", "turn", "message", "every", "from_", "probability", "burst")


class Burst(Strict):
    """Bad spells (Gilbert 1960, Elliott 1963): a chain with a good and a bad state that moves every `every_s`.

    In each step a good spell turns bad with probability `begins`, and a bad one ends with `ends`; so bad spells last
    `every_s / ends` seconds on average. A call is hit with probability `hits` in a bad spell, else with `otherwise`.
    """

    begins: Probability
    ends: Probability
    hits: Probability = 1.0
    otherwise: Probability = 0.0
    every_s: float = Field(default=1.0, ge=0.1, le=3600)

    @model_validator(mode="after")
    def _moves(self) -> "Burst":
        if self.begins + self.ends == 0:
            raise ValueError("a burst with 'begins: 0' and 'ends: 0' never changes; give one of them a chance")
        return self


class Window(Strict):
    """A part of the trial: in seconds of its clock, or in percent of the time that the reference solution takes.

    The reference's time is the sum of the latencies of its calls when nothing is wrong: the same for all agents.
    A slower agent goes on after 100 %. Without an end it lasts to the end of the trial.
    """

    from_s: Seconds | None = None
    to_s: Seconds | None = None
    from_percent: Percent | None = None
    to_percent: Percent | None = None

    @model_validator(mode="after")
    def _sound(self) -> "Window":
        in_s, in_percent = (self.from_s, self.to_s), (self.from_percent, self.to_percent)
        given = [pair for pair in (in_s, in_percent) if pair != (None, None)]
        if len(given) != 1:
            raise ValueError("a window is in seconds or in percent; write 'from_s' and 'to_s', or the percents")
        begin, end = given[0]
        if end is not None and end <= (begin or 0):
            raise ValueError(f"the window ends at {end:g} before it begins at {begin or 0:g}; exchange the two")
        return self

    def seconds(self, span_s: float) -> tuple[float, float]:
        """Its beginning and end in the trial's clock, for a reference that takes `span_s`; the end may be infinite."""
        scale = span_s / 100
        if self.from_percent is not None or self.to_percent is not None:
            end = float("inf") if self.to_percent is None else self.to_percent * scale
            return (self.from_percent or 0.0) * scale, end
        return self.from_s or 0.0, float("inf") if self.to_s is None else self.to_s


class AfterCall(Strict):
    """A place in the trial: once `tool` has answered its `call`-th success."""

    tool: str
    call: Count = 1


class Where(Strict):
    """Which calls an injection looks at, and at which of them it strikes.

    `tool` is a name or a glob; `effect` and `idempotent` narrow it to reads or writes, or to tools with or
    without an idempotency key, and `tools` to these. Conditions narrow it further, and all of them must hold: inside
    `window`, `after` a tool has answered, `when` a SQL query of the world is true, `armed_by` another injection that
    has struck before.

    The calls that are looked at are counted from 1. `call: n` begins at the n-th; `every: k` strikes each k-th;
    `from: i` with `for: n` covers n of them from the i-th; `probability: p` decides each by a key; `burst` hits in
    bad spells. Without any of them it begins at the first.

    Faults of the user and of the context strike at user turns: there it is `turn: n`. Faults between agents strike at
    messages on `channel` (a name or a glob): `message: n`.
    """

    tool: str = "*"
    channel: str = "*"
    effect: Literal["read", "write"] | None = None
    idempotent: bool | None = None
    tools: list[str] | None = None
    window: Window | None = None
    after: AfterCall | None = None
    when: str | None = None
    armed_by: Name | None = None
    call: Count | None = None
    turn: Count | None = None
    message: Count | None = None
    every: Count | None = None
    from_: Count | None = Field(default=None, alias="from")
    for_: Count | None = Field(default=None, alias="for")
    probability: Probability | None = None
    burst: Burst | None = None

    @model_validator(mode="after")
    def _one(self) -> "Where":
        chosen = [name for name in TRIGGERS if getattr(self, name) is not None]
        if len(chosen) > 1:
            words = "' and '".join(name.rstrip("_") for name in chosen)
            raise ValueError(f"'{words}' are two triggers; keep one")
        if self.for_ is not None and self.from_ is None:
            raise ValueError("'for' needs a beginning; add 'from: N'")
        return self

    @property
    def nth(self) -> int:
        """The count at which it begins: of calls, turns or messages."""
        return self.call or self.turn or self.message or 1

    def matches(self, spec: ToolSpec) -> bool:
        """Whether calls of this tool are looked at, as far as the tool decides it."""
        return (
            fnmatchcase(spec.name, self.tool)
            and (self.tools is None or spec.name in self.tools)
            and (self.effect is None or self.effect == spec.effect)
            and (self.idempotent is None or self.idempotent == (spec.idempotency_key is not None))
        )


class Until(Strict):
    """What ends a fault: a SQL query of the world that becomes true (`sql`), or a tool that has answered (`tool`)."""

    sql: str | None = None
    tool: str | None = None
    call: Count = 1

    @model_validator(mode="after")
    def _one(self) -> "Until":
        if (self.sql is None) == (self.tool is None):
            raise ValueError("say what ends it; write either 'sql: QUERY' or 'tool: NAME'")
        return self


class Lasts(Strict):
    """How long it lasts from its beginning on: exactly one of these.

    `calls: n` matching calls; `seconds: s` of the trial's clock; each matching call with `probability: p`;
    `attempts: k`, the first k attempts of each call (the same tool and arguments), so that the next one works;
    `until` something has happened.
    """

    calls: Count | None = None
    seconds: float | None = Field(default=None, gt=0)
    probability: Probability | None = None
    attempts: Count | None = None
    until: Until | None = None

    @model_validator(mode="after")
    def _one(self) -> "Lasts":
        names = ("calls", "seconds", "probability", "attempts", "until")
        if sum(getattr(self, name) is not None for name in names) != 1:
            shown = "', '".join(names[:-1])
            raise ValueError(f"a duration has exactly one of '{shown}' and '{names[-1]}'; keep one")
        return self


class Quiet(Strict):
    """The quiet phase at the end of a trial, in which nothing strikes any more, so that recovery can be seen.

    It begins after `calls` tool calls, after `seconds` of the trial's clock, or after `percent` of the time that the
    reference solution takes.
    """

    calls: Count | None = None
    seconds: Seconds | None = None
    percent: Percent | None = None

    @model_validator(mode="after")
    def _one(self) -> "Quiet":
        if sum(value is not None for value in (self.calls, self.seconds, self.percent)) != 1:
            raise ValueError("a quiet phase begins after exactly one of 'calls', 'seconds' and 'percent'; keep one")
        return self


class Injection(Strict):
    """One scheduled fault: which, with what parameters, where, and for how long.

    `lasts`: `transient` (the triggering call only), `permanent` (every matching call from then on), or `Lasts`.
    With `every`, `from` and `burst` the trigger itself says which calls are hit, and `lasts` stays `transient`.
    `max` is how often it strikes in a trial at most; after each time it rests for `cooldown_s` of the trial's clock.
    `id` is the name by which another injection says that it is `armed_by` this one. `quiet` comes from the faultload.
    """

    fault: str
    id: Name | None = None
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    at: Where = Where()
    lasts: Literal["transient", "permanent"] | Lasts = "transient"
    max: Count | None = None
    cooldown_s: float | None = Field(default=None, gt=0)
    quiet: Quiet | None = None

    @model_validator(mode="after")
    def _one(self) -> "Injection":
        if self.lasts != "transient" and (self.at.every or self.at.from_ or self.at.burst):
            raise ValueError("'every', 'from' and 'burst' already say which calls are hit; remove 'lasts'")
        if self.at.armed_by is not None and self.at.armed_by == self.id:
            raise ValueError(f"'{self.id}' is armed by itself and never strikes; name another injection")
        contradiction = self.muted_by(self.quiet)
        if contradiction:
            raise ValueError(contradiction)
        return self

    def muted_by(self, quiet: Quiet | None) -> str:
        """Why this quiet phase lets its window never open, with what to write instead, or ''."""
        window = self.at.window
        if window is None or quiet is None:
            return ""
        pairs = ((window.from_s, quiet.seconds, " s"), (window.from_percent, quiet.percent, " %"))
        for begins, ends, unit in pairs:
            if begins is not None and ends is not None and begins >= ends:
                return f"the window begins at {begins:g}{unit}, when all is quiet; let it begin before {ends:g}{unit}"
        return ""


class Faultload(Strict):
    """The injections of one trial, under a name; with `quiet`, none of them strikes from then on.

    `seen_in` names a trial in which these hits were seen: they may be at calls that the reference does not make.
    """

    name: Name = "own"
    summary: str = ""
    seen_in: str = ""
    quiet: Quiet | None = None
    injections: list[Injection] = Field(min_length=1)

    @model_validator(mode="after")
    def _armed(self) -> "Faultload":
        for number, each in enumerate(self.injections, 1):
            contradiction = each.muted_by(self.quiet)
            if contradiction:
                raise ValueError(f"injection {number}, '{each.fault}': {contradiction}")
        ids = [each.id for each in self.injections if each.id]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"two injections have the id '{name}'; give each its own")
        armers = {each.id: each.at.armed_by for each in self.injections if each.id}
        for each in self.injections:
            armer = each.at.armed_by
            if armer is not None and armer not in armers:
                known = f"the ids are: {', '.join(ids)}" if ids else "give that injection an 'id'"
                raise ValueError(f"no injection has the id '{armer}'; {known}")
            passed: list[str] = []
            while armer is not None and armer not in passed:
                passed.append(armer)
                armer = armers[armer]
            if armer is not None:
                raise ValueError(f"'{armer}' arms itself in a circle and never strikes; leave one of them unarmed")
        return self

    def scheduled(self) -> list[Injection]:
        """Its injections as the plan holds them, each with the quiet phase."""
        if self.quiet is None:
            return self.injections
        # Validated again: a window inside the quiet phase is a contradiction.
        fields = [each.model_dump(by_alias=True, exclude_defaults=True) for each in self.injections]
        return [Injection.model_validate({**each, "quiet": self.quiet}) for each in fields]


class Profile(Strict):
    """A named, versioned set of faultloads; a run makes one faulted trial per scenario, agent and faultload."""

    name: Name
    version: int = 1
    summary: str = ""
    faultloads: list[Faultload]
    _document: Document | None = PrivateAttr(default=None)  # the file that it came from, to point into

    @model_validator(mode="after")
    def _named(self) -> "Profile":
        names = [each.name for each in self.faultloads]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two faultloads are named '{name}'; give each its own name")
        return self

    @property
    def hash(self) -> str:
        """Twelve characters that name exactly this content."""
        return seeds.digest(self.model_dump(mode="json", by_alias=True))[:12]

    def came_from(self, document: Document) -> "Profile":
        """Remember the file; returns itself."""
        self._document = document
        return self

    def place(self, faultload: Faultload, injection: int) -> tuple[Document | None, Sequence[str | int]]:
        """The file that an injection stands in, None for a profile without one, and where in it."""
        if self._document is None or "faultloads" not in self._document.data:
            return self._document, ("injections", injection)
        return self._document, ("faultloads", self.faultloads.index(faultload), "injections", injection)
