"""Does nothing: the call passes through as if there were no fault.

Invariant: a control trial takes the same path as a faulted one, through this fault.
"""

from dataclasses import dataclass
from typing import ClassVar

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Noop:
    """The null object of the faults; control trials run under it.

    Stands for: a quiet day. A Python client sees the tool's own answer.
    """

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "none"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "unchanged"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Answer as the tool does."""
        return await proceed(call)


fault = Noop
