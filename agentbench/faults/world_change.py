"""The world is changed by SQL of your own just before the call.

Invariant: the change is in the ledger under this injection, and the tool answers the call as it answers any.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from agentbench.abc import FaultContext, Phase, Plausible, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldChange:
    """Statements of your own change the trial's world after the agent has asked and before the call arrives.

    `sql` is for the tables of one environment and is checked before anything runs; a scenario whose world it does not
    fit is left out. Without `sql` nothing is changed, and the injection is `ineffective`, as it is where the
    statements change no row. What it takes away nobody can know beforehand: success is never expected under it.

    Stands for: whatever happens in your own systems while an agent works.

    A Python client sees what the tool answers in the changed world.
    """

    sql: str = ""

    site: ClassVar[Literal["state"]] = "state"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    lasting: ClassVar[bool] = True
    witness: ClassVar[Witness] = "changed_before"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Change the world, then let the call pass."""
        at_s = ctx.now_s()
        if self.sql and ctx.deeds.change(self.sql):
            ctx.receipt["due_s"] = at_s
        return await proceed(call)


fault = WorldChange
