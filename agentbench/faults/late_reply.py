"""The call is executed at once, and its answer comes late: a caller that gives up first leaves the work done.

Invariant: the work is done before the waiting begins, and the answer that comes at last is the tool's own.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LateReply:
    """The tool does its work, and the answer arrives `delay_s` seconds of the trial's clock later.

    `latency` waits before the work is done, this one after it. To an agent that waits they are the same. One
    with a deadline of its own that is shorter stops waiting, and the effect is there: it must look before it
    repeats. An agent without a deadline only loses time.

    Stands for: a reply that is stuck in a proxy or a slow hand-over of the result (Toxiproxy's `latency` on the
    downstream, mcp-chaos' `slow`).

    A Python client sees the tool's own answer, later; nothing is raised, so nothing is retried, unless the agent
    has a timeout of its own.
    """

    delay_s: Annotated[float, Field(gt=0, le=3600)] = 60.0

    site: ClassVar[Site] = "effect"
    phase: ClassVar[Phase] = "after"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "delayed"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call, and hold its answer back for a while."""
        reply = await proceed(call)
        ctx.receipt["delay_s"] = self.delay_s
        await ctx.sleep(self.delay_s)
        return reply


fault = LateReply
