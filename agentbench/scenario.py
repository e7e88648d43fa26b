"""A scenario: one YAML file with a script, checks, allowed effects, an outcome ladder and a reference solution."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import jmespath
from pydantic import Field, model_validator

from agentbench import documents
from agentbench.abc import Phase
from agentbench.calls import ToolSpec
from agentbench.documents import Document, Strict
from agentbench.errors import UsageError, UsageErrors
from agentbench.faultload import Faultload

_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Given(Strict):
    """How this world differs from the environment's own: the seed of its data, and SQL run before the trial."""

    seed: int = 0
    sql: str = ""


class When(Strict):
    """A condition on the agent's last answer: a regular expression that it must match."""

    matches: str


class UserLine(Strict):
    """A user turn. `when: asked` is said only if the agent's last answer asks a question; else it is skipped."""

    say: str
    when: Literal["asked", "always"] | When = "always"


class After(Strict):
    """A place in the trial: after the `call`-th successful call of `tool`, or after the answer to a `turn`."""

    tool: str | None = None
    call: int = Field(default=1, ge=1)
    turn: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one(self) -> "After":
        if (self.tool is None) == (self.turn is None):
            raise ValueError("say after what the world changes; write either 'tool: NAME' or 'turn: N'")
        return self


class WorldChange(Strict):
    """Something that happens in the world, once: SQL, and after what."""

    after: After
    sql: str
    why: str = ""


class ScriptItem(Strict):
    """One item of the script: `user` (text, or `say` with `when`) or `world`."""

    user: str | UserLine | None = None
    world: WorldChange | None = None

    @model_validator(mode="after")
    def _one(self) -> "ScriptItem":
        if (self.user is None) == (self.world is None):
            raise ValueError(
                "a script item is either a user turn or a change of the world; write 'user: …' or 'world: …'"
            )
        return self


class Verify(Strict):
    """How to see whether a write happened: a read whose reply makes the JMESPath `expect` true."""

    call: str
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    expect: str


class Step(Strict):
    """One step of the reference solution: a tool call, or a `reply` that ends a user turn.

    `with` may use `$name` for saved values; `save` maps names to JMESPath over the reply; `expect` is a JMESPath
    that a sound reply makes true. `fallback` is another way to the same end. `optional` names the check that
    fails if the step is given up. `when` is a JMESPath over the saved values: the step is skipped if it is false.
    """

    call: str | None = None
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    save: dict[str, str] = Field(default_factory=dict)
    expect: str | None = None
    verify: Verify | None = None
    fallback: list["Step"] = Field(default_factory=list)
    optional: str | None = None
    when: str | None = None
    reply: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "Step":
        if (self.call is None) == (self.reply is None):
            raise ValueError("a reference step either calls or replies; write 'call: TOOL' or 'reply: TEXT'")
        return self


class AnswerCheck(Strict):
    """A check on what the agent said: all `contains`, none of `lacks` (case ignored), and the regex `matches`."""

    contains: list[str] = Field(default_factory=list)
    lacks: list[str] = Field(default_factory=list)
    matches: str | None = None


class CallCheck(Strict):
    """A check on the tool calls that succeeded: how often `tool` was called with arguments that include `with`."""

    tool: str
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    at_least: int = Field(default=1, ge=0)
    at_most: int | None = Field(default=None, ge=0)


class Check(Strict):
    """Exactly one of `sql` (true in the final state), `answer` or `called`.

    `known_as` are words by which an agent may name this goal when it reports it missing.
    """

    sql: str | None = None
    answer: AnswerCheck | None = None
    called: CallCheck | None = None
    known_as: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one(self) -> "Check":
        if sum(part is not None for part in (self.sql, self.answer, self.called)) != 1:
            raise ValueError("a check has exactly one of 'sql', 'answer' and 'called'; keep one")
        return self


class Writes(Strict):
    """What may change in a table.

    `key` with `at_most`: no more than that many inserted rows may share the values of these columns. `at_most`
    alone bounds all inserted rows. `columns` are those that an update may change (default: none). `delete` allows
    deletions.
    """

    key: list[str] = Field(default_factory=list)
    at_most: int | None = Field(default=None, ge=0)
    columns: list[str] = Field(default_factory=list)
    delete: bool = False


class Rung(Strict):
    """A degraded but acceptable end: these goals reached, those missing and reported missing; worth `utility`."""

    has: list[str] = Field(default_factory=list)
    missing: list[str] = Field(min_length=1)
    utility: float = Field(gt=0, lt=1)


