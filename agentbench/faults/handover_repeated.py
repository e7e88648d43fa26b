"""What one agent hands over to another arrives twice.

Invariant: both are the same message, to the last field.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from agentbench.abc import MessageContext, Phase, Witness
from agentbench.calls import Message, MessageHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverRepeated:
    """The message is delivered a second time behind the first.

    Stands for: an at-least-once queue, an acknowledgement that was lost, a supervisor that restarts a worker with its
    last message (Amazon SQS standard queues; MAST's step repetition, arXiv 2503.13657).

    A Python sender gets back two messages as what arrived; nothing is raised, so nothing is retried.
    """

    site: ClassVar[Literal["handover"]] = "handover"
    phase: ClassVar[Phase] = "after"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "said_twice"

    async def inject(self, message: Message, proceed: MessageHandler, ctx: MessageContext) -> None:
        """Deliver the message twice."""
        await proceed(message)
        await proceed(message)


fault = HandoverRepeated
