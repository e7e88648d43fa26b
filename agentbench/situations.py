"""Real calls of every tool, each with the world as it was just before: what the reference agents do, and variations.

Invariant: a situation is one that a trial can come to; nothing in it is made up but arguments of the tool's own schema.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from agentbench import plan, plugins, seeds
from agentbench.abc import Order
from agentbench.calls import ToolCall, ToolResult
from agentbench.environment import BOOKKEEPING, Environment
from agentbench.plan import PlannedAgent
from agentbench.stage import Stage
from agentbench.trial import Attempt
from agentbench.world import Copies, World

AGENTS = ("oracle", "careful")  # those who know how it is done, and look before and after
TRIES_MAX = 400  # combinations of values that are tried for a tool which no scenario calls
_ID = re.compile(r"[A-Z]+-(?=\w+$)")
TEXT = "Überweisung für Käthe & Söhne"  # with signs beyond ASCII and of HTML, as people write them


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A call of `tool` at `at_s` of a trial that began as `template`, in a world whose bytes are `world`."""

    environment: Environment = field(repr=False)
    tool: str
    arguments: Mapping[str, Any]
    world: bytes = field(repr=False)
    template: bytes = field(repr=False)
    at_s: float

    def opened(self, *, replica: bool = False) -> World:
        """The world of this call, a fresh copy each time; with `replica` as it was when the trial began."""
        seed = seeds.digest("situation", self.environment.name, self.tool, self.arguments, replica)
        content = self.template if replica else self.world
        return World(content, epoch=self.environment.epoch, clock=lambda: self.at_s, seed=seed)

    def answered(self, *, replica: bool = False) -> ToolResult:
        """What the tool answers."""
        call = ToolCall(id="c1", tool=self.tool, arguments=self.arguments)
        return self.environment.execute(self.opened(replica=replica), call, author="call:c1", at_s=self.at_s)


def situations(environment: Environment) -> list[Situation]:
    """A few situations for every tool, a success of each kind that there is, and some refusals; sorted by tool.

    A tool that has no success among them could not be called. Raises `UsageError` for a scenario that is wrong.
    """
    found = _Found()
    start = environment.template()
    ends = [(start, start, 0.0)]
    for name, path in plugins.scenarios().items():
        if name.partition(".")[0] == environment.name:
            ends.extend(_played(environment, plan.make(
                scenarios={name: path}, agents=[PlannedAgent(name=each, ref=each) for each in AGENTS],
                profile=None, trials=1, seed=1, clock="virtual", sandbox="inprocess",
            ), found))  # fmt: skip
    lacking = [name for name in environment.tools if not found.succeeded(name)]
    for name in lacking:
        for template, world, at_s in ends:
            if not found.succeeded(name):
                found.add_first_success(_made_up(environment, name, template, world, at_s))
    return sorted(found.kept, key=lambda each: each.tool)


class _Found:
    """The situations that are kept: one for each kind of success of each tool, one for each kind of refusal."""

    def __init__(self) -> None:
        self.kept: list[Situation] = []
        self._kinds: set[tuple[Any, ...]] = set()

    def succeeded(self, tool: str) -> bool:
        """Whether a success of the tool is among them."""
        return any(kind[:2] == (tool, True) for kind in self._kinds)

    def add(self, situation: Situation) -> None:
        """Keep it if there is none of its kind, and then its variations."""
        reply = situation.answered()
        # Refusals are alike, so that one of each status will do for all tools.
        kind = (situation.tool, *_kind(situation, reply)) if reply.ok else (reply.status, False)
        if kind in self._kinds:
            return
        self._kinds.add(kind)
        self.kept.append(situation)
        for arguments in _variations(situation, reply):
            self.add(Situation(environment=situation.environment, tool=situation.tool, arguments=arguments,
                               world=situation.world, template=situation.template, at_s=situation.at_s))  # fmt: skip

    def add_first_success(self, made_up: Iterator[Situation]) -> None:
        """Keep the first of these that the tool does not refuse."""
        for situation in itertools.islice(made_up, TRIES_MAX):
            if situation.answered().ok:
                self.add(situation)
                return


def _kind(situation: Situation, reply: ToolResult) -> tuple[Any, ...]:
    body = reply.body if isinstance(reply.body, dict) else {}
    rows = body.get("items")
    write = situation.environment.tools[situation.tool].spec.effect == "write"
    return (
        True,
        min(len(rows), 2) if isinstance(rows, list) else -1,
        bool(body.get("next_cursor")),
        situation.arguments.get("cursor") is not None,
        not write and situation.answered(replica=True).body != reply.body,
        str(reply.body).isascii(),
    )


def _variations(situation: Situation, reply: ToolResult) -> Iterator[dict[str, Any]]:
    """The same call in small pages, on the second of them, with a text beyond ASCII, and with an id that nobody has."""
    if not reply.ok:
        return
    given = dict(situation.arguments)
    properties = situation.environment.tools[situation.tool].spec.parameters.get("properties", {})
    if {"limit", "cursor"} <= set(properties) and not given.get("cursor"):
        small = given | {"limit": 1}
        yield small
        body = situation.environment.execute(
            situation.opened(), ToolCall(id="c1", tool=situation.tool, arguments=small), author="call:c1", at_s=0.0
        ).body
        if isinstance(body, dict) and body.get("next_cursor"):
            yield small | {"cursor": body["next_cursor"]}
    for name, value in given.items():
        if isinstance(value, str) and " " in value and properties.get(name, {}).get("maxLength", 1000) > len(TEXT):
            yield given | {name: TEXT}
        elif isinstance(value, str) and (match := _ID.match(value)):
            yield given | {name: f"{match[0]}0"}


