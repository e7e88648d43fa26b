"""Executes one attempt at one trial in this process and returns its record; it never judges.

Invariant: what the agent does wrong ends up in the record, and only the testbed's own failures are `testbed`.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from agentbench import clock, collector, plugins, scenario, surroundings
from agentbench.abc import AgentContext, Fault, Order, Session
from agentbench.environment import Environment
from agentbench.errors import TestbedError, UsageError
from agentbench.faultload import Injection
from agentbench.gateway import Door, Gateway, Journal, Strike
from agentbench.record import Answer, Effect, Ending, Event, Note, TrialRecord, UserTurn, Wall, WorldEvent, plain
from agentbench.scenario import Scenario
from agentbench.script import Script
from agentbench.world import Copies

DETAIL_MAX = 500
# How long an agent may take to go after a limit has ended it, in the trial's clock.
GRACE_S: Mapping[clock.Mode, float] = {"virtual": 30.0, "real": 5.0}
CLEANINGS_MAX = 5
Opener = Callable[[AgentContext], Session]


class NoJournal:
    """Keeps nothing; for trials that run in the caller's own process."""

    def event(self, event: Event) -> None:
        """Ignore it."""

    def effects(self, effects: Sequence[Effect]) -> None:
        """Ignore them."""


class Context:
    """What an adapter may know of the trial; see `abc.AgentContext`."""

    def __init__(self, trial: str, seed: str, reference: Sequence[Mapping[str, Any]], gateway: Gateway) -> None:
        self.trial = trial
        self.seed = seed
        self.reference = reference
        self._gateway = gateway
        self.model_called = gateway.model_called

    def now_s(self) -> float:
        """The trial's clock."""
        return self._gateway.now_s()


class Stage:
    """What a worker keeps between trials: environments, templates, doors, opened agents, one event loop."""

    def __init__(self, mode: clock.Mode) -> None:
        self.mode = mode
        self.loop = clock.new_loop(mode)
        self.collector = collector.installed()
        self._environments: dict[str, Environment] = {}
        self._faults: dict[bytes, tuple[Injection, Fault]] = {}
        self._doors: dict[str, Door] = {}
        self._templates: dict[str, bytes] = {}
        self._copies: dict[str, Copies] = {}
        self._scenarios: dict[str, Scenario] = {}
        self._openers: dict[tuple[str, str], Opener] = {}

    def scenario(self, name: str, content: Mapping[str, Any]) -> Scenario:
        """The scenario of an order, parsed once."""
        if name not in self._scenarios:
            self._scenarios[name] = scenario.parse(content)
        return self._scenarios[name]

    def environment(self, name: str) -> Environment:
        """An environment, found once."""
        if name not in self._environments:
            self._environments[name] = plugins.environment(name)
        return self._environments[name]

    def fault(self, data: Mapping[str, Any]) -> tuple[Injection, Fault]:
        """An injection of the plan and its fault, made once; both are frozen."""
        key = msgspec.json.encode(data)
        if key not in self._faults:
            injection = Injection.model_validate(data)
            self._faults[key] = injection, plugins.fault(injection.fault, injection.with_)
        return self._faults[key]

    def template(self, name: str, content: Scenario, environment: Environment) -> bytes:
        """The bytes of the scenario's start state, made once."""
        if name not in self._templates:
            self._templates[name] = environment.template(content.given.seed, content.given.sql)
        return self._templates[name]

    def copies(self, name: str, template: bytes) -> Copies:
        """The copies of a scenario's start state."""
        return self._copies.setdefault(name, Copies(template))

    def door(self, environment: Environment) -> Door:
        """The tools of an environment, as this stage's agents hold them."""
        return self._doors.setdefault(environment.name, Door(environment))

    def opener(self, ref: str, door: Door, environment: Environment) -> Opener:
        """The agent, connected once to these tools; raises `UsageError` when it cannot be loaded or connected."""
        key = (ref, environment.name)
        if key not in self._openers:
            target = plugins.agent(ref)
            _, adapter = plugins.adapter_for(target, ref)
            asyncio.set_event_loop(self.loop)
            try:
                self._openers[key] = adapter.connect(target, door)
            except (UsageError, KeyboardInterrupt):
                raise
            except BaseException as error:
                raise UsageError(f"the agent cannot be made ready: {_describe(error)}", where=ref) from error
        return self._openers[key]

    def close(self) -> None:
        """Close the loop without waiting for threads that an agent left behind."""
        self.loop.close()


class Attempt:
    """One attempt at a trial on a stage."""

    def __init__(self, stage: Stage, order: Order, *, sandbox: str, journal: Journal | None = None) -> None:
        self.stage = stage
        self.order = order
        self.sandbox = sandbox
        self.journal: Journal = journal or NoJournal()
        self.ending: Ending | None = None
        self.phase: Literal["testbed", "agent"] = "testbed"
        self.spoiled = False  # whether the agent left something running that cannot be ended from inside
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
            self.ending = Ending(kind="testbed", detail=_describe(gateway.broken))
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
        self.gateway = Gateway(
            environment=environment,
            world=self.world,
            template=template,
            clock=self.clock,
            strikes=[self._strike(index, each, key) for index, each in enumerate(trial["injections"])],
            limits={"tool_calls": self.scenario.limits.tool_calls, "tokens": self.scenario.limits.tokens},
            journal=self.journal,
            stop=self._stop,
            called=lambda tool, count: self.script.called(tool, count),
        )
        self.script = Script(self.scenario, self._change)
        self.door = self.stage.door(environment)
        self._open = self.stage.opener(self.order.agent["ref"], self.door, environment)

    def _strike(self, index: int, data: Mapping[str, Any], key: tuple[Any, ...]) -> Strike:
        injection, fault = self.stage.fault(data)
        return Strike(index, injection, key, fault)

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
            context = Context(
                self.order.trial["id"], self.order.trial["seed"], self.order.scenario["reference"], gateway
            )
            self.stage.collector.begin(context.trial, gateway.now_s)
            session: Session | None = None
            message: str | None = self.script.begin()
            while message is not None:
                gateway.add(UserTurn(at_s=gateway.now_s(), turn=gateway.turn, text=message))
                session = session or self._open(context)
                answer = str(plain(await session(message)))
                gateway.add(Answer(at_s=gateway.now_s(), turn=gateway.turn, text=answer))
                message = self._said_next(answer)
                gateway.turn += 1
                if message is not None and gateway.turn >= limits.turns:
                    self._stop("turns")
                    return
        except BaseException as error:  # noqa: BLE001 - trust boundary: whatever the agent raises is data
            self._crashed(error)

    def _said_next(self, answer: str) -> str | None:
        try:
            return self.script.answered(self.gateway.turn, answer)
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
            count += sum(task not in (self._task, self._waiting) for task in tasks)
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
            self.ending = Ending(kind="crashed", detail=_describe(error))

    def _failed(self, error: Exception, started: str, began: float) -> TrialRecord:
        return TrialRecord(
            trial=self.order.trial["id"],
            attempt=self.order.attempt,
            seed=self.order.trial["seed"],
            clock=self.stage.mode,
            sandbox=self.sandbox,
            ending=Ending(kind="testbed", detail=_describe(error)),
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


def _describe(error: BaseException) -> str:
    """Type and message of an exception, however hostile its `__str__` is."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - an agent's exception may raise anything when it is shown
        text = "(its message cannot be shown)"
    name = type(error).__name__
    cleaned = str(plain(text[: 10 * DETAIL_MAX]))
    return f"{name}: {cleaned}"[:DETAIL_MAX] if cleaned else name
