"""Puts the faults that strike around a tool call, a user turn or a message between agents, and keeps their receipts.

Invariant: every fault that acted leaves a firing beside what it acted on, also when it raised; whatever it raises is
the testbed's failure, and never the agent's.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Sequence
from typing import Any, NoReturn, TypeVar

import apsw

from agentbench import plugins, seeds
from agentbench.abc import AnyFault, Channel, FaultContext, MessageContext, Renaming, TurnContext
from agentbench.calls import Handler, Message, MessageHandler, ToolCall, ToolSpec, Turn, TurnHandler
from agentbench.enacting import Clock, Enactor
from agentbench.errors import TestbedError
from agentbench.faultload import Injection
from agentbench.record import Execution, Firing, plain
from agentbench.schedule import Occasion, Schedule
from agentbench.world import World

Subject = TypeVar("Subject")
Answer = TypeVar("Answer")


class Killed(BaseException):
    """A fault ends the agent's process here; no handler of an exception of the agent's may see it."""


class Strike:
    """One injection in one trial: fault, schedule and memory. `span_s` and `looked` are as in `Schedule`."""

    def __init__(
        self,
        index: int,
        injection: Injection,
        key: tuple[Any, ...],
        fault: AnyFault | None = None,
        *,
        span_s: float = 0.0,
        looked: dict[str, bool] | None = None,
    ) -> None:
        self.index = index
        self.id = injection.id
        self.name = injection.fault
        # Faults are frozen, so that one may serve many trials.
        self.fault: Any = fault or plugins.fault(injection.fault, injection.with_)
        self.channel: Channel = plugins.channel_of(self.fault)
        self.schedule = Schedule(injection, (*key, index), channel=self.channel, span_s=span_s, looked=looked)
        self.memory: dict[str, Any] = {}
        self.key = (*key, index)


class Injector:
    """The injections of one trial; the first is outermost wherever several strike at once.

    `enactor` is what carries out what they do.
    """

    def __init__(
        self,
        strikes: Sequence[Strike],
        *,
        world: World,
        clock: Clock,
        enactor: Enactor,
    ) -> None:
        self._strikes = strikes
        self._world = world
        self._clock = clock
        self._enactor = enactor
        self._made = 0
        self._successes: Counter[str] = Counter()
        self._struck: set[str] = set()
        # Asked by name: a check against a protocol takes some 20 µs, for each injection of each trial.
        self._renaming: list[Renaming] = [strike.fault for strike in strikes if hasattr(strike.fault, "meant")]
        self._asked: dict[str, tuple[int, bool]] = {}  # what a query said of which version of the world
        # Whether a fault may want to know what the agent remembered at earlier turns.
        self.looks_back = any(each.channel == "turn" and each.fault.site == "context" for each in strikes)

    # -- what schedules see ----------------------------------------------------------------------------

    def now_s(self) -> float:
        """The trial's clock."""
        return self._clock.now_s()

    def made(self) -> int:
        """How many tool calls there have been before this one."""
        return self._made

    def successes(self, tool: str) -> int:
        """How many calls of a tool have been answered with success."""
        return self._successes[tool]

    def holds(self, sql: str) -> bool:
        """Whether a query of the world is true now; raises `TestbedError` when it cannot be asked."""
        self._enactor.settle()
        version = self._world.version
        known = self._asked.get(sql)
        if known is None or known[0] != version:  # asking costs more than all else that a schedule does
            try:
                known = version, bool(self._world.ask(sql))
            except apsw.Error as error:
                raise TestbedError(f"the predicate of an injection cannot be asked: {error}") from error
            self._asked[sql] = known
        return known[1]

    def struck(self, injection: str) -> bool:
        """Whether the injection with this id has struck before."""
        return injection in self._struck

    # -- what the gateway and the trial use --------------------------------------------------------------

    def succeeded(self, tool: str) -> int:
        """Count an executed success of a tool; returns the count."""
        self._successes[tool] += 1
        return self._successes[tool]

    def meant(self, name: str, tools: Container[str]) -> str:
        """The tool's own name for one that a fault may have given it; any other name stays what it is."""
        return next((own for own in (fault.meant(name) for fault in self._renaming) if own and own in tools), name)

    def around_call(
        self, call: ToolCall, spec: ToolSpec, handler: Handler, done: list[Execution], fired: list[Firing]
    ) -> Handler:
        """The handler with the faults that strike at this call around it."""
        for strike in self._striking(Occasion("call", call.tool, call.key, call.repeat, spec)):
            context = FaultContext(
                **self._offered(strike, call.key, call.repeat),
                spec=spec,
                replica=self._enactor.replica(strike.key, done),
                deeds=self._enactor.deeds(strike.index, call, done),
                crash=_kill,
            )
            handler = self._struck_handler(strike, handler, context, fired)
        self._made += 1
        return handler

    def around_turn(self, turn: Turn, handler: TurnHandler, fired: list[Firing], offers: dict[str, Any]) -> TurnHandler:
        """The delivery of a user's turn with the faults that strike at it around it; `offers` are `TurnContext`'s."""
        key = seeds.digest("turn", turn.number)
        for strike in self._striking(Occasion("turn", "user", key, 0)):
            context = TurnContext(**self._offered(strike, key, 0), **offers)
            handler = self._struck_handler(strike, handler, context, fired)
        return handler

    def around_message(self, message: Message, handler: MessageHandler, fired: list[Firing]) -> MessageHandler:
        """The delivery of a message between agents with the faults that strike at it around it."""
        key = seeds.digest("message", message.channel, message.number)
        for strike in self._striking(Occasion("message", message.channel, key, 0)):
            handler = self._struck_handler(strike, handler, MessageContext(**self._offered(strike, key, 0)), fired)
        return handler

    def _striking(self, occasion: Occasion) -> list[Strike]:
        """Those that strike, the innermost first."""
        if not self._strikes:
            return []
        # All are asked before any counts as having struck: what arms another one does so for later occasions.
        found = [strike for strike in self._strikes if strike.schedule.strikes(occasion, self)]
        self._struck.update(strike.id for strike in found if strike.id is not None)
        found.reverse()
        return found

    def _offered(self, strike: Strike, key: str, repeat: int) -> dict[str, Any]:
        return {
            "now_s": self._clock.now_s,
            "sleep": self._clock.sleep,
            "generator": lambda: seeds.derive(*strike.key, "fault", key, repeat),
            "memory": strike.memory,
        }

    def _struck_handler(
        self, strike: Strike, proceed: Callable[[Subject], Awaitable[Answer]], context: Any, fired: list[Firing]
    ) -> Callable[[Subject], Awaitable[Answer]]:
        async def handler(subject: Subject) -> Answer:
            at = self._clock.now_s()
            try:
                answer: Answer = await strike.fault.inject(subject, proceed, context)
                return answer
            except (TestbedError, asyncio.CancelledError):
                raise
            except Exception as error:
                raise TestbedError(f"the fault '{strike.name}' failed: {type(error).__name__}: {error}") from error
            finally:
                receipt = {"witness": strike.fault.witness, **plain(context.receipt)}
                fired.append(Firing(injection=strike.index, fault=strike.name, at_s=at, receipt=receipt))

        return handler


def _kill() -> NoReturn:
    raise Killed
