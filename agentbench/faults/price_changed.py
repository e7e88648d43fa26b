"""The price rises by some percent between the search and the booking.

Invariant: the call does at the new price what it would have done at the old one, and its answer says the new price.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from agentbench.abc import FaultContext, Phase, Plausible, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import drifted


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChanged:
    """The price of what the call takes is raised after the agent has seen it, and the call works.

    The environment's drift `price_changed` for the tool raises it: in `travel` fares, trains and rooms by 4 to 9 %.
    Nothing but the price in the answer says so. Calls of tools without such a drift are not looked at.

    Stands for: yield management, exchange rates, a carrier that files its new fares at noon. The stale approval of
    production agents: the user agreed to another sum (Irrevon's stale-authorization fault).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    site: ClassVar[Literal["state"]] = "state"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "changed_before"
    plausible: ClassVar[Plausible] = "success"
    drift: ClassVar[str] = "price_changed"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Raise the price."""
        return await drifted(self.drift, call, proceed, ctx)


fault = PriceChanged
