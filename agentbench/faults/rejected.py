"""A right call is rejected with a 4xx: an expired token, a used-up budget, a lock, a strict validator.

Invariant: nothing happened; the reply says so in the words, and with the headers, that real services use.
"""

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import api_error, proxy_error

_ID = re.compile(r"[A-Z]{2,}[-_]\w+")
_REASONS = {
    400: ("bad_request", "The request could not be read."),
    401: ("invalid_token", "The access token expired."),
    402: ("payment_required", "The prepaid credit of this workspace is used up. Add credit to continue."),
    403: ("permission_denied", "The credentials of this client do not allow '{tool}'."),
    404: ("not_found", "{absent}"),
    408: ("request_timeout", "The request was not received completely in time. Send it again."),
    409: ("conflict", "The resource is being changed by another request. Try again when it has ended."),
    422: ("validation_error", "{invalid}"),
}
_HEADERS = {
    401: {"WWW-Authenticate": 'Bearer error="invalid_token", error_description="The access token expired"'},
    403: {"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
    408: {"Connection": "close"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The service rejects the call with `status`; the tool is not executed.

    What the status means for the agent differs: 401 an expired credential, 402 a budget that is used up, 403 a
    permission that was revoked, 404 a record that cannot be found, 408 and 409 that a repeat may help, 400, 413
    and 422 that the call is said to be wrong. 413 is the page of the proxy in front. How long it lasts is the
    injection's `lasts`: a lock passes, a revoked permission stays (`permanent`). No tool renews a credential here.

    Stands for: a token that ran out in mid-run and a scope that was withdrawn (RFC 6750), Stripe's `lock_timeout`
    and nginx's `client_max_body_size`, a validator that is stricter than its documentation (PALADIN's 57
    codes, Dev Proxy, ToolMisuseBench).

    A Python client sees `ToolError`. LangGraph's default `RetryPolicy` and `ToolRetryMiddleware` both retry it,
    and for most of these a repeat is of no use.
    """

    status: Literal[400, 401, 402, 403, 404, 408, 409, 413, 422] = 403

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = True
    blocking: ClassVar[bool] = True
    witness: ClassVar[Witness] = "not_executed"
    plausible: ClassVar[Plausible] = "error"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Reject the call, after the time a reply takes."""
        await ctx.sleep(ctx.spec.latency_s)
        if self.status == 413:
            return proxy_error(self.status, ctx.random)
        code, message = _REASONS[self.status]
        told = message.format(tool=call.tool, absent=_absent(call), invalid=_invalid(call))
        error = api_error(self.status, code, told, ctx.random)
        return replace(error, headers={**error.headers, **_HEADERS.get(self.status, {})})


def _absent(call: ToolCall) -> str:
    """That the record which the call names by its id is not there."""
    for name, value in call.arguments.items():
        if isinstance(value, str) and _ID.fullmatch(value):
            return f"There is no {name.removesuffix('_id')} {value}."
    return "The requested resource was not found."


def _invalid(call: ToolCall) -> str:
    """That an argument which was given is not allowed; the one whose name comes last, so often a detail."""
    names = [name for name, value in call.arguments.items() if value is not None]
    return f"{max(names)}: Value is not allowed" if names else "The request did not pass validation."


fault = Rejected
