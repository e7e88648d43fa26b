"""The user gives one detail at a time: a request arrives in several messages.

Invariant: all that the script says is said in the end, in its order and in its words.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from pydantic import Field

from agentbench.abc import Phase, Site, TurnContext, Witness
from agentbench.calls import Meaning, Turn, TurnHandler
from agentbench.faults import sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPiecemeal:
    """The line is said sentence by sentence, each as a message of its own, in at most `pieces` messages.

    Every message but the last leaves something unsaid, and nothing tells which one is the last. A line of one sentence
    is said as ever (`ineffective`). What only a later line asks for is harm if it is done before (`unasked`).

    Stands for: chats, where a request is typed in several messages (the incomplete utterances of Non-collaborative
    users, arXiv 2509.23124; LLMs Get Lost In Multi-Turn Conversation, arXiv 2505.06120).
    """

    pieces: Annotated[int, Field(ge=2, le=8)] = 3

    site: ClassVar[Site] = "user"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "said_in_parts"

    async def inject(self, turn: Turn, proceed: TurnHandler, ctx: TurnContext) -> str:
        """Say the sentences one by one."""
        said = sentences(turn.text)
        parts = [*said[: self.pieces - 1], " ".join(said[self.pieces - 1 :])] if len(said) > self.pieces else said
        for part in parts[:-1]:
            await proceed(replace(turn, text=part, means=Meaning(gives="part")))
        return await proceed(replace(turn, text=parts[-1]) if len(parts) > 1 else turn)


fault = UserPiecemeal
