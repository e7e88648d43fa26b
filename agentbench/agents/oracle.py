"""Plays the reference solution with all care and no framework: what a scenario allows at best.

It does what `careful` does, as a plain coroutine. A scenario that it does not pass without faults is broken.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from agentbench.abc import AgentContext
from agentbench.agents import _outcome
from agentbench.agents._memory import Call, Memory, Reply, Wait
from agentbench.agents._outcome import Outcome
from agentbench.agents._player import Player
from agentbench.agents._policy import CAREFUL

policy = CAREFUL


def agent(tools: Any, context: AgentContext) -> Callable[[str], Awaitable[str]]:
    """Make the agent of one trial."""
    said = len(context.transcript)
    player = Player(context.reference, tools.specs, policy, Memory() if context.resumes else None)
    heard: list[int] = []

    async def answer(message: str) -> str:
        number = context.message_number
        if heard and heard[-1] == number:
            player.hear_again()
        else:
            player.hear(context.meaning, 1 if heard else said + 1)
        heard.append(number)
        outcome: Outcome | None = None
        while True:
            match player.next(outcome):
                case Reply(text):
                    return text
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                    outcome = None
                case Call(tool, arguments):
                    outcome = _outcome.of_result(await tools.result(tool, arguments))

    return answer
