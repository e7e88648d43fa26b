"""Before a turn one result of a tool, and the call that asked for it, are gone from the agent's history.

Invariant: everything else is as it was, in the same order, and the world still holds what the call did.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import Phase, TurnContext, Witness
from agentbench.calls import Turn, TurnHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultForgotten:
    """The `last`-th result from the end is forgotten with its call; 1 is the latest one.

    Stands for: tool output that is compacted away, a message that was not stored, a history rebuilt from a log with a
    gap (BalaganAgent's dropped context, Cyrax321/CONTINUUM#397). To the agent the call was never made.

    A Python client sees nothing; nothing is raised, so nothing is retried.
    """

    last: Annotated[int, Field(ge=1, le=1000)] = 1

    site: ClassVar[Literal["context"]] = "context"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "forgotten"
    plausible: ClassVar[None] = None

    async def inject(self, turn: Turn, proceed: TurnHandler, ctx: TurnContext) -> str:
        """Take the result and its call out of the history, then let the agent hear the message."""
        if ctx.history is not None:
            entries = await ctx.history.read()
            results = [place for place, entry in enumerate(entries) if entry.role == "tool"]
            if len(results) >= self.last:
                lost = results[-self.last]
                ids = set(entries[lost].calls)
                asked = [place for place, entry in enumerate(entries) if entry.calls and ids >= set(entry.calls)]
                ctx.receipt["forgets"] = sorted(ids)
                await ctx.history.keep([place for place in range(len(entries)) if place not in {lost, *asked}])
        return await proceed(turn)


fault = ResultForgotten