# -- what the reference agents do ----------------------------------------------------------------------


class _Watched(Environment):
    """An environment that tells of every call of the agent, before it is executed."""

    def __init__(self, watched: Environment, found: _Found) -> None:
        self.__dict__.update(watched.__dict__)
        self._watched = watched
        self._found = found
        self.asked: dict[str, Situation] = {}
        self.start = b""

    def execute(self, world: World, call: ToolCall, *, author: str, at_s: float) -> ToolResult:
        """As the environment that is watched does."""
        if call.tool in self.tools:
            situation = Situation(environment=self._watched, tool=call.tool, arguments=dict(call.arguments),
                                  world=world.serialize(), template=self.start, at_s=at_s)  # fmt: skip
            self._found.add(situation)
            if self.tools[call.tool].spec.effect == "read":
                self.asked[json.dumps([call.tool, situation.arguments], sort_keys=True, default=str)] = situation
        return super().execute(world, call, author=author, at_s=at_s)


class _Stage(Stage):
    """A stage on which an environment is watched."""

    def __init__(self, watched: _Watched) -> None:
        super().__init__("virtual")
        self.watched = watched

    def environment(self, name: str) -> Environment:
        """The one that is watched, of which there are all trials."""
        return self.watched

    def copies(self, name: str, template: bytes) -> Copies:
        """Worlds that can be serialised at any time."""
        return _Fresh(template)


class _Fresh(Copies):
    """Copies without the transaction around them, as SQLite serialises only what is committed."""

    def take(self, *, epoch: datetime, clock: Callable[[], float], seed: str) -> World:
        """A world that nobody else has."""
        return World(self.template, epoch=epoch, clock=clock, seed=seed)

    def give_back(self, world: World) -> None:
        """It is used only once."""


def _played(environment: Environment, made: plan.Plan, found: _Found) -> list[tuple[bytes, bytes, float]]:
    """Play the plan's trials; for each the world at its start and at its end, and when that was."""
    ends = []
    for trial in made.trials:
        entry = made.scenarios[trial.scenario]
        watched = _Watched(environment, found)
        given = entry.content.get("given", {})
        watched.start = environment.template(given.get("seed", 0), given.get("sql"))
        stage = _Stage(watched)
        try:
            attempt = Attempt(stage, Order(
                trial=msgspec.to_builtins(trial), scenario=entry.content,
                agent={"name": trial.agent, "ref": trial.agent}, attempt=1, clock="virtual", deadline_s=60,
            ), sandbox="inprocess")  # fmt: skip
            record = attempt.run()
            end = attempt.world.serialize()
        finally:
            stage.close()
        ends.append((watched.start, end, record.end_s))
        for asked in watched.asked.values():  # again at the end, when much of it has changed
            found.add(Situation(environment=environment, tool=asked.tool, arguments=asked.arguments,
                                world=end, template=watched.start, at_s=record.end_s))  # fmt: skip
    return ends


# -- what nobody does ----------------------------------------------------------------------------------


def _made_up(
    environment: Environment, tool: str, template: bytes, world: bytes, at_s: float
) -> Iterator[Situation]:  # fmt: skip
    """Calls with arguments that fit the tool's schema, the most likely first; ids are those of the world's rows."""
    opened = World(world, epoch=environment.epoch, clock=lambda: at_s)
    tables = [row["name"] for row in opened.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    tables = [name for name in tables if not name.startswith((BOOKKEEPING, "sqlite_"))]
    rows = {name: opened.rows(f'SELECT * FROM "{name}"') for name in tables}
    schema = environment.tools[tool].spec.parameters
    needed = [name for name in schema.get("properties", {}) if name in schema.get("required", ())]
    values = [_values(name, schema["properties"][name], rows, opened.now.isoformat()) for name in needed]
    for chosen in itertools.product(*values):
        yield Situation(environment=environment, tool=tool, arguments=dict(zip(needed, chosen, strict=True)),
                        world=world, template=template, at_s=at_s)  # fmt: skip


def _values(name: str, schema: Mapping[str, Any], rows: Mapping[str, list[dict[str, Any]]], now: str) -> list[Any]:
    """Values for a parameter: what its schema names, else what the world has under that name, else any key of a row."""
    if "enum" in schema:
        return list(schema["enum"])
    kind = schema.get("type")
    if kind == "boolean":
        return [True, False]
    if kind in {"integer", "number"}:
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        return [max(least, 1), max(least, 100)]
    if kind == "array":
        return [[each] for each in _values(name.removesuffix("s"), schema.get("items", {}), rows, now)]
    if kind not in {None, "string"}:
        return []
    subject = name.removesuffix("_id")
    keys = [(table, column, row[column]) for table, found in rows.items() for row in found for column in list(row)[:1]]
    named = [value for table, column, value in keys if table == subject or column == name]
    held = [row[name] for found in rows.values() for row in found if isinstance(row.get(name), str)]
    others = list({table: value for table, _, value in keys}.values())
    made = [now[:10], now[:7], TEXT]
    likely = list(dict.fromkeys([*named[:4], *held[:4], *made, *others]))
    return [each for each in likely if isinstance(each, str)][:12]
