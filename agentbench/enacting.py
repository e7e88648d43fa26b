"""Carries calls out: in the real world, on older or rehearsed states of it, and later than they were answered.

Invariant: whatever is done to the world is in the ledger under the call or the fault that wanted it, and every
execution stands beside the call that it was done for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Protocol

import apsw

from agentbench import seeds
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.deeds import Bait, Deeds
from agentbench.environment import Environment
from agentbench.errors import TestbedError
from agentbench.record import Call, Effect, Execution, Reply, copied
from agentbench.world import World


class Clock(Protocol):
    """What is needed of a trial's clock."""

    def now_s(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """What is still to happen: at an instant, or before a call of this number, whichever comes first.

    `act(at_s)` does it. What `lapses` does not happen any more once the trial is over.
    """

    act: Callable[[float], object]
    at_s: float
    before: float = float("inf")
    lapses: bool = False


class Enactor:
    """The executions of one trial.

    `refuse()` raises once the trial is over. `keep(since)` is told of new effects from that place in the ledger on,
    `worked(tool)` of each success, `amended(call)` of a call that was executed after it had been answered. `answered`
    are the calls that have ended. `made` is the number of calls so far, which the gateway counts.
    """

    def __init__(
        self,
        *,
        environment: Environment,
        world: World,
        template: bytes,
        clock: Clock,
        refuse: Callable[[], None],
        keep: Callable[[int], None],
        worked: Callable[[str], None],
        amended: Callable[[str], None],
        answered: Callable[[], Sequence[Call]],
    ) -> None:
        self.answered = answered
        self.made = 0
        self._environment = environment
        self._world = world
        self._template = template
        self._clock = clock
        self._refuse = refuse
        self._keep = keep
        self._worked = worked
        self._amended = amended
        self._due: list[_Due] = []
        self._promised: dict[str, int] = {}  # where the ids of a call's latest preview begin

    def execution(self, done: list[Execution], problem: str = "", author: str = "") -> Handler:
        """Executes in the real world, in the tool's time; the `author` is the call, unless it is another."""

        async def handler(call: ToolCall) -> ToolResult:
            started = self._clock.now_s()
            tool = self._environment.tools.get(call.alias or call.tool)
            await self._clock.sleep(tool.spec.latency_s if tool else 0.0)
            self._refuse()  # a limit was reached while the request was on its way
            self.settle()
            if problem:
                result = _unreadable(problem)
                now = self._clock.now_s()
                done.append(_execution(call, result, started, now))
                return result
            ids = self._promised.get(call.id) if author else None
            return self._carry_out(call, done, author or f"call:{call.id}", started, ids)

        return handler

    def replica(self, key: Sequence[object], done: list[Execution]) -> Handler:
        """Answers from a copy of the world as it was when the trial began; nothing there touches the real one."""

        async def handler(call: ToolCall) -> ToolResult:
            copy = World(
                self._template,
                epoch=self._environment.epoch,
                clock=self._clock.now_s,
                seed=seeds.digest("replica", *key, call.id),
            )
            now = self._clock.now_s()
            result = self._execute(copy, call, f"call:{call.id}", now)
            done.append(_execution(call, result, now, now, replica=True))
            return result

        return handler

    def deeds(self, index: int, call: ToolCall, done: list[Execution]) -> Deeds:
        """What the fault of the injection `index` may do in the course of a call."""
        return _Deeds(self, index, call, done)

    def preview(self, call: ToolCall, done: list[Execution]) -> ToolResult:
        """What the tool would answer now; the world is left as it was."""
        self.settle()
        now = self._clock.now_s()
        with self._world.rehearsing() as ids:
            result = self._execute(self._world, call, f"call:{call.id}", now)
        self._promised[call.id] = ids
        done.append(_execution(call, result, now, now, replica=True))
        return result

    def would_change(self, call: ToolCall) -> bool:
        """Whether executing the call now would change any row; the world is left as it was."""
        self.settle()
        before = len(self._world.effects)
        with self._world.rehearsing():
            self._execute(self._world, call, f"call:{call.id}", self._clock.now_s())
            return len(self._world.effects) > before

    def later(self, call: ToolCall, done: list[Execution], delay_s: float | None, calls: int | None) -> None:
        """Execute the call when it is due."""
        at_s = float("inf") if delay_s is None else self._clock.now_s() + delay_s
        before = float("inf") if calls is None else self.made + calls
        ids = self._promised.get(call.id)

        def act(at_s: float) -> None:
            self._carry_out(call, done, f"call:{call.id}", at_s, ids, at_s)
            self._amended(call.id)

        self._due.append(_Due(act=act, at_s=at_s, before=before))

    def settle(self, *, everything: bool = False) -> None:
        """Do what has become due, or all that is left and may still happen; before anybody looks at the world."""
        if not self._due:
            return
        now = self._clock.now_s()
        ready = [
            each
            for each in self._due
            if (everything and not each.lapses) or each.at_s <= now or self.made > each.before
        ]
        self._due = [each for each in self._due if each not in ready]
        for each in sorted(ready, key=lambda each: each.at_s):
            each.act(min(each.at_s, now))

    def drift(
        self, author: str, name: str, call: ToolCall, random: Random, answer: Any = None, after_s: float | None = None
    ) -> int:
        """Let a drift of the environment happen now, or after a time; returns how many rows it has changed."""

        def act(at_s: float) -> None:
            try:
                self._environment.let_drift(name, self._world, call, random, answer=answer, author=author, at_s=at_s)
            except Exception as error:
                words = f"the drift '{name}' of '{self._environment.name}' failed: {type(error).__name__}: {error}"
                raise TestbedError(words) from error

        if after_s is None:
            return len(self._changed(act))
        due_s = self._clock.now_s() + after_s
        self._due.append(_Due(act=lambda at_s: self._changed(act, at_s), at_s=due_s, lapses=True))
        return 0

    def bait(self, lure: str, tool: str) -> Bait | None:
        """What a lure of the environment would have a tool's reply say."""
        field, named = self._environment.outsiders.get(tool), self._environment.lured_by(lure)
        if field is None or named is None:
            return None
        return Bait(field=field, request=named.filled(named.request, self._world), harmless=named.harmless)

    def change(self, author: str, sql: str) -> list[int]:
        """Change the world by SQL; returns the places of the effects.

        Raises `TestbedError` when the SQL cannot be run: that is the defect of who wrote it, not the agent's.
        """

        def act(at_s: float) -> None:
            try:
                with self._world.changing(author, at_s):
                    self._world.alter(sql)
            except apsw.Error as error:
                raise TestbedError(f"the world cannot be changed ({author}): {error}") from error

        return self._changed(act)

    def _changed(self, act: Callable[[float], None], at_s: float | None = None) -> list[int]:
        """Change the world, now unless an instant is given; returns the places of the new effects."""
        if at_s is None:
            self.settle()
        before = len(self._world.effects)
        act(self._clock.now_s() if at_s is None else at_s)
        self._keep(before)
        return list(range(before, len(self._world.effects)))

    def take_back(self, effects: Sequence[Effect], author: str) -> int:
        """Undo effects, the last first."""
        before = len(self._world.effects)
        with self._world.changing(author, self._clock.now_s()):
            undone = sum(self._world.revert(effect) for effect in reversed(effects))
        self._keep(before)
        return undone

    def effects(self, done: Sequence[Execution]) -> list[Effect]:
        """What these executions have committed."""
        return [self._world.effects[place] for execution in done for place in execution.effects]

    def _carry_out(
        self,
        call: ToolCall,
        done: list[Execution],
        author: str,
        started: float,
        ids: int | None,
        at_s: float | None = None,
    ) -> ToolResult:
        now = self._clock.now_s() if at_s is None else at_s
        before = len(self._world.effects)
        if ids is None:
            result = self._execute(self._world, call, author, now)
        else:
            with self._world.drawing(ids):
                result = self._execute(self._world, call, author, now)
        self._keep(before)
        effects = list(range(before, len(self._world.effects)))
        done.append(_execution(call, result, started, now, effects=effects))
        if result.ok:
            self._worked(call.tool)
        return result

    def _execute(self, world: World, call: ToolCall, author: str, at_s: float) -> ToolResult:
        asked = replace(call, tool=call.alias) if call.alias else call
        try:
            return self._environment.execute(world, asked, author=author, at_s=at_s)
        except Exception as error:
            # A tool that fails in any way but `ApiError` is the environment's defect, not the agent's.
            raise TestbedError(f"the tool '{call.tool}' failed: {type(error).__name__}: {error}") from error


class _Deeds:
    """`deeds.Deeds` of one injection in the course of one call."""

    def __init__(self, enactor: Enactor, index: int, call: ToolCall, done: list[Execution]) -> None:
        self._enactor = enactor
        self._author = f"fault:{index}"
        self._call = call
        self._done = done

    def calls(self) -> Sequence[Call]:
        return self._enactor.answered()

    def effects(self) -> Sequence[Effect]:
        return self._enactor.effects(self._done)

    async def preview(self, call: ToolCall) -> ToolResult:
        return self._enactor.preview(call, self._done)

    def would_change(self, call: ToolCall) -> bool:
        return self._enactor.would_change(call)

    async def enact(self, call: ToolCall) -> ToolResult:
        return await self._enactor.execution(self._done, author=self._author)(call)

    def later(self, call: ToolCall, *, delay_s: float | None = None, calls: int | None = None) -> None:
        self._enactor.later(call, self._done, delay_s, calls)

    def take_back(self, effects: Sequence[Effect]) -> int:
        return self._enactor.take_back(effects, self._author)

    def drift(
        self, name: str, call: ToolCall, random: Random, *, answer: Any = None, after_s: float | None = None
    ) -> int:
        return self._enactor.drift(self._author, name, call, random, answer, after_s)

    def bait(self, lure: str, tool: str) -> Bait | None:
        return self._enactor.bait(lure, tool)

    def change(self, sql: str) -> int:
        return len(self._enactor.change(self._author, sql))


def as_reply(result: ToolResult) -> Reply:
    """A result as it is recorded: a copy, for the agent may change what it was given."""
    return Reply(status=result.status, body=copied(result.body), headers=dict(result.headers), failure=result.failure)


def _execution(
    call: ToolCall,
    result: ToolResult,
    at_s: float,
    end_s: float,
    *,
    effects: Sequence[int] = (),
    replica: bool = False,
) -> Execution:
    return Execution(
        at_s=at_s,
        end_s=end_s,
        arguments=dict(call.arguments),
        reply=as_reply(result),
        effects=list(effects),
        replica=replica,
    )


def _unreadable(problem: str) -> ToolResult:
    body = {"error": {"code": "invalid_request", "message": f"The request cannot be read: {problem}."}}
    return ToolResult(status=400, body=body)
