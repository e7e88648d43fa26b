"""Two calls that are in flight at the same time get each other's reply.

Invariant: both calls are executed, and each answer is told to exactly one of the two callers, the wrong one.
"""

import asyncio
from dataclasses import dataclass, field
from typing import ClassVar

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(eq=False, slots=True)
class _Flight:
    """A call on its way; `reply` is there once the tool has answered, `partner` once it has met another."""

    landed: asyncio.Event = field(default_factory=asyncio.Event)
    reply: ToolResult | None = None
    partner: "_Flight | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwappedReplies:
    """A call that is hit while another one that is hit is in flight exchanges its reply with it.

    It has to strike at both: write `at: {tool: "get_*", from: 1, for: 2}` or `lasts: permanent`. The one that is done
    first waits for the other, and both are told then. A call without a partner, one whose partner's caller went away,
    and two with the same answer are told their own: the injection is `ineffective`. An agent that makes one call at a
    time is never hit.

    Stands for: a client that matches replies to requests by their order, a connection that is used by two tasks
    (redis-py's and ChatGPT's of March 2023), tool-call ids that are mixed up where parallel calls are collected.

    A Python client sees a success, or the error that was meant for the other call.
    """

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "swapped"
    plausible: ClassVar[Plausible | None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call, and take the other's answer, if there is another."""
        flying: list[_Flight] = ctx.memory.setdefault("flying", [])
        own = _Flight()
        flying.append(own)
        try:
            own.reply = await proceed(call)
            own.landed.set()
            partner = own.partner or next((each for each in flying if each is not own and each.partner is None), None)
            if partner is None:
                return own.reply
            own.partner, partner.partner = partner, own
            await partner.landed.wait()
            ctx.receipt["exchanged"] = partner.reply is not None
            return partner.reply or own.reply
        finally:
            flying.remove(own)
            own.landed.set()  # also when the caller goes away: the partner must not wait for ever


fault = SwappedReplies
