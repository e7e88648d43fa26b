"""The reply is no JSON: cut off, written as Python would, or with a line of the log before it.

Invariant: the text that is told is made of the true answer, and a JSON parser refuses it.
"""

import json
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import retold


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedJson:
    """The reply comes as text that cannot be parsed.

    `as: cut` ends it after the share `keep` of its characters, at least one before its end; `as: python` writes it
    with single quotes, `None` and `True`; `as: noisy` puts a line of the server's log before it. A body that is
    a text itself, or a number, is no document to spoil: it passes unchanged, and the injection is `ineffective`.

    Stands for: a connection that ends in mid-body, a tool that returns `str(dict)`, an MCP server that logs to its
    standard output (mcp-chaos' half-truncated bodies; modelcontextprotocol's stdio transport).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["cut", "python", "noisy"], Field(alias="as")] = "cut"
    keep: Annotated[float, Field(gt=0, lt=1)] = 0.6

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible | None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and tell its answer as a text that is no JSON."""

        def change(body: Any) -> Any:
            if not isinstance(body, dict | list) or not body:
                return body
            text = json.dumps(body, ensure_ascii=False)
            match self.as_:
                case "cut":
                    return text[: min(max(1, int(len(text) * self.keep)), len(text) - 1)]
                case "python":
                    return str(body)
                case "noisy":
                    return f"INFO  {call.tool} 200 OK ({ctx.spec.latency_s * 1000:.0f} ms)\n{text}"

        return await retold(call, proceed, change)


fault = MalformedJson
