"""A small world with a clock of its own, on which one fault at a time is let loose."""

from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn

import pytest
from pydantic import Field

from agentbench import plugins, seeds
from agentbench.abc import Fault, FaultContext
from agentbench.calls import ToolCall, ToolResult
from agentbench.enacting import Enactor, as_reply
from agentbench.environment import ApiError, Environment, page
from agentbench.record import Call, Execution
from agentbench.world import World

SCHEMA = """
CREATE TABLE note (id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
CREATE TABLE line (id TEXT PRIMARY KEY, note TEXT NOT NULL, entry TEXT NOT NULL) STRICT
"""


def _populate(world: World, _random: Any) -> None:
    for number in range(5):
        world.execute("INSERT INTO note VALUES (?, ?)", f"NOTE-{number}", f"note {number}")


def make_environment() -> Environment:
    """Five notes, a paged list of them, and a way to add one."""
    environment = Environment(summary="Notes.", schema=SCHEMA, populate=_populate)

    @environment.tool(effect="read", latency_s=0.5)
    def list_notes(world: World, limit: int = 10, cursor: str | None = None) -> dict[str, Any]:
        """List the notes."""
        return page(world.rows("SELECT * FROM note ORDER BY rowid"), limit=limit, cursor=cursor)

    @environment.tool(effect="read", latency_s=0.5)
    def get_note(world: World, id: str) -> dict[str, Any]:
        """Show one note."""
        note = world.row("SELECT * FROM note WHERE id = ?", id)
        if note is None:
            raise ApiError(404, "not_found", f"There is no note {id}.")
        return note

    @environment.tool(effect="write", latency_s=0.5, idempotency_key="key")
    def add_note(
        world: World, text: Annotated[str, Field(min_length=1)], after: str | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Add a note, if the one it comes after exists."""
        if after and world.row("SELECT 1 FROM note WHERE id = ?", after) is None:
            raise ApiError(404, "not_found", f"There is no note {after}.")
        note = world.new_id("NOTE")
        world.execute("INSERT INTO note VALUES (?, ?)", note, text)
        world.execute("INSERT INTO line VALUES (?, ?, 'added')", world.new_id("LINE"), note)
        return {"id": note, "text": text}

    @environment.tool(effect="write", latency_s=0.5)
    def change_note(world: World, id: str, text: str) -> dict[str, Any]:
        """Give a note another text."""
        if not world.execute("UPDATE note SET text = ? WHERE id = ?", text, id):
            raise ApiError(404, "not_found", f"There is no note {id}.")
        return {"id": id, "text": text}

    return environment


class Bench:
    """Lets faults act on calls to the notes; keeps the time slept, what was executed and the last receipt."""

    def __init__(self) -> None:
        self.environment = make_environment()
        self.template = self.environment.template()
        self.world = World(self.template, epoch=datetime(2026, 3, 2, tzinfo=UTC), seed="trial")
        self.now = 0.0
        self.executed: list[ToolResult] = []
        self.replicas: list[ToolResult] = []
        self.memory: dict[str, Any] = {}
        self.receipt: dict[str, Any] = {}
        self.scripted: list[ToolResult] = []
        self.calls: list[Call] = []
        self.done: list[Execution] = []
        self._repeats = 0
        self.enactor = Enactor(
            environment=self.environment,
            world=self.world,
            template=self.template,
            clock=self,
            refuse=lambda: None,
            keep=lambda _since: None,
            worked=lambda _tool: None,
            amended=lambda _call: None,
            answered=lambda: self.calls,
        )

    @property
    def notes(self) -> int:
        """How many notes the real world holds."""
        return int(self.world.value("SELECT count(*) FROM note"))

    @property
    def added(self) -> int:
        """How many notes were added and have their line in the log, too."""
        return int(self.world.value("SELECT count(*) FROM line JOIN note ON note.id = line.note"))

    def now_s(self) -> float:
        """The instant."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Move the clock."""
        assert seconds >= 0
        self.now += seconds

    async def proceed(self, call: ToolCall) -> ToolResult:
        """Execute in the real world, or answer with what was scripted."""
        if self.scripted:
            await self.sleep(self.environment.tools[call.tool].spec.latency_s)
            result = self.scripted.pop(0)
        else:
            result = await self.enactor.execution(self.done)(call)
        self.executed.append(result)
        return result

    def _crash(self) -> NoReturn:
        raise AssertionError("nothing here has a process that could crash")

    async def replica(self, call: ToolCall) -> ToolResult:
        """Execute on a copy of the world as it was at the start."""
        copy = World(self.template, epoch=datetime(2026, 3, 2, tzinfo=UTC), seed="replica")
        result = self.environment.execute(copy, call, author="replica", at_s=self.now)
        self.replicas.append(result)
        return result

    async def call(self, tool: str, **arguments: Any) -> ToolResult:
        """Call without a fault."""
        return await self.proceed(ToolCall(id="direct", tool=tool, arguments=arguments))

    async def strike(self, fault: Fault, tool: str, **arguments: Any) -> ToolResult:
        """Call with a fault in the way."""
        call = ToolCall(id=f"c{self._repeats}", tool=tool, arguments=arguments, repeat=self._repeats, key=tool)
        self._repeats += 1
        self.done, self.enactor.made, began = [], self._repeats, self.now
        context = FaultContext(
            spec=self.environment.tools[tool].spec,
            now_s=self.now_s,
            sleep=self.sleep,
            generator=lambda: seeds.derive("bench", call.key, call.repeat),
            memory=self.memory,
            replica=self.replica,
            deeds=self.enactor.deeds(0, call, self.done),
            crash=self._crash,
        )
        told = await fault.inject(call, self.proceed, context)
        self.receipt = context.receipt
        self.calls.append(
            Call(
                id=call.id, at_s=began, end_s=self.now, turn=0, tool=tool, ordinal=1, asked=arguments,
                done=self.done, told=as_reply(told),
            )
        )  # fmt: skip
        return told


@pytest.fixture
def bench() -> Bench:
    """A bench with a fresh world."""
    return Bench()


@pytest.fixture
def retell(bench, make) -> Any:
    """What a fault makes of a reply with this body, to a read with these arguments."""

    async def told(name: str, body: Any, *, arguments: Any = None, **parameters: Any) -> Any:
        bench.scripted = [ToolResult(status=200, body=body)]
        return (await bench.strike(make(name, **parameters), "list_notes", **(arguments or {}))).body

    return told


@pytest.fixture
def make() -> Any:
    """A fault from its YAML parameters, as a faultload makes it."""
    return lambda name, **parameters: plugins.fault(name, {key.rstrip("_"): value for key, value in parameters.items()})
