"""The tool is slow: the call waits, and is then executed and answered as ever.

Invariant: only time differs; a caller with enough patience gets the right answer.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The call waits `delay_s` seconds of the trial's clock, give or take up to `jitter_s`, before it is executed.

    Stands for: a queue in front of a busy service, a cold start, a slow query (Toxiproxy's `latency` with `jitter`,
    Chaos Mesh's `delay`). An agent that stops waiting earlier leaves nothing done behind it.

    A Python client sees the tool's own answer, later; nothing is raised, so nothing is retried, unless the agent
    has a timeout of its own.
    """

    delay_s: Annotated[float, Field(gt=0, le=3600)] = 20.0
    jitter_s: Annotated[float, Field(ge=0, le=3600)] = 0.0

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "delayed"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Wait, then answer as the tool does."""
        delay_s = max(0.0, self.delay_s + self.jitter_s * (2 * ctx.random.random() - 1))
        ctx.receipt["delay_s"] = round(delay_s, 6)
        await ctx.sleep(delay_s)
        return await proceed(call)


fault = Latency
