"""Before a turn the agent's memory goes back to what it was some turns ago, while the world does not.

Invariant: the memory is one that the agent really had at that time, whole and valid.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import Phase, TurnContext, Witness
from agentbench.calls import Turn, TurnHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class OldCheckpoint:
    """The agent resumes from what it remembered `turns` turns ago, or from nothing where there was no such turn.

    Stands for: a replica of the session store that lags, a checkpoint that was not flushed before a fail-over, a
    resume with a stale `checkpoint_id` (AgentBreak's stale-checkpoint resume, langgraph#7417).

    A Python client sees nothing; nothing is raised, so nothing is retried.
    """

    turns: Annotated[int, Field(ge=1, le=100)] = 1

    site: ClassVar[Literal["context"]] = "context"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "forgotten"
    plausible: ClassVar[None] = None

    async def inject(self, turn: Turn, proceed: TurnHandler, ctx: TurnContext) -> str:
        """Take the memory back, then let the agent hear the message."""
        if ctx.history is not None and ctx.past:
            place = max(0, len(ctx.past) - self.turns)
            ctx.receipt["before_turn"] = place + 1
            await ctx.history.restore(ctx.past[place])
        return await proceed(turn)


fault = OldCheckpoint
