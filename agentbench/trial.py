"""Executes one attempt at one trial in this process and returns its record; it never judges.

Invariant: what the agent does wrong ends up in the record, and only the testbed's own failures are `testbed`.
"""

import asyncio
import functools
import os
import threading
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from agentbench import clock, surroundings
from agentbench import record as records
from agentbench.abc import Order, Session
from agentbench.calls import Meaning, Spoken, Turn
from agentbench.conversation import Conversation
from agentbench.errors import TestbedError
from agentbench.following import Follower
from agentbench.gateway import Gateway, Journal, process
from agentbench.injector import Strike
from agentbench.record import Answer, Effect, Ending, Event, Note, TrialRecord, UserTurn, Wall, WorldEvent, plain
from agentbench.script import Script
from agentbench.stage import Stage, described

# How long an agent may take to go after a limit has ended it, in the trial's clock.
GRACE_S: Mapping[clock.Mode, float] = {"virtual": 30.0, "real": 5.0}
CLEANINGS_MAX = 5


class NoJournal:
    """Keeps nothing; for trials that run in the caller's own process."""

    def event(self, event: Event) -> None:
        """Ignore it."""

    def effects(self, effects: Sequence[Effect]) -> None:
        """Ignore them."""


class Context:
    """What an adapter may know of the trial; see `abc.AgentContext`."""

    def __init__(
        self,
        trial: str,
        seed: str,
        reference: Sequence[Mapping[str, Any]],
        gateway: Gateway,
        conversation: Conversation,
    ) -> None:
        self.trial = trial
        self.seed = seed
        self.reference = reference
        self.meaning = Meaning()
        self.resumes = False
        self.transcript: list[Spoken] = []
        self.message_number = 0
        self._gateway = gateway
        self.model_called = gateway.model_called
        self.hand_over = conversation.hand_over

    def now_s(self) -> float:
        """The trial's clock."""
        return self._gateway.now_s()


