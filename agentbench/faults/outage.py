"""The service is down: an HTTP 5xx reply, a refused connection, or a reset; the tool is not executed.

Invariant: nothing happened, so a repeat is always safe.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import server_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The service does not do its work and says so.

    `as: status` answers with `status`: 500, 503 and 529 (overloaded) as the API's own JSON, 502 and 504 as the page
    of the proxy in front of it. `as: refused` and `as: reset` end the connection before the request was taken.

    Stands for: a deployment, a crashed backend, an overloaded one (Anthropic's 529 and OpenAI's 503; Toxiproxy's
    `down` and `reset_peer`; Chaos Mesh's HTTPChaos `abort`). In life a 504 leaves open whether the work was
    done; here it was not, and `lost_reply` is the other case.

    A Python client sees `ToolError` (`status`, `body`, `headers`; in a graph also an `httpx.HTTPStatusError`),
    `ConnectionRefusedError` or `ConnectionResetError`. All three are retried by LangGraph's default `RetryPolicy` and
    by `ToolRetryMiddleware`; with neither, they end the run of a `create_agent` agent.
    """

    as_: Annotated[Literal["status", "refused", "reset"], Field(alias="as")] = "status"
    status: Literal[500, 502, 503, 504, 529] = 503

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = True
    blocking: ClassVar[bool] = True
    witness: ClassVar[Witness] = "not_executed"
    plausible: ClassVar[Plausible] = "error"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Refuse the call; a reply or a reset takes as long as the tool would, a refusal no time."""
        if self.as_ == "refused":
            return ToolResult(status=None, failure="refused")
        await ctx.sleep(ctx.spec.latency_s)
        if self.as_ == "reset":
            return ToolResult(status=None, failure="reset")
        return server_error(self.status, ctx.random)


fault = Outage
