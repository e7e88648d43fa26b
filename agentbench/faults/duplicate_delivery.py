"""The call reaches the tool twice: infrastructure delivers the same request again.

Invariant: the caller asked once and is answered once; what was done is done twice unless the tool can tell.
"""

from dataclasses import dataclass
from typing import ClassVar

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateDelivery:
    """The tool is executed twice with the same arguments; the caller gets the first answer.

    If only the second execution worked, its answer is told. A tool with an idempotency key gives the second
    delivery the first one's answer and changes nothing, if the agent sent the key.

    Stands for: at-least-once queues, proxies that replay a POST, an SDK's hidden retries (Amazon SQS standard queues;
    hostinger/api-mcp-server#68; the Idempotency-Key of the Agentic Commerce Protocol). No agent can use a tool
    without a key safely here, so aim it with `at: {idempotent: true}` to measure the agent.

    A Python client sees the tool's own answer; nothing is raised, so nothing is retried.
    """

    site: ClassVar[Site] = "effect"
    phase: ClassVar[Phase] = "after"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "executed_twice"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call twice and answer once."""
        first = await proceed(call)
        second = await proceed(call)
        ctx.receipt["statuses"] = [first.status, second.status]
        return first if first.ok or not second.ok else second


fault = DuplicateDelivery
