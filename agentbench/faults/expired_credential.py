"""The credential expires in mid-run: every call is refused with a 401, until the agent renews it, if it can.

Invariant: nothing happened on a refused call; after a renewal that worked, calls are executed and answered as ever.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import ByParameters, api_error

_EXPIRED = 'Bearer error="invalid_token", error_description="The access token expired"'


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredCredential:
    """From its first strike on, calls are refused with 401 `token_expired`, and the error names the tool that renews.

    `by` is that tool: the bundled environments have `renew_session`, in every trial. A call of it that succeeds after
    the expiry ends the fault. With `refresh: refused` the refresh token is not accepted either: `by` itself answers 401
    `invalid_grant`, if the injection looks at it (`at: {tool: "*"}`), and no renewal helps. Write `lasts: permanent`:
    a token does not come back to life by itself.

    Stands for: an OAuth 2 access token that runs out in a long task, with a refresh token that works or was revoked
    (RFC 6749 section 5.2, RFC 6750; mcp-chaos-rig's mid-session 401 and refused refresh).

    A Python client sees `ToolError` with status 401. LangGraph's default `RetryPolicy` does **not** retry it, as no
    4xx; `ToolRetryMiddleware` does, and without a renewal a repeat is of no use.
    """

    refresh: Literal["works", "refused"] = "works"
    by: Annotated[str, Field(min_length=1, max_length=100)] = "renew_session"

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = True
    blocking: ClassVar[ByParameters] = ByParameters(False, lambda fault: fault.refresh == "refused")
    witness: ClassVar[Witness] = "not_executed"
    plausible: ClassVar[Plausible] = "error"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Refuse the call, after the time a reply takes, unless the credential is good again."""
        renewing = call.tool == self.by
        if (renewing and self.refresh == "works") or self._renewed(ctx):
            ctx.receipt["witness"] = "reply_changed"  # it is not: this call was left alone
            return await proceed(call)
        ctx.memory.setdefault("began_s", ctx.now_s())
        await ctx.sleep(ctx.spec.latency_s)
        if renewing:
            message = "The refresh token is not valid any more. Sign in again."
            error = api_error(401, "invalid_grant", message, ctx.random)
        else:
            message = f"The access token expired. Call '{self.by}' and repeat the request."
            error = api_error(401, "token_expired", message, ctx.random)
        return replace(error, headers={**error.headers, "WWW-Authenticate": _EXPIRED})

    def _renewed(self, ctx: FaultContext) -> bool:
        began = ctx.memory.get("began_s")
        if began is None or self.refresh == "refused":
            return False
        return any(each.tool == self.by and each.told.ok and each.at_s >= began for each in ctx.deeds.calls())


fault = ExpiredCredential
