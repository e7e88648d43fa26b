"""The agent's process is killed in the midst of a tool call, and started again on the same world.

Invariant: nothing of the process that died goes on, and nothing of what it has done to the world is undone.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from agentbench.abc import Channel, FaultContext, Phase, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """The agent dies as by SIGKILL, `when: before` the call has any effect or `after` it was executed.

    It is started again at once. A LangGraph graph with a checkpointer takes up the turn from its last checkpoint
    (`ainvoke(None, config)` on the same thread), which makes the call again; any other agent begins anew and gets the
    user's message again, with what was said before.

    Stands for: an OOM kill, a deployment, an evicted pod, a laptop that is shut (langgraph#7417, where a tool is
    executed again from the checkpoint; langgraph#9002; OpenHands' SIGKILL in a tool call).

    A Python client sees nothing: its process is gone, and no retry policy of it lives on.
    """

    when: Literal["before", "after"] = "after"

    site: ClassVar[Literal["context"]] = "context"
    channel: ClassVar[Channel] = "call"
    phase: ClassVar[Phase] = "after"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "restarted"
    plausible: ClassVar[None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Kill the process, before the call or when it is done."""
        ctx.receipt["when"] = self.when
        if self.when == "after":
            await proceed(call)
        ctx.crash()


fault = Crash
