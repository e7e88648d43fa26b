"""The one way from an agent to its world: records what was asked, lets faults act, records what was done.

Invariant: agent → recorder → injections → recorder → environment; neither recorder can be passed by.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from agentbench import claiming, seeds
from agentbench.calls import Handler, ToolCall, ToolResult, ToolSpec
from agentbench.claiming import REPORT
from agentbench.enacting import Clock, Enactor, as_reply
from agentbench.environment import Environment
from agentbench.errors import TestbedError
from agentbench.injector import Injector, Killed, Strike
from agentbench.record import (
    Call,
    Effect,
    Event,
    Execution,
    Firing,
    ModelCall,
    Note,
    Reply,
    examine,
    plain,
)
from agentbench.world import World

# Which process of the agent the current code belongs to, where it may be started again.
process: ContextVar[int] = ContextVar("process")

NAME_MAX = 200  # characters of a tool's name that are kept


class Journal(Protocol):
    """Takes every event and effect as it happens, so that a killed worker leaves a record.

    A call is entered twice: as `abandoned` when it begins, and again under the same id when it ends.
    """

    def event(self, event: Event) -> None: ...

    def effects(self, effects: Sequence[Effect]) -> None: ...


@dataclass(slots=True)
class _Open:
    """A call that has not been answered yet. `problem` says what about its arguments is not JSON.

    `request` is `Call.request`.
    """

    call: ToolCall
    at_s: float
    problem: str
    request: str | None = None
    done: list[Execution] = field(default_factory=list)
    fired: list[Firing] = field(default_factory=list)


class Gateway:
    """The tools of one trial.

    `strikes` are the trial's injections, the first outermost. `stop(limit)` is called when a limit is reached and
    must end the agent. `called(tool, n)` is told of the n-th successful call of a tool. `crash()` must start the agent
    again, with `process` in its context set to what `restart` returns.
    """

    def __init__(
        self,
        *,
        environment: Environment,
        world: World,
        template: bytes,
        clock: Clock,
        strikes: Sequence[Strike],
        limits: Mapping[str, float],
        journal: Journal,
        stop: Callable[[str], None],
        called: Callable[[str, int], None],
        crash: Callable[[], None] = lambda: None,
    ) -> None:
        self.events: list[Event] = []
        self.turn = 0
        self.broken: BaseException | None = None
        self._environment = environment
        self._world = world
        self._clock = clock
        self._enactor = Enactor(
            environment=environment,
            world=world,
            template=template,
            clock=clock,
            refuse=self._refuse_when_over,
            keep=self._keep_effects,
            worked=self._worked,
            amended=self._amended,
            answered=lambda: [event for event in self.events if isinstance(event, Call)],
        )
        self.injector = Injector(strikes, world=world, clock=clock, enactor=self._enactor)
        self._limits = limits
        self._journal = journal
        self._stop = stop
        self._called = called
        self._crash = crash
        self.process = 0  # how often the agent has been started again
        self._made = 0
        self._ordinals: Counter[str] = Counter()
        self._repeats: Counter[str] = Counter()
        self._tokens = 0
        self._reports = 0
        self._open: dict[str, _Open] = {}
        self._over = False

    # -- what the agent reaches ------------------------------------------------------------------------

    async def call(self, name: str, arguments: Mapping[str, Any], request: str | None = None) -> ToolResult:
        """Answer one tool call; `request` is the id by which the agent's model asked for it.

        Raises `asyncio.CancelledError` once a limit is reached or the trial is over.
        """
        await self.admit()
        given, problem = examine(arguments)
        asked: dict[str, Any] = given if isinstance(given, dict) else {"value": given}
        if asked is not given:
            problem = problem or "it is not an object"
        tool = str(plain(name))[:NAME_MAX]
        if tool == REPORT.name:
            return self._report(asked)
        if self._made >= self._limits["tool_calls"]:
            self._end("tool_calls")
        asker = None if request is None else str(plain(request))[:NAME_MAX]
        opened = _Open(self._admit(tool, asked), self._clock.now_s(), problem, asker)
        self._open[opened.call.id] = opened
        self._keep(self._entry(opened, Reply(failure="abandoned")))
        try:
            told = await self._chain(opened)(opened.call)
        except asyncio.CancelledError:
            self._close_call(opened, Reply(failure="abandoned"))  # the agent gave up on the call, or was ended
            raise
        except Killed:
            self._close_call(opened, Reply(failure="abandoned"))
            self._crash()
            return await self._nowhere()
        except Exception as error:
            self.fail(error)
            raise asyncio.CancelledError from error
        if self._dead():
            self._close_call(opened, Reply(failure="abandoned"))
            return await self._nowhere()
        self._close_call(opened, as_reply(told))
        return told

    async def admit(self) -> None:
        """Return to those who may still do something in this trial.

        Code of a process that was killed gets no further: it is never answered. Raises `asyncio.CancelledError` once a
        limit is reached or the trial is over.
        """
        if self._dead():
            await self._nowhere()
        self._refuse_when_over()

    def model_called(
        self, *, model: str, started_s: float, input_tokens: int | None, output_tokens: int | None, error: str | None
    ) -> None:
        """Enter a chat-model call that ends now; a trial over its token limit is ended."""
        if self._over or self._dead():
            return
        self.add(
            ModelCall(
                at_s=started_s,
                end_s=self._clock.now_s(),
                turn=self.turn,
                model=str(plain(model)),
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                error=None if error is None else str(plain(error)),
            )
        )
        self._tokens += (input_tokens or 0) + (output_tokens or 0)
        if self._tokens > self._limits["tokens"]:
            self._stop("tokens")

    def now_s(self) -> float:
        """The trial's clock."""
        return self._clock.now_s()

    # -- what the trial uses ---------------------------------------------------------------------------

    def add(self, event: Event) -> None:
        """Enter an event of the trial."""
        self.events.append(event)
        self._keep(event)

    def change(self, author: str, sql: str) -> list[int]:
        """Change the world as the script says; returns the indices of the effects."""
        return self._enactor.change(author, sql)

    def restart(self) -> int:
        """Take nothing more from the agent's process, as it is dead; returns the number of the next one."""
        self.process += 1
        return self.process

    def end(self) -> None:
        """Refuse every call from now on; those that are open do nothing more to the world."""
        self._over = True

    def fail(self, error: BaseException) -> None:
        """End the trial because the testbed broke; the first reason stays."""
        if self.broken is not None:
            return
        self.broken = error
        self.add(Note(at_s=self._clock.now_s(), kind="testbed", detail=str(plain(str(error)))))
        self._stop("testbed")

    def close(self) -> None:
        """End the trial: calls that are still open are entered as abandoned, later ones are refused."""
        self.end()
        for opened in list(self._open.values()):
            self._close_call(opened, Reply(failure="abandoned"))
        try:
            self._enactor.settle(everything=True)
        except TestbedError as error:
            self.fail(error)

    def _keep(self, event: Event) -> None:
        self._journaled(lambda: self._journal.event(event))

    def _keep_effects(self, since: int) -> None:
        if len(self._world.effects) > since:
            self._journaled(lambda: self._journal.effects(self._world.effects[since:]))

    def _journaled(self, write: Callable[[], None]) -> None:
        """Without its journal a trial cannot be accounted for: a full disk breaks it, and is no crash of the agent."""
        try:
            if self.broken is None:
                write()
        except OSError as error:
            self.fail(TestbedError(f"the journal cannot be written: {error.strerror}"))

    # -- the chain -------------------------------------------------------------------------------------

    def _admit(self, asked_for: str, asked: dict[str, Any]) -> ToolCall:
        tools = self._environment.tools
        name = asked_for if asked_for in tools else self.injector.meant(asked_for, tools)
        self._made += 1
        self._enactor.made = self._made
        self._ordinals[name] += 1
        key = seeds.digest(name, asked)
        repeat = self._repeats[key]
        self._repeats[key] += 1
        return ToolCall(
            id=f"c{self._made}", tool=name, arguments=asked, ordinal=self._ordinals[name], repeat=repeat, key=key,
            alias="" if name == asked_for else asked_for,
        )  # fmt: skip

    def _chain(self, opened: _Open) -> Handler:
        call = opened.call
        handler = self._enactor.execution(opened.done, opened.problem)
        tool = self._environment.tools.get(call.tool)
        if tool is None:
            return handler
        return self.injector.around_call(call, tool.spec, handler, opened.done, opened.fired)

    def _worked(self, tool: str) -> None:
        self._called(tool, self.injector.succeeded(tool))

    def _amended(self, call: str) -> None:
        """Journal a call again that was executed after it had ended; its event holds the same list of executions."""
        for event in self.events:
            if isinstance(event, Call) and event.id == call:
                self._keep(event)

    # -- ends ------------------------------------------------------------------------------------------

    def _report(self, asked: dict[str, Any]) -> ToolResult:
        self._reports += 1
        if self._reports > self._limits["tool_calls"]:
            self._end("tool_calls")
        made = claiming.claim(asked, at_s=self._clock.now_s(), turn=self.turn)
        if isinstance(made, ToolResult):
            return made
        self.add(made)
        return ToolResult(status=200, body={"recorded": True})

    def _close_call(self, opened: _Open, told: Reply) -> None:
        if self._open.pop(opened.call.id, None) is not None:  # the end of the trial may have closed it already
            self.add(self._entry(opened, told))

    def _entry(self, opened: _Open, told: Reply) -> Call:
        call = opened.call
        return Call(
            id=call.id,
            at_s=opened.at_s,
            end_s=self._clock.now_s(),
            turn=self.turn,
            tool=call.tool,
            ordinal=call.ordinal,
            asked=dict(call.arguments),
            done=opened.done,
            told=told,
            fired=sorted(opened.fired, key=lambda each: each.injection),
            request=opened.request,
        )

    def _refuse_when_over(self) -> None:
        if self._over or self.broken is not None:
            raise asyncio.CancelledError("the trial is over")

    def _dead(self) -> bool:
        """Whether the caller belongs to a process of the agent that has been ended. One that is not known lives."""
        return process.get(self.process) != self.process

    async def _nowhere(self) -> NoReturn:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    def _end(self, limit: str) -> None:
        self._stop(limit)
        raise asyncio.CancelledError(f"limit reached: {limit}")


class Door:
    """The tools as a worker's agents hold them: the same object for every trial, opened onto one at a time."""

    def __init__(self, environment: Environment) -> None:
        self.gateway: Gateway | None = None
        self.host = f"api.{environment.name}.example"
        self._specs = [tool.spec for tool in environment.tools.values()] + [REPORT]

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The environment's tools and `report_outcome`."""
        return self._specs

    async def call(self, name: str, arguments: Mapping[str, Any], *, call_id: str | None = None) -> ToolResult:
        """Call a tool of the trial that is open."""
        if self.gateway is None:
            raise asyncio.CancelledError("no trial is open")
        return await self.gateway.call(name, arguments, call_id)
