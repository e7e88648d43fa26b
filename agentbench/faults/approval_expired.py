"""What allows the call runs out just before it: an approval, a quote, a voucher.

Invariant: the permission was good when the agent read it; the tool finds it expired.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from agentbench.abc import FaultContext, Phase, Plausible, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import drifted


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalExpired:
    """The approval, quote or voucher that the call relies on runs out after the agent has read it.

    The environment's drift `approval_expired` for the tool lets it expire: in `bank` a payment that waits for the
    co-holder is rejected; in `travel` an approval and its request, the quote, the voucher. Calls of tools without
    such a drift are not looked at.

    Stands for: approvals with a time limit and a user who answers late; acting on one that has lapsed is the stale
    authorization that Irrevon injects and that AgentBreak lists among its scenarios not yet built.

    A Python client sees `ToolError` with 410, or a success whose `status` says that it has expired.
    """

    site: ClassVar[Literal["state"]] = "state"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "changed_before"
    plausible: ClassVar[Plausible] = "success"
    drift: ClassVar[str] = "approval_expired"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Let it run out."""
        return await drifted(self.drift, call, proceed, ctx)


fault = ApprovalExpired
