"""The user changes their mind: calls it off, or corrects what they said before.

Invariant: what is right in the end is what the scenario says of that variant, and is judged by state.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from agentbench.abc import Phase, Site, TurnContext, Witness
from agentbench.calls import Meaning, Turn, TurnHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChangesMind:
    """Instead of the script's line the user says what the scenario has under `variants` as `changes_mind`.

    The goals, the write-set and the outcome ladder are those of the variant from then on. A line without such a variant
    is said as ever (`ineffective`).

    Stands for: mid-task corrections (ReliabilityBench's perturbations at 0.2), orders that are cancelled on the way
    (branch-cancellation in Irrevon), contradictory instructions in mid-task (Microsoft's agent-governance toolkit).
    """

    site: ClassVar[Site] = "user"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "said_otherwise"
    strikes_at: ClassVar[Literal["variants"]] = "variants"

    async def inject(self, turn: Turn, proceed: TurnHandler, ctx: TurnContext) -> str:
        """Say what the user wants now."""
        now = ctx.variations.get("user_changes_mind")
        if now is None:
            return await proceed(turn)
        ctx.receipt["variant"] = now.name
        return await proceed(replace(turn, text=now.say, means=Meaning(steps=now.steps)))


fault = UserChangesMind
