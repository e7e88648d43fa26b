"""Before a turn the older part of what the agent remembers is gone; the world is as it was.

Invariant: what is left is the end of the history, and valid: no reply of a tool stands there without its call.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import Phase, TurnContext, Witness
from agentbench.calls import Turn, TurnHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryCut:
    """Only the last `keep` entries of the agent's history are left when it hears the message; 0 leaves nothing.

    A reply of a tool whose call was cut goes with it, as a chat model accepts none without the other.

    Stands for: a context window that is trimmed from the front, a summary that dropped the task, a session store with
    a bound (BalaganAgent's truncation, AgentChaos' `history truncate(keep_last)`; agentic-qe#649).

    A Python client sees nothing; nothing is raised, so nothing is retried.
    """

    keep: Annotated[int, Field(ge=0, le=10_000)] = 1

    site: ClassVar[Literal["context"]] = "context"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "forgotten"
    plausible: ClassVar[None] = None

    async def inject(self, turn: Turn, proceed: TurnHandler, ctx: TurnContext) -> str:
        """Cut the history, then let the agent hear the message."""
        if ctx.history is not None:
            entries = await ctx.history.read()
            left = list(range(max(0, len(entries) - self.keep), len(entries)))
            ctx.receipt["forgets"] = len(entries) - len(left)
            if len(left) < len(entries):
                await ctx.history.keep(left)
        return await proceed(turn)


fault = HistoryCut
