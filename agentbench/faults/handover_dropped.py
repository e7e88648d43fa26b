"""What one agent hands over to another never arrives, and the sender is not told.

Invariant: the other agent sees nothing of the message.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from agentbench.abc import MessageContext, Phase, Witness
from agentbench.calls import Message, MessageHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverDropped:
    """The message is lost.

    Stands for: a queue without acknowledgements, a worker that dies with the message in hand, a channel that nobody
    listens to (XpressAI's hand-off faults, MAST's lost information, arXiv 2503.13657).

    A Python sender gets back nothing of what arrived; nothing is raised, so nothing is retried.
    """

    site: ClassVar[Literal["handover"]] = "handover"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "kept_away"

    async def inject(self, message: Message, proceed: MessageHandler, ctx: MessageContext) -> None:
        """Deliver nothing."""


fault = HandoverDropped
