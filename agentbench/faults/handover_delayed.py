"""What one agent hands over to another arrives late.

Invariant: what arrives is what was sent; a sender that does not wait for it takes it back.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import MessageContext, Phase, Witness
from agentbench.calls import Message, MessageHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverDelayed:
    """The message is under way for `delay_s` seconds of the trial's clock.

    Stands for: a queue that has filled up, a worker that is busy with something else, a poll that comes by every
    minute (XpressAI's delayed hand-off).

    A Python sender waits that long, or stops waiting by a timeout of its own.
    """

    delay_s: Annotated[float, Field(gt=0, le=3600)] = 60.0

    site: ClassVar[Literal["handover"]] = "handover"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "arrived_late"

    async def inject(self, message: Message, proceed: MessageHandler, ctx: MessageContext) -> None:
        """Wait, then deliver."""
        ctx.receipt["delay_s"] = self.delay_s
        await ctx.sleep(self.delay_s)
        await proceed(message)


fault = HandoverDelayed
