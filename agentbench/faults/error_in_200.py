"""The call fails, and the error comes with status 200: only an agent that reads the body knows.

Invariant: a write is not done; a read changes nothing anyway, and its answer is withheld.
"""

import copy
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult

_MESSAGE = "The operation could not be completed."
_BODIES: dict[str, dict[str, Any]] = {
    "error": {"error": {"code": "internal_error", "message": _MESSAGE}},
    "errors": {"data": None, "errors": [{"message": _MESSAGE, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]},
    "flag": {"ok": False, "error": "internal_error"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorIn200:
    """The reply has status 200 and a body that tells of a failure.

    `as: error` is the API's own error body, `errors` that of GraphQL, `flag` the short one of Slack's Web API. A
    write is not executed, and is witnessed by `effect_missing`. A read is, so that the record shows what was withheld;
    if the tool refuses the read itself, its refusal is told.

    Stands for: GraphQL over HTTP, Slack's `{"ok": false}`, MCP's `isError` result, a gateway that wraps every
    failure into a 200 (gleanwork/glean-agent-toolkit#42; agent-chaos lists it as a mutator).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["error", "errors", "flag"], Field(alias="as")] = "error"

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = True
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible | None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Answer with the error, in the time that the tool takes."""
        told = ToolResult(status=200, body=copy.deepcopy(_BODIES[self.as_]))
        if ctx.spec.effect == "write":
            ctx.receipt["witness"] = "effect_missing"  # there is no true reply to compare with
            await ctx.sleep(ctx.spec.latency_s)
            return told
        reply = await proceed(call)
        return replace(reply, body=told.body) if reply.ok else reply


fault = ErrorIn200