class Ladder(Strict):
    """`success` names the checks that all must pass; `degraded` are the lower rungs, best first."""

    success: list[str] = Field(min_length=1)
    degraded: list[Rung] = Field(default_factory=list)


class Variant(Strict):
    """What the user may say instead of the line at `turn` (from 1), and what is right then.

    The fault `user_changes_mind` says `changes_mind`; `user_contradicts` says `contradicts`, and `settles` when asked.
    `replace` exchanges texts and whole numbers in reference solution, checks, minefields and writes. `reference` is
    what is left to do from this turn on; `checks`, `never`, `writes` add or replace by name; `outcomes` replaces.
    """

    turn: int = Field(ge=1)
    changes_mind: str | None = None
    contradicts: str | None = None
    settles: str | None = None
    replace: dict[str, str] = Field(default_factory=dict)
    reference: list[Step] = Field(default_factory=list)
    checks: dict[Name, Check] = Field(default_factory=dict)
    never: dict[Name, Check] = Field(default_factory=dict)
    writes: dict[str, Writes] = Field(default_factory=dict)
    outcomes: Ladder | None = None

    @model_validator(mode="after")
    def _one(self) -> "Variant":
        if self.changes_mind is None and self.contradicts is None:
            raise ValueError("nobody says this variant; write 'changes_mind: TEXT' or 'contradicts: TEXT'")
        if (self.contradicts is None) != (self.settles is None):
            raise ValueError("'contradicts' and 'settles' belong together; write both")
        if not (self.replace or self.outcomes):
            raise ValueError("nothing else is right in this variant; write 'replace' or 'outcomes'")
        return self


class Limits(Strict):
    """What a trial may use; `time_s` is in the trial's clock."""

    tool_calls: int = Field(default=40, ge=1, le=1000)
    time_s: float = Field(default=900, gt=0, le=86_400)
    tokens: int = Field(default=200_000, ge=1)
    turns: int = Field(default=12, ge=1, le=100)


class Promise(Strict):
    """A place that a sweep of this scenario with the oracle must reach: a `fault`, or any of a `phase`, at a `tool`.

    `call` is the call of the tool at which its witness must be found; without it any call will do.
    """

    tool: str
    call: int | None = Field(default=None, ge=1)
    fault: str | None = None
    phase: Phase | None = None

    @model_validator(mode="after")
    def _one(self) -> "Promise":
        if (self.fault is None) == (self.phase is None):
            raise ValueError("a promise names what a sweep reaches; write either 'fault: NAME' or 'phase: PHASE'")
        return self


class Scenario(Strict):
    """Everything a trial needs to be run and judged. `id` comes from the path: `<environment>.<slug>`."""

    id: str = ""
    why: str = Field(min_length=20)
    environment: Name
    difficulty: Literal["easy", "medium", "hard"] = "medium"
    given: Given = Given()
    script: list[ScriptItem] = Field(min_length=1)
    reference: list[Step] = Field(min_length=1)
    checks: dict[Name, Check] = Field(min_length=1)
    milestones: dict[Name, Check] = Field(default_factory=dict)
    never: dict[Name, Check] = Field(default_factory=dict)
    writes: dict[str, Writes] = Field(default_factory=dict)
    outcomes: Ladder
    variants: dict[Name, Variant] = Field(default_factory=dict)
    limits: Limits = Limits()
    faultload: Faultload | None = None
    promises: list[Promise] = Field(default_factory=list)

    @property
    def task(self) -> str:
        """What the user says first."""
        return self.users[0].say

    @property
    def users(self) -> list[UserLine]:
        """The user turns, in order."""
        return [
            UserLine(say=item.user) if isinstance(item.user, str) else item.user
            for item in self.script
            if item.user is not None
        ]

    def span_s(self, tools: Mapping[str, ToolSpec]) -> float:
        """How long the reference solution's calls take when nothing is wrong, in the trial's clock."""
        calls = [step.call for step in self.reference if step.call is not None]
        return sum((tools[call].latency_s for call in calls if call in tools), 0.0)

    @property
    def changes(self) -> list[WorldChange]:
        """The changes of the world, in order; their index is the one in `world:<index>`."""
        return [item.world for item in self.script if item.world is not None]


def load(path: Path) -> Scenario:
    """Read and check a scenario by itself; raises `UsageError(s)` that name every mistake as `file:line`.

    What needs the environment (tool names, arguments, SQL) is checked by `agentbench.validation`.
    """
    _, scenario, problems = examine(path)
    if scenario is None or problems:
        raise problems[0] if len(problems) == 1 else UsageErrors(problems)
    return scenario


