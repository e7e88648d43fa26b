"""The tool has another name: the old one is unknown, the error tells the new one, and that one works.

Invariant: nothing happened under the old name; under the new one the call is executed and answered as ever.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import api_error


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRenamed:
    """The server knows the tool as its old name with `suffix`, and answers the old name with 404 `unknown_tool`.

    The list of tools that the agent was given still has the old name, so an agent that is bound to that list cannot
    call the new one: with most frameworks a call of it never leaves the graph. One that calls tools by name can. Write
    `lasts: permanent`: before it strikes and after it ends, the new name is unknown too.

    Stands for: an MCP server that was updated in mid-session (`tools/list_changed`), a versioned endpoint
    (`/v2/transfer`), a prefix that a gateway adds (mcp-chaos-rig, ToolBench-X's specification drift).

    A Python client sees `ToolError` with status 404. LangGraph's default `RetryPolicy` does **not** retry it, as no
    4xx; `ToolRetryMiddleware` does, and a repeat under the old name is of no use.
    """

    suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] = "_v2"

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = True
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "not_executed"
    plausible: ClassVar[Plausible] = "error"

    def meant(self, name: str) -> str | None:
        """The name without the suffix, if it has it."""
        own = name.removesuffix(self.suffix)
        return own if own and own != name else None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Know the tool by its new name alone; there is no work to wait for under the old one."""
        if call.alias and self.meant(call.alias) == call.tool:
            ctx.receipt |= {"witness": "reply_changed", "asked_for": call.alias}  # it is not: this call was left alone
            return await proceed(replace(call, alias=""))
        message = f"There is no tool named '{call.tool}'. It was renamed to '{call.tool}{self.suffix}'."
        return api_error(404, "unknown_tool", message, ctx.random)


fault = ToolRenamed
