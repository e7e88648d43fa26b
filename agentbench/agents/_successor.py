"""Takes over from another agent in mid-work: makes its calls again up to one of them, then goes on with all care.

Invariant: it uses what the other was told and what it can read, and never makes again what it sees done.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agentbench import record
from agentbench.abc import AgentContext, Tools
from agentbench.agents import _outcome
from agentbench.agents._memory import Call, Play, Reply, Wait
from agentbench.agents._outcome import Outcome
from agentbench.agents._player import Player
from agentbench.agents._policy import CAREFUL
from agentbench.calls import ToolResult, ToolSpec


class Successor(Player):
    """A careful player to whom the world may already hold a part of the work.

    Each write that can be verified is looked up before it is made. For one that cannot, the other's own call with the
    same arguments counts: as done when it was told so, and also when nobody knows if `trusting`.
    """

    def __init__(
        self,
        reference: Sequence[Mapping[str, Any]],
        specs: Sequence[ToolSpec],
        made: Sequence[record.Call],
        *,
        trusting: bool,
    ) -> None:
        super().__init__(reference, specs, CAREFUL)
        self._made = made
        self._trusting = trusting

    def _write(self, step: Mapping[str, Any], arguments: dict[str, Any], keyed: bool) -> Play:
        if step.get("verify"):
            there, seen = yield from self._there(step["verify"], rereads=0)
            if there:
                self._recovered(step, seen)
                return "done"
        else:
            known = self._known(step["call"], arguments)
            if known is not None:
                self._save(step, known.body)
                return "done"
        return (yield from super()._write(step, arguments, keyed))

    def _known(self, tool: str, arguments: Mapping[str, Any]) -> Outcome | None:
        """What came of the other's call with these arguments, if it was done; the last one counts."""
        key = self._specs[tool].idempotency_key if tool in self._specs else None
        wanted = {name: value for name, value in arguments.items() if name != key}
        for call in reversed(self._made):
            if call.tool == tool and {name: value for name, value in call.asked.items() if name != key} == wanted:
                outcome = told(call.told)
                if outcome.ok or (self._trusting and outcome.ambiguous):
                    return outcome
        return None


def told(reply: record.Reply) -> Outcome:
    """What a recorded reply means to its caller."""
    gone = reply.failure is not None and reply.failure not in ("timeout", "refused", "reset")
    failure: Any = "timeout" if gone else reply.failure  # a caller that went away knows as little as one cut off
    return _outcome.of_result(ToolResult(status=reply.status, body=reply.body, headers=reply.headers, failure=failure))


class Takeover:
    """One session: the first `after` calls of a record, each at its time, then the successor.

    The user is answered as the other agent did in the turns that were over by then.
    """

    def __init__(
        self, tools: Tools, context: AgentContext, before: record.TrialRecord, after: int, *, trusting: bool
    ) -> None:
        self._tools = tools
        self._context = context
        self._calls = before.calls[:after]
        self._answers = {event.turn: event.text for event in before.events if isinstance(event, record.Answer)}
        self._last = self._calls[-1].turn if self._calls else 0
        # A turn that never reached the other agent has a number all the same.
        self._turns = iter([event.turn for event in before.events if isinstance(event, record.UserTurn)])
        self._turn = -1
        self._player: Successor | None = None
        self._trusting = trusting

    async def __call__(self, message: str) -> str:
        """Answer a user turn."""
        self._turn = next(self._turns, self._turn + 1)
        if self._player is None:
            await self._again([call for call in self._calls if call.turn == self._turn])
            if self._turn < self._last:
                return self._answers.get(self._turn, "")
            reference = _from_turn(self._context.reference, self._last)
            self._player = Successor(reference, self._tools.specs, self._calls, trusting=self._trusting)
        return await self._play(self._player)

    async def _again(self, calls: Sequence[record.Call]) -> None:
        """Make calls at the times at which they were made, side by side where they were."""
        running: list[asyncio.Task[Any]] = []
        for call in calls:
            await asyncio.sleep(max(0.0, call.at_s - self._context.now_s()))
            running.append(asyncio.ensure_future(self._one(call)))
            await asyncio.sleep(0)  # it begins before the next one
        await asyncio.gather(*running)

    async def _one(self, call: record.Call) -> None:
        try:
            async with asyncio.timeout(call.end_s - call.at_s if call.told.failure == "abandoned" else None):
                await self._tools.call(call.tool, call.asked)
        except TimeoutError:
            pass  # the other agent, too, went away by now

    async def _play(self, player: Successor) -> str:
        player.hear()
        outcome: Outcome | None = None
        while True:
            match player.next(outcome):
                case Reply(text):
                    return text
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                    outcome = None
                case Call(tool, arguments):
                    outcome = _outcome.of_result(await self._tools.call(tool, arguments))


def _from_turn(reference: Sequence[Mapping[str, Any]], turn: int) -> list[Mapping[str, Any]]:
    """The reference without the replies to turns that are over: its other steps may be left to do."""
    left = []
    for step in reference:
        if "reply" in step and turn > 0:
            turn -= 1
        else:
            left.append(step)
    return left