class Attempt:
    """One attempt at a trial on a stage."""

    def __init__(self, stage: Stage, order: Order, *, sandbox: str, journal: Journal | None = None) -> None:
        self.stage = stage
        self.order = order
        self.sandbox = sandbox
        self.journal: Journal = journal or NoJournal()
        if order.follow:
            self.journal = Follower(records.decode(order.follow), self.journal, self._stop)
        self.ending: Ending | None = None
        self.phase: Literal["testbed", "agent"] = "testbed"
        self.spoiled = False  # whether the agent left something running that cannot be ended from inside
        self._mortal = False
        self._message = 0  # the number of the user's last message, from 1; one that comes twice has one number
        self._last: Turn | None = None
        self._session: Session | None = None
        self._death: asyncio.Future[None] | None = None
        self._dead: list[asyncio.Task[str]] = []  # what processes that were ended left undone
        self._task: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[Any] | None = None

    def run(self) -> TrialRecord:
        """Execute it; the record says how it ended, whatever happened.

        Raises only what is not an `Exception` and came from outside the agent (such as `KeyboardInterrupt`).
        """
        started, began = clock.wall_now(), clock.wall_s()
        self.stage.loop.rewind()
        try:
            self._prepare()
        except Exception as error:  # noqa: BLE001 - trust boundary: the testbed's own failure is recorded, not raised
            return self._failed(error, started, began)
        gateway = self.gateway
        around = surroundings.Surroundings(self.order.trial["seed"])
        try:
            with clock.watch_sleep(self._slept):
                self._drive()
            gateway.close()
            leftovers = self._clean()
        finally:
            around.restore()
        if gateway.broken is not None:
            self.ending = Ending(kind="testbed", detail=described(gateway.broken))
        if leftovers:
            gateway.add(Note(at_s=gateway.now_s(), kind="leftover_tasks", detail=str(leftovers)))
        self.spoiled = self.spoiled or around.threads_left()
        if not self.spoiled:
            self.copies.give_back(self.world)
        return TrialRecord(
            trial=self.order.trial["id"],
            attempt=self.order.attempt,
            seed=self.order.trial["seed"],
            clock=self.stage.mode,
            sandbox=self.sandbox,
            ending=self.ending or Ending(kind="finished"),
            end_s=self._end_s,
            events=gateway.events,
            ledger=self.world.effects,
            spans=self.stage.collector.drain(),
            wall=Wall(started=started, duration_s=round(clock.wall_s() - began, 6), pid=os.getpid()),
        )

    # -- phases ----------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        trial = self.order.trial
        self.scenario = self.stage.scenario(trial["scenario"], self.order.scenario)
        environment = self.stage.environment(self.scenario.environment)
        template = self.stage.template(trial["scenario"], self.scenario, environment)
        self.clock = clock.TrialClock(self.stage.loop)
        self.copies = self.stage.copies(trial["scenario"], template)
        self.world = self.copies.take(epoch=environment.epoch, clock=self.clock.now_s, seed=trial["seed"])
        # The key leaves out the agent and the faultload: all agents meet the same weather.
        key = (trial["seed"], trial["scenario"], trial["number"])
        self._span_s = self.scenario.span_s({name: tool.spec for name, tool in environment.tools.items()})
        self.gateway = Gateway(
            environment=environment,
            world=self.world,
            template=template,
            clock=self.clock,
            strikes=list(self._strikes(key)),
            limits={"tool_calls": self.scenario.limits.tool_calls, "tokens": self.scenario.limits.tokens},
            journal=self.journal,
            stop=self._stop,
            called=lambda tool, count: self.script.called(tool, count),
            crash=self._killed,
        )
        self.conversation = Conversation(self.gateway)
        self.script = Script(self.scenario, self._change)
        self.door = self.stage.door(environment)
        self._open = self.stage.opener(self.order.agent["ref"], self.door, environment)

    def _strikes(self, key: tuple[Any, ...]) -> Iterator[Strike]:
        made = self.stage.injections(self.order.trial["injections"], self.scenario.environment)
        for index, (injection, fault, looked) in enumerate(made):
            # Only faults of the context end an agent's process, and only then is there a price for being ready for it.
            self._mortal = self._mortal or fault.site == "context"
            yield Strike(index, injection, key, fault, span_s=self._span_s, looked=looked)

    def _drive(self) -> None:
        loop = self.stage.loop
        asyncio.set_event_loop(loop)
        self.door.gateway = self.gateway
        self.phase = "agent"
        self._thread = threading.get_ident()
        limit_s = self.scenario.limits.time_s
        timer = loop.call_later(limit_s, self._stop, "time_s")
        try:
            self._task = loop.create_task(self._converse())
            self._waiting = loop.create_task(asyncio.wait([self._task], timeout=limit_s + GRACE_S[self.stage.mode]))
            loop.run_until_complete(self._waiting)
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - trust boundary: the agent's task
            # A task of the agent's own raised what tears down a loop; it counts as the agent's crash.
            self._crashed(error)
        finally:
            self.phase = "testbed"
            self._end_s = self.gateway.now_s()
            timer.cancel()
            self.door.gateway = None

    async def _converse(self) -> None:
        gateway, limits = self.gateway, self.scenario.limits
        try:
            trial = self.order.trial
            reference = self.order.scenario["reference"]
            self._context = Context(trial["id"], trial["seed"], reference, gateway, self.conversation)
            self.stage.collector.begin(self._context.trial, gateway.now_s)
            message: str | None = self.script.begin()
            place = 0
            while message is not None:
                place += 1
                number = self.script.number
                said = Turn(text=message, number=number, answers=self.script.line.when != "always")
                offers: dict[str, Any] = {}
                if self.scenario.variants:
                    offers["variations"] = self.stage.variations(trial["scenario"], self.scenario, number)
                session = functools.partial(getattr, self, "_session")
                answer = await self.conversation.turn(said, self._hear, session, self._restart, **offers)
                message = self._said_next(place - 1, answer)
                if message is not None and gateway.turn >= limits.turns:
                    self._stop("turns")
                    return
        except BaseException as error:  # noqa: BLE001 - trust boundary: whatever the agent raises is data
            self._crashed(error)

    async def _hear(self, turn: Turn) -> str:
        """Let the agent hear a message, and return its answer."""
        gateway = self.gateway
        if gateway.turn >= self.scenario.limits.turns:  # a fault may say more than the script does
            self._stop("turns")
            raise asyncio.CancelledError("limit reached: turns")
        gateway.add(UserTurn(at_s=gateway.now_s(), turn=gateway.turn, text=turn.text))
        self._context.meaning = replace(turn.means, line=turn.number)
        if turn is not self._last:
            self._message += 1
            self._last = turn
        self._context.message_number = self._message
        answer = await (self._surviving(turn.text) if self._mortal else self._begun()(turn.text))
        text = str(plain(answer))
        gateway.add(Answer(at_s=gateway.now_s(), turn=gateway.turn, text=text))
        self._context.transcript.append(Spoken(self._message, turn.text, text))
        gateway.turn += 1
        return text

    def _begun(self) -> Session:
        if self._session is None:
            self._session = self._open(self._context)
        return self._session

    async def _surviving(self, message: str) -> str:
        """The answer of the last of as many processes of the agent as it takes."""
        loop = self.stage.loop
        working: asyncio.Task[str] | None = None
        try:
            while True:
                session = self._begun()
                speak = session if working is None else getattr(session, "resume", session)
                process.set(self.gateway.process)
                working = loop.create_task(_awaited(speak(message)))
                self._death = loop.create_future()
                waited: list[asyncio.Future[Any]] = [working, self._death]
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if not self._death.done():
                    return await working
                self._dead.append(working)  # not cancelled: a process that is killed cleans nothing up
        except asyncio.CancelledError:
            if working is not None:
                working.cancel()
                self._dead.append(working)
            raise

    def _killed(self) -> None:
        """End the agent's process in the midst of its work, and have it started again."""
        self._restart()
        if self._death is not None and not self._death.done():
            self._death.set_result(None)

    def _restart(self) -> None:
        """Start the agent again: a new session that knows only what it has stored outside its process."""
        number = self.gateway.restart()
        self._context.resumes = True
        self._session = None
        self.gateway.add(Note(at_s=self.gateway.now_s(), kind="restarted", detail=f"process {number + 1}"))

    def _said_next(self, place: int, answer: str) -> str | None:
        try:
            return self.script.answered(place, answer)
        except TestbedError as error:  # the script's, not the agent's
            self.gateway.fail(error)
            return None

    def _clean(self) -> int:
        """End what the agent left running; returns how many tasks of its own there were."""
        loop = self.stage.loop
        count = 0
        tasks: list[asyncio.Task[Any]] = []
        for _ in range(CLEANINGS_MAX):  # a task that is cancelled may start another
            tasks = [task for task in asyncio.all_tasks(loop) if not task.done()]
            if not tasks:
                break
            count += sum(task not in (self._task, self._waiting, *self._dead) for task in tasks)
            for task in tasks:
                task.cancel()
            try:
                waiting = loop.create_task(asyncio.wait(tasks, timeout=GRACE_S[self.stage.mode]))
                loop.run_until_complete(waiting)
            except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - trust boundary: its tasks
                self._crashed(error)
        # What does not end would live on in the next trial; whoever runs this stage must not use it again.
        self.spoiled = loop.threads > 0 or bool(tasks and any(not task.done() for task in asyncio.all_tasks(loop)))
        return count

    # -- ends ------------------------------------------------------------------------------------------

    def _stop(self, limit: str) -> None:
        if self.ending is None:
            self.ending = Ending(kind="testbed" if limit == "testbed" else "limit", detail=limit)
        self.gateway.end()
        if self._task is None:
            return
        if threading.get_ident() == self._thread:
            self._task.cancel()
        else:  # a sync agent's model or tool call, in a thread
            self.stage.loop.call_soon_threadsafe(self._task.cancel)

    def _crashed(self, error: BaseException) -> None:
        # After a limit the agent is being cancelled, and what it raises then is only how it goes.
        if self.ending is None:
            self.ending = Ending(kind="crashed", detail=described(error))

    def _failed(self, error: Exception, started: str, began: float) -> TrialRecord:
        return TrialRecord(
            trial=self.order.trial["id"],
            attempt=self.order.attempt,
            seed=self.order.trial["seed"],
            clock=self.stage.mode,
            sandbox=self.sandbox,
            ending=Ending(kind="testbed", detail=described(error)),
            end_s=0.0,
            events=[],
            ledger=[],
            wall=Wall(started=started, duration_s=round(clock.wall_s() - began, 6), pid=os.getpid()),
        )

    def _change(self, index: int, sql: str) -> None:
        effects = self.gateway.change(f"world:{index}", sql)
        self.gateway.add(WorldEvent(at_s=self.gateway.now_s(), index=index, effects=effects))

    def _slept(self, seconds: float, on_loop: bool) -> None:
        if self.phase == "agent":
            where = "on the event loop" if on_loop else "in a thread"
            detail = f"time.sleep({seconds:g}) {where}; it takes real time, and no limit can interrupt it"
            self.gateway.add(Note(at_s=self.gateway.now_s(), kind="blocking_sleep", detail=detail))


async def _awaited(answer: Awaitable[str]) -> str:
    return await answer
