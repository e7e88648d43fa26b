"""Too many requests: HTTP 429 with a `Retry-After` that counts down, or an exhausted quota without one.

Invariant: a caller that waits as long as the first `Retry-After` says is past the limit that it speaks of.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import reply_headers

_PER_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The service refuses the call because of a limit; the tool is not executed.

    `retry_after_s` is how long the limit lasts from the first refusal on. The header `Retry-After` tells the whole
    seconds that are left of it, at least 1. How long calls really are refused is the injection's `lasts`: write
    `lasts: {seconds: N}` with the same N. `retry_after_s: null` is the permanent kind: the quota is used up, no
    header promises an end, and only an agent that reads the body knows that waiting is of no use.

    Stands for: OpenAI's `rate_limit_exceeded` and `insufficient_quota`, both 429, and told apart by the body
    alone; Dev Proxy's RateLimitingPlugin. ReliabilityBench found it the most harmful single fault.

    A Python client sees `ToolError` with `status` 429, in a graph also an `httpx.HTTPStatusError`. LangGraph's
    default `RetryPolicy` does **not** retry it, as no 4xx; `ToolRetryMiddleware` does, on its own schedule: it does
    not read `Retry-After`, and knows no used-up quota.
    """

    retry_after_s: Annotated[float, Field(gt=0, le=86_400)] | None = 20.0

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = True
    blocking: ClassVar[bool] = True
    witness: ClassVar[Witness] = "not_executed"
    plausible: ClassVar[Plausible] = "error"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Refuse the call, after the time a reply takes."""
        began = ctx.memory.setdefault("began_s", ctx.now_s())
        await ctx.sleep(ctx.spec.latency_s)
        headers = reply_headers(ctx.random)
        if self.retry_after_s is None:
            message = "You exceeded your current quota, please check your plan and billing details."
            return _refusal("insufficient_quota", message, headers)
        # Rounded first, so that the noise of floating-point sums does not make 20 s 21.
        left = max(1, math.ceil(round(began + self.retry_after_s - ctx.now_s(), 6)))
        headers |= {
            "Retry-After": str(left),
            "x-ratelimit-limit-requests": str(_PER_MINUTE),
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": f"{left}s",
        }
        message = f"Rate limit reached: {_PER_MINUTE} requests per minute. Please try again in {left}s."
        return _refusal("rate_limit_exceeded", message, headers)


def _refusal(code: str, message: str, headers: dict[str, str]) -> ToolResult:
    return ToolResult(status=429, body={"error": {"code": code, "message": message}}, headers=headers)


fault = RateLimit
