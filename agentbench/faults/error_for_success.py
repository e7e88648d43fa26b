"""The call is executed and committed, and the caller is told that it failed.

Invariant: whatever the error says, the work was done exactly once by this call.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import server_error


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorForSuccess:
    """The tool does its work, and the reply is a 5xx of `status`, the same as in an `outage`.

    500 and 503 are told by the API in JSON, 502 and 504 by the proxy in front. A call that the tool itself refuses
    is answered as it is: nothing was committed.

    Stands for: a handler that commits and then fails at its receipt e-mail or its audit log, a gateway that gives
    up on a backend that finishes (a 504 leaves open whether the work was done; Stripe's "treat 5xx as
    indeterminate"; FoundationDB's `commit_unknown_result`).

    A Python client sees `ToolError`. LangGraph's default `RetryPolicy` and `ToolRetryMiddleware` both retry it, and
    so repeat the effect. A read shows what happened.
    """

    status: Literal[500, 502, 503, 504] = 500

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "after"
    explicit: ClassVar[bool] = True
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "committed_unanswered"
    plausible: ClassVar[Plausible] = "error"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and tell of a failure instead of a success."""
        reply = await proceed(call)
        ctx.receipt["withheld_status"] = reply.status
        return server_error(self.status, ctx.random) if reply.ok else reply


fault = ErrorForSuccess
