"""The price rises by some percent between the search and the booking.

Invariant: the call does at the new price what it would have done at the old one, and its answer says the new price.
"""

from dataclasses import dataclass
from typing import ClassVar

from agentbench.faults import Drift


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChanged(Drift):
    """The price of what the call takes is raised after the agent has seen it, and the call works.

    The environment's drift `price_changed` for the tool raises it: in `travel` fares, trains and rooms by 4 to 9 %.
    Nothing but the price in the answer says so. Calls of tools without such a drift are not looked at.

    Stands for: yield management, exchange rates, a carrier that files its new fares at noon. The stale approval of
    production agents: the user agreed to another sum (Irrevon's stale-authorization fault).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    drift: ClassVar[str] = "price_changed"


fault = PriceChanged
