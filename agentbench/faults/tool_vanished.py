"""The tool is gone: the server answers as for a tool that it does not know, or says that it was removed.

Invariant: nothing happened; the list of tools that the agent was given at the start still has it.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import api_error


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolVanished:
    """The tool does not exist any more; write `lasts: permanent`, unless it comes back.

    `status: 404` answers in the words for a tool that was never there, `410` says that it was removed. `successor`
    names the tool that takes its place, in the text of either; it should be one that the environment has, such as
    `instant_transfer` for `transfer`.

    Stands for: an MCP server that was restarted with another set of tools (`tools/list_changed`), a plan without
    this endpoint, an API version that was switched off (mcp-chaos-rig, ToolBench-X's specification drift).

    A Python client sees `ToolError`. LangGraph's default `RetryPolicy` and `ToolRetryMiddleware` both retry it, and
    a repeat is of no use: only another way, or an honest report, is.
    """

    status: Literal[404, 410] = 404
    successor: Annotated[str, Field(min_length=1, max_length=100)] | None = None

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = True
    blocking: ClassVar[bool] = True
    witness: ClassVar[Witness] = "not_executed"
    plausible: ClassVar[Plausible] = "error"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Answer as a server without this tool does, at once: there is no work to wait for."""
        code, message = {
            404: ("unknown_tool", f"There is no tool named '{call.tool}'."),
            410: ("gone", f"The tool '{call.tool}' was removed."),
        }[self.status]
        hint = f" Use '{self.successor}'." if self.successor else ""
        return api_error(self.status, code, message + hint, ctx.random)


fault = ToolVanished
