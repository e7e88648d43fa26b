"""A read is answered from an older state: as the world was when the trial began.

Invariant: the answer was true once; the fresh one is on record beside it.
"""

from dataclasses import dataclass
from typing import ClassVar

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A read tool is answered from a snapshot taken at the start of the trial.

    The fresh answer is taken too, so that the record shows both. If the snapshot cannot answer (what is asked for
    did not exist yet), or nothing has changed since, the fresh answer is told and the injection is
    `ineffective`. Writes are executed as ever.

    Stands for: a lagging read replica, a cache that nobody invalidated, an eventually consistent store right after
    a write (DynamoDB's default reads, Amazon EC2's `Describe*` calls; ToolBench-X, "Failing Tools").

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call, and tell what the snapshot answers."""
        fresh = await proceed(call)
        if ctx.spec.effect != "read":
            return fresh
        old = await ctx.replica(call)
        ctx.receipt["snapshot_status"] = old.status
        return old if old.ok else fresh


fault = Stale
