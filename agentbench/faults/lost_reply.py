"""The call is executed and committed, and its answer never arrives: the caller times out or is reset.

Invariant: whatever the caller believes, the work was done exactly once by this call.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LostReply:
    """The tool does its work, and the caller is not told.

    `as: timeout` lets the client give up `after_s` seconds after it sent the request (or when the tool is done,
    if that is later); `as: reset` ends the connection when the tool is done. A call that the tool itself refuses
    is answered as it is: nothing was committed.

    Stands for: a connection that dies between commit and reply, the most expensive of failures: a blind retry
    pays twice (langgraph#7417, langgraph#8702, crewAI#5802; FoundationDB's `commit_unknown_result`, Jepsen's `:info`;
    Toxiproxy on the downstream).

    A Python client sees the builtin `TimeoutError`, which LangGraph's default `RetryPolicy` does **not** retry, or
    `ConnectionResetError`, which it does. `ToolRetryMiddleware` retries both, and so repeats the effect.
    """

    as_: Annotated[Literal["timeout", "reset"], Field(alias="as")] = "timeout"
    after_s: Annotated[float, Field(gt=0, le=3600)] = 30.0

    site: ClassVar[Site] = "effect"
    phase: ClassVar[Phase] = "after"
    explicit: ClassVar[bool] = True
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "committed_unanswered"
    plausible: ClassVar[Plausible] = "error"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and withhold a reply that says that it worked."""
        sent = ctx.now_s()
        reply = await proceed(call)
        ctx.receipt["withheld_status"] = reply.status
        if not reply.ok:
            return reply
        if self.as_ == "reset":
            return ToolResult(status=None, failure="reset")
        await ctx.sleep(max(0.0, sent + self.after_s - ctx.now_s()))
        return ToolResult(status=None, failure="timeout")


fault = LostReply
