"""The user says something once, and the agent gets it twice, one after the other.

Invariant: both deliveries are the same message, word for word and with the same number.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import Phase, TurnContext, Witness
from agentbench.calls import Turn, TurnHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTwice:
    """The message is delivered again `after_s` seconds after the agent has answered it; the user goes by the last.

    Stands for: a webhook that is sent again because its acknowledgement was late, an at-least-once queue in front of
    the agent, a user who presses the button twice (Slack's event retries, Amazon SQS standard queues).

    A Python client sees the message twice; nothing is raised, so nothing is retried.
    """

    after_s: Annotated[float, Field(ge=0, le=3600)] = 0.0

    site: ClassVar[Literal["context"]] = "context"
    phase: ClassVar[Phase] = "after"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "said_twice"
    plausible: ClassVar[None] = None

    async def inject(self, turn: Turn, proceed: TurnHandler, ctx: TurnContext) -> str:
        """Deliver the message, and deliver it again."""
        await proceed(turn)
        await ctx.sleep(self.after_s)
        return await proceed(turn)


fault = TurnTwice
