"""A write reports success, and nothing was done.

Invariant: the world is untouched, while the reply has the shape, and an id, as if it were not.
"""

from dataclasses import dataclass
from typing import ClassVar

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentNoop:
    """A write tool answers as if it had worked, and does nothing.

    The answer is what the call would give on a copy of the world at the start of the trial, so it is valid and its
    new ids exist nowhere. If the copy refuses the call (it depends on what the trial has done since), the call is
    executed as ever and the injection is `ineffective`. Reads are executed as ever.

    Stands for: a job that was accepted and then dropped, a write to the wrong tenant or a dry-run flag left on, a
    200 from a swallowed exception ("Failing Tools"; a transaction rolled back after the reply was sent).

    A Python client sees a success; nothing is raised, so nothing is retried. Only reading back shows it.
    """

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = True
    witness: ClassVar[Witness] = "effect_missing"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Answer for the tool, in the time that the tool takes."""
        if ctx.spec.effect != "write":
            return await proceed(call)
        reply = await ctx.replica(call)
        ctx.receipt["snapshot_status"] = reply.status
        if not reply.ok:
            return await proceed(call)
        await ctx.sleep(ctx.spec.latency_s)
        return reply


fault = SilentNoop