def examine(path: Path) -> tuple[Document, Scenario | None, list[UsageError]]:
    """The file, every mistake in it by itself, and the scenario as far as it can be made, for finding more mistakes.

    Raises `UsageError` when the file cannot be read as YAML at all.
    """
    document = documents.load(path)
    scenario, problems = document.examine(Scenario)
    if scenario is None:
        return document, None, problems
    problems = [*problems, *_cross_check(document, scenario)]
    folder = path.resolve().parent.name
    if folder != scenario.environment:
        problems.append(document.error(
            f"this file lies in '{folder}/' but its environment is '{scenario.environment}'",
            "environment",
            remedy=f"move it to {scenario.environment}/ or write 'environment: {folder}'",
        ))  # fmt: skip
    if not _STEM.fullmatch(path.stem):
        problems.append(document.error(f"'{path.stem}' cannot be part of an id",
                                       remedy="name the file with letters, digits, '_' and '-'"))  # fmt: skip
    return document, scenario.model_copy(update={"id": f"{scenario.environment}.{path.stem}"}), problems


def _cross_check(document: Document, scenario: Scenario) -> list[UsageError]:
    problems = []
    first = scenario.script[0].user
    if first is None or (isinstance(first, UserLine) and first.when != "always"):
        problems.append(
            document.error("the script does not start with the user", "script", 0, remedy="begin with 'user: TEXT'")
        )
    for index, name in enumerate(scenario.outcomes.success):
        if name not in scenario.checks:
            problems.append(_no_check(document, scenario, name, "outcomes", "success", index))
    for number, rung in enumerate(scenario.outcomes.degraded):
        for part, names in (("has", rung.has), ("missing", rung.missing)):
            for index, name in enumerate(names):
                if name not in scenario.checks:
                    problems.append(_no_check(document, scenario, name, "outcomes", "degraded", number, part, index))
    for place, expression in _expressions(scenario):
        try:
            jmespath.compile(expression)
        except (jmespath.exceptions.JMESPathError, RecursionError) as error:
            reason = str(error).partition("\n")[0]
            problems.append(document.error(f"'{expression}' is not JMESPath: {reason}", *place))
    for place, pattern in _patterns(scenario):
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            problems.append(document.error(f"'{pattern}' is not a regular expression: {error}", *place))
    for place, name in _given_up(scenario):
        if name not in scenario.checks:
            problems.append(_no_check(document, scenario, name, *place))
    return problems


def _no_check(document: Document, scenario: Scenario, name: str, *place: str | int) -> UsageError:
    return document.error(f"there is no check '{name}'", *place, remedy=documents.closest(name, list(scenario.checks)))


def _expressions(scenario: Scenario) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []

    def walk(steps: list[Step], *place: str | int) -> None:
        for index, step in enumerate(steps):
            here = (*place, index)
            found.extend(((*here, "save", name), text) for name, text in step.save.items())
            for key in ("expect", "when"):
                if getattr(step, key):
                    found.append(((*here, key), getattr(step, key)))
            if step.verify:
                found.append(((*here, "verify", "expect"), step.verify.expect))
            walk(step.fallback, *here, "fallback")

    walk(scenario.reference, "reference")
    return found


def _given_up(scenario: Scenario) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The checks that steps say would fail without them, fallbacks included."""

    def walk(steps: list[Step], *place: str | int) -> Iterator[tuple[tuple[str | int, ...], str]]:
        for index, step in enumerate(steps):
            if step.optional is not None:
                yield (*place, index, "optional"), step.optional
            yield from walk(step.fallback, *place, index, "fallback")

    return walk(scenario.reference, "reference")


def _patterns(scenario: Scenario) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    sections: Mapping[str, Mapping[str, Check]] = {
        "checks": scenario.checks, "milestones": scenario.milestones, "never": scenario.never,
    }  # fmt: skip
    for section, checks in sections.items():
        for name, check in checks.items():
            if check.answer and check.answer.matches:
                found.append(((section, name, "answer", "matches"), check.answer.matches))
    for index, item in enumerate(scenario.script):
        if isinstance(item.user, UserLine) and isinstance(item.user.when, When):
            found.append((("script", index, "user", "when", "matches"), item.user.when.matches))
    return found


def dump(scenario: Scenario) -> dict[str, Any]:
    """The scenario as JSON, as the plan keeps it."""
    return scenario.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def parse(data: Mapping[str, Any]) -> Scenario:
    """The scenario back from `dump`; raises `pydantic.ValidationError`."""
    return Scenario.model_validate(dict(data))
