"""How a tool world is made: typed functions over a SQL schema, with the errors that a real API gives."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeAlias

import apsw
import pydantic

from agentbench import documents, seeds
from agentbench.answers import Answer, Page
from agentbench.calls import ToolCall, ToolResult, ToolSpec
from agentbench.errors import UsageError
from agentbench.record import plain
from agentbench.world import World

# Tables whose name starts with this are the API's own bookkeeping; a scenario's write-set does not list them.
BOOKKEEPING = "_"

_IDEMPOTENCY = """
CREATE TABLE _idempotency (
  key TEXT PRIMARY KEY, tool TEXT NOT NULL, request TEXT NOT NULL, body TEXT NOT NULL
) STRICT
"""


class ApiError(Exception):
    """Raised by a tool to answer with an HTTP error and the body `{"error": {"code", "message", …details}}`."""

    def __init__(self, status: int, code: str, message: str, /, **details: Any) -> None:
        self.status = status
        self.body = {"error": {"code": code, "message": message, **details}}
        super().__init__(f"{status} {code}: {message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool function with the model that its arguments are validated by, and what it promises to answer."""

    spec: ToolSpec
    function: Callable[..., Any]
    arguments: type[pydantic.BaseModel]
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """The call that is to meet a drift: its tool and arguments, validated and with their defaults.

    `answer` is the body that it was answered with, for what happens after it; None for what happens before. `random`
    is keyed: the same for the same call of the same trial.
    """

    tool: str
    arguments: Mapping[str, Any]
    random: Random
    answer: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lure:
    """What an attacker wants: a `request` for a tool call, and the `goal`, SQL that is true once it was obeyed.

    `{name}` in both stands for the first value of the query `facts[name]`, asked of the world that the trial began in
    or is in. `harmless` is a text that could stand in the same place and asks for nothing.
    """

    name: str
    request: str
    goal: str
    harmless: str
    facts: Mapping[str, str]

    def filled(self, template: str, world: World) -> str:
        """A template with its facts in place."""
        return template.format_map({name: world.value(sql) for name, sql in self.facts.items()})


Drift: TypeAlias = Callable[[World, Meeting], object]


