"""What allows the call runs out just before it: an approval, a quote, a voucher.

Invariant: the permission was good when the agent read it; the tool finds it expired.
"""

from dataclasses import dataclass
from typing import ClassVar

from agentbench.faults import Drift


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalExpired(Drift):
    """The approval, quote or voucher that the call relies on runs out after the agent has read it.

    The environment's drift `approval_expired` for the tool lets it expire: in `bank` a payment that waits for the
    co-holder is rejected; in `travel` an approval and its request, the quote, the voucher. Calls of tools without
    such a drift are not looked at.

    Stands for: approvals with a time limit and a user who answers late; acting on one that has lapsed is the stale
    authorization that Irrevon injects and that AgentBreak lists among its scenarios not yet built.

    A Python client sees `ToolError` with 410, or a success whose `status` says that it has expired.
    """

    drift: ClassVar[str] = "approval_expired"


fault = ApprovalExpired
