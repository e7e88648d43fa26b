"""The user says two things that exclude each other, and says which is right only when asked.

Invariant: what is right is what the user says when asked, whether they are asked or not.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from agentbench.abc import Phase, Site, TurnContext, Witness
from agentbench.calls import Meaning, Turn, TurnHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class UserContradicts:
    """Instead of the script's line the user says what the scenario has under `variants` as `contradicts`.

    If the agent asks, the user says what `settles` it. The goals are those of the variant in any case: who acts on one
    half of a contradiction without asking acts on a guess. A line without such a variant is said as ever
    (`ineffective`).

    Stands for: requests that were edited halfway, two people in one chat (contradictory instructions in Microsoft's
    agent-governance toolkit; the ambiguous requests of Non-collaborative users, arXiv 2509.23124).
    """

    site: ClassVar[Site] = "user"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "said_otherwise"
    strikes_at: ClassVar[Literal["variants"]] = "variants"

    async def inject(self, turn: Turn, proceed: TurnHandler, ctx: TurnContext) -> str:
        """Say both, and settle it when asked."""
        now = ctx.variations.get("user_contradicts")
        if now is None:
            return await proceed(turn)
        ctx.receipt["variant"] = now.name
        answer = await proceed(replace(turn, text=now.say, means=Meaning(gives="clash")))
        if "?" not in answer:
            return answer
        return await proceed(replace(turn, text=now.settles, means=Meaning(steps=now.steps)))


fault = UserContradicts
