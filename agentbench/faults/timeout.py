"""The request is never taken: the caller waits until its client gives up; the tool is not executed.

Invariant: nothing happened, though the caller cannot tell this from `lost_reply`.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """The caller waits `after_s` seconds of the trial's clock for an answer, and then its client raises.

    Stands for: a request that was lost on its way, a full accept queue, a hung worker (Toxiproxy's `timeout`; the
    request side of Chaos Mesh's HTTPChaos). An agent with a shorter timeout of its own stops waiting earlier.

    A Python client sees the builtin `TimeoutError`. LangGraph's default `RetryPolicy` does **not** retry it,
    `ToolRetryMiddleware` does; with neither, it ends the run of a `create_agent` agent.
    """

    after_s: Annotated[float, Field(gt=0, le=3600)] = 30.0

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = True
    blocking: ClassVar[bool] = True
    witness: ClassVar[Witness] = "not_executed"
    plausible: ClassVar[Plausible] = "error"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Wait, and give no reply."""
        await ctx.sleep(self.after_s)
        return ToolResult(status=None, failure="timeout")


fault = Timeout
