"""A write is accepted and answered as done, and is done only later: reading it back at once shows nothing.

Invariant: the work is done once, with the ids that were told, after the answer and at the latest when the trial ends.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayedEffect:
    """The tool answers as ever, and the effect comes `delay_s` seconds of the trial's clock after the answer.

    With `calls: n` it comes before the n + 1-th call from then on, if that is earlier. Whoever looks in between sees
    the world without it; who then repeats the write has it twice, unless an idempotency key says that it is the same.
    If the service refuses the work when its time has come, it is never done. What the tool refuses at once, and reads,
    are answered as ever, and the injection is `ineffective`.

    Stands for: an eventually consistent store, a queue behind a 202 that says 200, a search index that lags (Amazon
    S3's listings of old, DynamoDB's secondary indexes, Salesforce's asynchronous jobs).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    delay_s: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    calls: Annotated[int, Field(ge=1)] | None = None

    site: ClassVar[Site] = "effect"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "visible_later"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Answer in the tool's time, and leave the work for later."""
        if ctx.spec.effect != "write":
            return await proceed(call)
        told = await ctx.deeds.preview(call)
        if not told.ok:
            return await proceed(call)
        await ctx.sleep(ctx.spec.latency_s)
        ctx.receipt |= {"calls": self.calls} if self.calls is not None else {"delay_s": self.delay_s}
        ctx.deeds.later(call, delay_s=self.delay_s, calls=self.calls)
        return told


fault = DelayedEffect