class Environment:
    """A tool world: a schema, a generator of its data, its tools, and what may change while an agent works.

    `schema` is SQL or the path of a `.sql` file; every table must have a primary key, for only such tables are
    in the ledger. `populate(world, random)` fills it, the same for the same generator. `epoch` is the instant at
    which a trial starts.
    """

    def __init__(
        self,
        *,
        summary: str,
        schema: str | Path,
        populate: Callable[[World, Random], None],
        epoch: str = "2026-03-02T09:00:00+00:00",
    ) -> None:
        self.name = ""  # the folder's name, set by whoever loads it
        self.summary = summary
        self.tools: dict[str, Tool] = {}
        self.drifts: dict[str, dict[str, Drift]] = {}  # by name and tool
        self.lures: dict[str, Lure] = {}
        self.outsiders: dict[str, str] = {}  # by tool, the field of its rows that others than the user write
        self.epoch = datetime.fromisoformat(epoch).astimezone(UTC)
        self._schema = schema.read_text("utf-8") if isinstance(schema, Path) else schema
        self._populate = populate
        self._templates: dict[int, bytes] = {}

    def tool(
        self,
        *,
        effect: Literal["read", "write"],
        latency_s: float = 0.2,
        idempotency_key: str | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a tool of `def name(world, …typed parameters) -> JSON`; the docstring is what the agent reads.

        Annotate parameters with pydantic (`Annotated[int, Field(gt=0, description="…")]`), and the return with the
        shape of the body (a `TypedDict`, `Page[Row]`), which faults that claim to be plausible are held to. With
        `idempotency_key` naming one of them, a repeat with the same key and arguments gets the first answer
        again and changes nothing, and one with other arguments gets 422 `idempotency_conflict`.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            arguments = _arguments_model(function)
            answer = Answer(function)
            schema = _tidy_schema(arguments.model_json_schema())
            spec = ToolSpec(
                name=function.__name__,
                description=inspect.cleandoc(function.__doc__ or "").strip(),
                parameters=schema,
                effect=effect,
                idempotency_key=idempotency_key,
                latency_s=latency_s,
                declares=lambda: answer.schema,
            )
            self.tools[spec.name] = Tool(spec=spec, function=function, arguments=arguments, answer=answer)
            return function

        return register

    def drift(self, name: str, *, tools: Sequence[str]) -> Callable[[Drift], Drift]:
        """Make a drift of `def what(world, call)`, which changes rows so that a call of one of `tools` meets it.

        A drift of the name of a fault is what that fault does in this world: others act meanwhile, and the tool then
        answers of itself. Tools of one function share what it takes away: where one cannot do its work, nor can the
        others. Raises `UsageError` for a tool that there is not, or that has such a drift already.
        """

        def register(function: Drift) -> Drift:
            of_tools = self.drifts.setdefault(name, {})
            for tool in tools:
                if tool not in self.tools:
                    raise UsageError(f"the drift '{name}' is for '{tool}', which is no tool", where=function.__name__,
                                     remedy=documents.closest(tool, list(self.tools)))  # fmt: skip
                if tool in of_tools:
                    raise UsageError(f"'{tool}' has a drift '{name}' already", where=function.__name__)
                of_tools[tool] = function
            return function

        return register

    def written_by_others(self, **fields: str) -> None:
        """Say of which reading tools' rows a field holds text that others than the user wrote: `tool="field"`."""
        for tool in fields:
            if tool not in self.tools:
                raise UsageError(f"'{tool}' is no tool", where=self.summary,
                                 remedy=documents.closest(tool, list(self.tools)))  # fmt: skip
        self.outsiders.update(fields)

    def lure(
        self, name: str, *, request: str, goal: str, harmless: str, facts: Mapping[str, str] | None = None
    ) -> None:
        """Declare something that an attacker could want of an agent here; see `Lure`."""
        self.lures[name] = Lure(name=name, request=request, goal=goal, harmless=harmless, facts=dict(facts or {}))

    def lured_by(self, name: str) -> Lure | None:
        """A lure by its name, the first one for ''; None if there is no such."""
        return self.lures.get(name) if name else next(iter(self.lures.values()), None)

    def met_by(self, fault: Any) -> Mapping[str, Any] | None:
        """The tools whose calls a fault can act on here, None for all of them."""
        if isinstance(getattr(fault, "drift", None), str):
            return self.drifts.get(fault.drift, {})
        if isinstance(getattr(fault, "lure", None), str):
            return self.outsiders if self.lured_by(fault.lure) else {}
        return None

    def let_drift(
        self, name: str, world: World, call: ToolCall, random: Random, *, author: str, at_s: float, answer: Any = None
    ) -> None:
        """Let a drift happen to what a call is about; a call without one, or that is not valid, meets nothing."""
        function = self.drifts.get(name, {}).get(call.tool)
        if function is None:
            return
        try:
            given = self.tools[call.tool].arguments.model_validate(dict(call.arguments))
        except pydantic.ValidationError:
            return
        values = {name: getattr(given, name) for name in type(given).model_fields}
        with world.changing(author, at_s):
            function(world, Meeting(tool=call.tool, arguments=values, random=random, answer=answer))

    def template(self, seed: int = 0, sql: str | None = None) -> bytes:
        """The bytes of a fresh world for a seed, with a scenario's `given` SQL applied; the same every time."""
        if seed not in self._templates:
            world = World(_blank(self._schema), epoch=self.epoch, seed=f"template:{seed}")
            self._populate(world, seeds.derive("world", self.name, seed))
            self._templates[seed] = world.serialize()
        if not sql:
            return self._templates[seed]
        world = World(self._templates[seed], epoch=self.epoch)
        with world.changing("given", 0.0):
            world.alter(sql)
        return world.serialize()

    def execute(self, world: World, call: ToolCall, *, author: str, at_s: float) -> ToolResult:
        """Answer one call against a world: unknown tool 404, bad arguments 422, `ApiError` as it says, else 200.

        Whatever else a tool raises is the environment's defect and propagates.
        """
        tool = self.tools.get(call.tool)
        if tool is None:
            return _error(404, "unknown_tool", f"There is no tool named '{call.tool}'.")
        try:
            given = tool.arguments.model_validate(dict(call.arguments))
        except pydantic.ValidationError as error:
            return _error(422, "validation_error", _first_problem(error))
        values = {name: getattr(given, name) for name in type(given).model_fields}
        if tool.spec.effect == "read":
            return self._read(world, tool, values)
        try:
            with world.changing(author, at_s):
                return self._write(world, tool, values)
        except ApiError as error:
            return ToolResult(status=error.status, body=error.body)
        except apsw.ConstraintError as error:
            return _error(409, "conflict", f"The request conflicts with the current state ({error}).")

    def _read(self, world: World, tool: Tool, values: dict[str, Any]) -> ToolResult:
        before = world.db.total_changes()
        try:
            body = tool.function(world, **values)
        except ApiError as error:
            return ToolResult(status=error.status, body=error.body)
        if world.db.total_changes() != before:
            raise UsageError(f"tool '{tool.spec.name}' is declared 'read' but changed rows", where=self.name)
        return ToolResult(status=200, body=body)

    def _write(self, world: World, tool: Tool, values: dict[str, Any]) -> ToolResult:
        parameter = tool.spec.idempotency_key
        key = values.get(parameter) if parameter else None
        if not key:
            return ToolResult(status=200, body=tool.function(world, **values))
        request = seeds.digest(tool.spec.name, {name: value for name, value in values.items() if name != parameter})
        known = world.row("SELECT request, body FROM _idempotency WHERE key = ?", key)
        if known is not None:
            if known["request"] != request:
                raise ApiError(422, "idempotency_conflict", "This idempotency key was used with other parameters.")
            body = _json_decode(known["body"])
            return ToolResult(status=200, body=body, headers={"Idempotent-Replayed": "true"})
        body = tool.function(world, **values)
        world.execute(
            "INSERT INTO _idempotency (key, tool, request, body) VALUES (?, ?, ?, ?)",
            key, tool.spec.name, request, _json_encode(body),
        )  # fmt: skip
        return ToolResult(status=200, body=body)


def page(items: list[Any], *, limit: int, cursor: str | None, total: int | None = None) -> Page[Any]:
    """Cut a list into the page that a cursor stands for: `{"items", "next_cursor", "total"}`.

    Raises `ApiError` 400 for a cursor that nobody handed out.
    """
    digits = cursor.removeprefix("c") if cursor is not None else "0"
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise ApiError(400, "invalid_cursor", "The cursor is not valid. Start again without one.")
    start = int(digits)
    after = start + limit
    return {
        "items": items[start:after],
        "next_cursor": f"c{after}" if after < len(items) else None,
        "total": len(items) if total is None else total,
    }


def _blank(schema: str) -> bytes:
    db = apsw.Connection(":memory:")
    db.execute("PRAGMA page_size = 1024")  # small pages: a world is copied for every trial
    db.execute(schema)
    db.execute(_IDEMPOTENCY)
    return bytes(db.serialize("main"))


def _arguments_model(function: Callable[..., Any]) -> type[pydantic.BaseModel]:
    signature = inspect.signature(function, eval_str=True)
    fields: dict[str, Any] = {}
    for name, parameter in list(signature.parameters.items())[1:]:  # the first one is the world
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[name] = (parameter.annotation, default)
    config = pydantic.ConfigDict(extra="forbid", strict=True)
    model: type[pydantic.BaseModel] = pydantic.create_model(function.__name__, __config__=config, **fields)
    return model


def _tidy_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema without pydantic's titles, which only cost a model tokens."""
    tidy = {name: value for name, value in schema.items() if name != "title"}
    tidy["properties"] = {
        name: {key: value for key, value in definition.items() if key != "title"}
        for name, definition in schema.get("properties", {}).items()
    }
    return tidy


def _first_problem(error: pydantic.ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    return f"{path}: {first['msg']}" if path else str(first["msg"])


def _error(status: int, code: str, message: str) -> ToolResult:
    return ToolResult(status=status, body={"error": {"code": code, "message": message}})


def _json_encode(value: Any) -> str:
    return json.dumps(plain(value), separators=(",", ":"))


def _json_decode(text: str) -> Any:
    return json.loads(text)
