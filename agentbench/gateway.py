"""The one way from an agent to its world: records what was asked, lets faults act, records what was done.

Invariant: agent → recorder → injections → recorder → environment; neither recorder can be passed by.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from agentbench import plugins, seeds
from agentbench.abc import Fault, FaultContext
from agentbench.calls import Handler, ToolCall, ToolResult, ToolSpec
from agentbench.environment import Environment
from agentbench.errors import TestbedError
from agentbench.faultload import Injection, Schedule
from agentbench.record import Call, Claim, Effect, Event, Execution, Firing, ModelCall, Note, Reply, copied, plain
from agentbench.world import World

REPORT = ToolSpec(
    name="report_outcome",
    description=(
        "Report how the user's request ended, once, before your final answer. status: 'done' if everything the user "
        "asked for is done, 'partial' if only a part is, 'failed' if nothing could be achieved. missing: what the "
        "user asked for and is not done, one short phrase each."
    ),
    parameters={
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["done", "partial", "failed"]},
            "summary": {"type": "string", "description": "What was done, in a sentence."},
            "missing": {"type": "array", "items": {"type": "string"}, "description": "What is not done."},
        },
        "required": ["status"],
        "additionalProperties": False,
    },
    effect="read",
)


class Clock(Protocol):
    """What the gateway needs of a trial's clock."""

    def now_s(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class Journal(Protocol):
    """Takes every event and effect as it happens, so that a killed worker leaves a record."""

    def event(self, event: Event) -> None: ...

    def effects(self, effects: Sequence[Effect]) -> None: ...


class Strike:
    """One injection in one trial: the fault, its schedule and its memory."""

    def __init__(self, index: int, injection: Injection, key: tuple[Any, ...], fault: Fault | None = None) -> None:
        self.index = index
        self.name = injection.fault
        # Faults are frozen, so that one may serve many trials.
        self.fault = fault or plugins.fault(injection.fault, injection.with_)
        self.schedule = Schedule(injection, (*key, index))
        self.memory: dict[str, Any] = {}
        self.key = (*key, index)


class Gateway:
    """The tools of one trial.

    `strikes` are the trial's injections, the first outermost. `stop(limit)` is called when a limit is reached and
    must end the agent. `called(tool, n)` is told of the n-th successful call of a tool.
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
    ) -> None:
        self.events: list[Event] = []
        self.turn = 0
        self.broken: BaseException | None = None
        self._environment = environment
        self._world = world
        self._template = template
        self._clock = clock
        self._strikes = strikes
        self._limits = limits
        self._journal = journal
        self._stop = stop
        self._called = called
        self._made = 0
        self._ordinals: Counter[str] = Counter()
        self._repeats: Counter[str] = Counter()
        self._successes: Counter[str] = Counter()
        self._tokens = 0
        self._open: dict[str, tuple[ToolCall, float, list[Execution], list[Firing]]] = {}
        self._closed = False

    # -- what the agent reaches ------------------------------------------------------------------------

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Answer one tool call; raises `asyncio.CancelledError` once a limit is reached or the trial is over."""
        self._refuse_when_over()
        given = plain(arguments)
        asked: dict[str, Any] = given if isinstance(given, dict) else {"value": given}
        if name == REPORT.name:
            return self._report(asked)
        if self._made >= self._limits["tool_calls"]:
            self._end("tool_calls")
        call = self._admit(str(plain(name)), asked)
        done: list[Execution] = []
        fired: list[Firing] = []
        started = self._clock.now_s()
        self._open[call.id] = (call, started, done, fired)
        try:
            told = await self._chain(call, done, fired)(call)
        except asyncio.CancelledError:
            self._close_call(call.id, Reply(failure="abandoned"))  # the agent gave up on the call, or was ended
            raise
        except TestbedError as error:
            self._break(error)
            raise asyncio.CancelledError from error
        self._close_call(call.id, _reply(told))
        return told

    def model_called(
        self, *, model: str, started_s: float, input_tokens: int | None, output_tokens: int | None, error: str | None
    ) -> None:
        """Enter a chat-model call that ends now; a trial over its token limit is ended."""
        if self._closed:
            return
        self.add(
            ModelCall(
                at_s=started_s,
                end_s=self._clock.now_s(),
                turn=self.turn,
                model=model,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                error=error,
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
        self._journal.event(event)

    def change(self, author: str, sql: str) -> list[int]:
        """Change the world as the script says; returns the indices of the effects."""
        before = len(self._world.effects)
        with self._world.changing(author, self._clock.now_s()):
            self._world.db.execute(sql)
        self._journal.effects(self._world.effects[before:])
        return list(range(before, len(self._world.effects)))

    def close(self) -> None:
        """End the trial: calls that are still open are entered as abandoned, later ones are refused."""
        for call_id in list(self._open):
            self._close_call(call_id, Reply(failure="abandoned"))
        self._closed = True

    # -- the chain -------------------------------------------------------------------------------------

    def _admit(self, name: str, asked: dict[str, Any]) -> ToolCall:
        self._made += 1
        self._ordinals[name] += 1
        key = seeds.digest(name, asked)
        repeat = self._repeats[key]
        self._repeats[key] += 1
        return ToolCall(
            id=f"c{self._made}", tool=name, arguments=asked, ordinal=self._ordinals[name], repeat=repeat, key=key
        )

    def _chain(self, call: ToolCall, done: list[Execution], fired: list[Firing]) -> Handler:
        handler = self._execution(done)
        tool = self._environment.tools.get(call.tool)
        if tool is None:
            return handler
        now = self._clock.now_s()
        for strike in reversed([each for each in self._strikes if each.schedule.strikes(call, tool.spec, now)]):
            handler = self._struck(strike, tool.spec, handler, done, fired)
        return handler

    def _struck(
        self, strike: Strike, spec: ToolSpec, proceed: Handler, done: list[Execution], fired: list[Firing]
    ) -> Handler:
        async def handler(call: ToolCall) -> ToolResult:
            context = FaultContext(
                spec=spec,
                now_s=self._clock.now_s,
                sleep=self._clock.sleep,
                random=seeds.derive(*strike.key, "fault", call.key, call.repeat),
                memory=strike.memory,
                replica=self._replica(strike, done),
            )
            at = self._clock.now_s()
            try:
                return await strike.fault.inject(call, proceed, context)
            except (TestbedError, asyncio.CancelledError):
                raise
            except Exception as error:
                raise TestbedError(f"the fault '{strike.name}' failed: {type(error).__name__}: {error}") from error
            finally:
                receipt = {"witness": strike.fault.witness, **plain(context.receipt)}
                fired.append(Firing(injection=strike.index, fault=strike.name, at_s=at, receipt=receipt))

        return handler

    def _execution(self, done: list[Execution]) -> Handler:
        async def handler(call: ToolCall) -> ToolResult:
            started = self._clock.now_s()
            tool = self._environment.tools.get(call.tool)
            await self._clock.sleep(tool.spec.latency_s if tool else 0.0)
            before = len(self._world.effects)
            result = self._execute(self._world, call)
            self._journal.effects(self._world.effects[before:])
            done.append(
                Execution(
                    at_s=started,
                    end_s=self._clock.now_s(),
                    arguments=dict(call.arguments),
                    reply=_reply(result),
                    effects=list(range(before, len(self._world.effects))),
                )
            )
            if result.ok:
                self._successes[call.tool] += 1
                self._called(call.tool, self._successes[call.tool])
            return result

        return handler

    def _replica(self, strike: Strike, done: list[Execution]) -> Handler:
        """Answers from a copy of the world as it was when the trial began; nothing there touches the real one."""

        async def handler(call: ToolCall) -> ToolResult:
            copy = World(
                self._template,
                epoch=self._environment.epoch,
                clock=self._clock.now_s,
                seed=seeds.digest("replica", *strike.key, call.id),
            )
            result = self._execute(copy, call)
            now = self._clock.now_s()
            done.append(
                Execution(at_s=now, end_s=now, arguments=dict(call.arguments), reply=_reply(result), replica=True)
            )
            return result

        return handler

    def _execute(self, world: World, call: ToolCall) -> ToolResult:
        try:
            return self._environment.execute(world, call, author=f"call:{call.id}", at_s=self._clock.now_s())
        except Exception as error:
            # A tool that fails in any way but `ApiError` is the environment's defect, not the agent's.
            raise TestbedError(f"the tool '{call.tool}' failed: {type(error).__name__}: {error}") from error

    # -- ends ------------------------------------------------------------------------------------------

    def _report(self, asked: dict[str, Any]) -> ToolResult:
        status = asked.get("status")
        if status not in ("done", "partial", "failed"):
            body = {"error": {"code": "validation_error", "message": "status: write 'done', 'partial' or 'failed'"}}
            return ToolResult(status=422, body=body)
        missing = asked.get("missing") or []
        words = [str(each) for each in missing] if isinstance(missing, list) else [str(missing)]
        claim = Claim(
            at_s=self._clock.now_s(),
            turn=self.turn,
            status=status,
            summary=str(asked.get("summary") or ""),
            missing=words,
        )
        self.add(claim)
        return ToolResult(status=200, body={"recorded": True})

    def _close_call(self, call_id: str, told: Reply) -> None:
        call, started, done, fired = self._open.pop(call_id)
        self.add(
            Call(
                id=call.id,
                at_s=started,
                end_s=self._clock.now_s(),
                turn=self.turn,
                tool=call.tool,
                ordinal=call.ordinal,
                asked=dict(call.arguments),
                done=done,
                told=told,
                fired=sorted(fired, key=lambda each: each.injection),
            )
        )

    def _refuse_when_over(self) -> None:
        if self._closed or self.broken is not None:
            raise asyncio.CancelledError("the trial is over")

    def _end(self, limit: str) -> None:
        self._stop(limit)
        raise asyncio.CancelledError(f"limit reached: {limit}")

    def _break(self, error: BaseException) -> None:
        self.broken = self.broken or error
        self.add(Note(at_s=self._clock.now_s(), kind="testbed", detail=str(error)))
        self._stop("testbed")


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
        return await self.gateway.call(name, arguments)


def _reply(result: ToolResult) -> Reply:
    # A copy, for the agent may change what it was given.
    return Reply(status=result.status, body=copied(result.body), headers=dict(result.headers), failure=result.failure)
