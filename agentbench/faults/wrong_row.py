"""A write is done to another record of the same kind, and answered as if it had been done to the right one.

Invariant: what is changed is not the record that was asked for, and the reply speaks of the one that was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import same_kind


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongRow:
    """The tool is executed for another record than the call names; the reply is what the right one would have got.

    `instead` gives the arguments in place of the call's own (`{card: CRD-2}`). Without it an id among the arguments is
    exchanged for one of the same kind that this trial has shown before, or else for its neighbour in number. What is
    done is done for the fault's account, so that no check takes it for the agent's. Where the tool refuses the call
    itself, or every other record, where nothing would change for another, and for reads, all is as ever and the
    injection is `ineffective`.

    Stands for: a stale primary key after a merge, an update with a WHERE clause that is too short, an off-by-one in a
    batch, a cache that maps names to ids (an UPDATE that hit the neighbour's row is the classic of every incident
    list; Failing Tools' disambiguation).

    A Python client sees a success; nothing is raised, so nothing is retried. Only reading back shows it, and what was
    done to the other record stays.
    """

    instead: Mapping[str, str | int | bool | None] | None = None

    site: ClassVar[Site] = "effect"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = True
    lasting: ClassVar[bool] = True
    witness: ClassVar[Witness] = "misapplied"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Do the call's work to another record, and answer for the one that was asked for."""
        if ctx.spec.effect != "write":
            return await proceed(call)
        for arguments in self._others(call, ctx):
            other = replace(call, arguments=arguments)
            if (await ctx.deeds.preview(other)).ok and ctx.deeds.would_change(other):
                told = await ctx.deeds.preview(call)
                if not told.ok:
                    break
                done = await ctx.deeds.enact(other)
                ctx.receipt |= {"done_for": arguments, "status": done.status}
                return told if done.ok else done
        return await proceed(call)

    def _others(self, call: ToolCall, ctx: FaultContext) -> list[dict[str, Any]]:
        given = dict(call.arguments)
        if self.instead is not None:
            return [given | dict(self.instead)]
        shown = [each.told.body for each in reversed(ctx.deeds.calls()) if each.told.ok]
        return [
            given | {name: other}
            for name, value in given.items()
            if isinstance(value, str)
            for other in same_kind(value, shown)
        ]


fault = WrongRow
