"""Executes one attempt at one trial in this process and returns its record; it never judges.

Invariant: what the agent does wrong ends up in the record, and only the testbed's own failures are `testbed`.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from agentbench import clock, collector, plugins, scenario, seeds
from agentbench.abc import AgentContext, Fault, Order, Session
from agentbench.environment import Environment
from agentbench.faultload import Injection
from agentbench.gateway import Door, Gateway, Journal, Strike
from agentbench.record import Answer, Effect, Ending, Event, Note, TrialRecord, UserTurn, Wall, WorldEvent, plain
from agentbench.scenario import Scenario
from agentbench.script import Script
from agentbench.world import World

DETAIL_MAX = 500
GRACE_S = 30.0  # of the trial's clock: how long an agent may take to go after a limit has ended it
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
        self._faults: dict[str, Fault] = {}
        self._doors: dict[str, Door] = {}
        self._templates: dict[str, bytes] = {}
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

    def fault(self, injection: Injection) -> Fault:
        """The fault of an injection, made once; it is frozen."""
        key = seeds.digest(injection.fault, injection.with_)
        if key not in self._faults:
            self._faults[key] = plugins.fault(injection.fault, injection.with_)
        return self._faults[key]

    def template(self, name: str, content: Scenario, environment: Environment) -> bytes:
        """The bytes of the scenario's start state, made once."""
        if name not in self._templates:
            self._templates[name] = environment.template(content.given.seed, content.given.sql)
        return self._templates[name]

    def door(self, environment: Environment) -> Door:
        """The tools of an environment, as this stage's agents hold them."""
        return self._doors.setdefault(environment.name, Door(environment))

    def opener(self, ref: str, door: Door, environment: Environment) -> Opener:
        """The agent, connected once to these tools; raises `UsageError` when it cannot be loaded."""
        key = (ref, environment.name)
        if key not in self._openers:
            target = plugins.agent(ref)
            _, adapter = plugins.adapter_for(target, ref)
            asyncio.set_event_loop(self.loop)
            self._openers[key] = adapter.connect(target, door)
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

    def run(self) -> TrialRecord:
        """Execute it; the record says how it ended, whatever happened.

        Raises only what is not an `Exception` and came from outside the agent (such as `KeyboardInterrupt`).
        """
        started, began = clock.wall_now(), clock.wall_s()
        loop = self.stage.loop
        if isinstance(loop, clock.VirtualLoop):
            loop.rewind()
        try:
            self._prepare()
        except Exception as error:  # noqa: BLE001 - trust boundary: the testbed's own failure is recorded, not raised
            return self._failed(error, started, began)
        with clock.watch_sleep(self._slept):
            self._drive()
        leftovers = self._clean()
        gateway = self.gateway
        gateway.close()
        if gateway.broken is not None:
            self.ending = Ending(kind="testbed", detail=_describe(gateway.broken))
        if leftovers:
            gateway.add(Note(at_s=gateway.now_s(), kind="leftover_tasks", detail=str(leftovers)))
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
        self.world = World(template, epoch=environment.epoch, clock=self.clock.now_s, seed=trial["seed"])
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
        injection = Injection.model_validate(data)
        return Strike(index, injection, key, self.stage.fault(injection))

    def _drive(self) -> None:
        loop = self.stage.loop
        asyncio.set_event_loop(loop)
        self.door.gateway = self.gateway
        self.phase = "agent"
        limit_s = self.scenario.limits.time_s
        timer = loop.call_later(limit_s, self._stop, "time_s")
        try:
            self._task = loop.create_task(self._converse())
            loop.run_until_complete(asyncio.wait([self._task], timeout=limit_s + GRACE_S))
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
            session = self._open(context)
            message: str | None = self.script.begin()
            while message is not None:
                gateway.add(UserTurn(at_s=gateway.now_s(), turn=gateway.turn, text=message))
                answer = str(plain(await session(message)))
                gateway.add(Answer(at_s=gateway.now_s(), turn=gateway.turn, text=answer))
                message = self.script.answered(gateway.turn, answer)
                gateway.turn += 1
                if message is not None and gateway.turn >= limits.turns:
                    self._stop("turns")
                    return
        except BaseException as error:  # noqa: BLE001 - trust boundary: whatever the agent raises is data
            self._crashed(error)

    def _clean(self) -> int:
        """End what the agent left running; returns how many tasks there were."""
        loop = self.stage.loop
        tasks = [task for task in asyncio.all_tasks(loop) if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=GRACE_S))
        # What does not end would live on in the next trial; whoever runs this stage must not use it again.
        threads = loop.threads if isinstance(loop, clock.VirtualLoop) else 0
        self.spoiled = threads > 0 or not all(task.done() for task in tasks)
        return len(tasks)

    # -- ends ------------------------------------------------------------------------------------------

    def _stop(self, limit: str) -> None:
        if self.ending is None:
            self.ending = Ending(kind="testbed" if limit == "testbed" else "limit", detail=limit)
        if self._task is not None:
            self._task.cancel()

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
