"""The last seat, room or piece goes to somebody else just before the call.

Invariant: what was listed was there when it was listed; the tool refuses by the stock that it finds.
"""

from dataclasses import dataclass
from typing import ClassVar

from agentbench.faults import Drift


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldOut(Drift):
    """The stock that the call wants is taken by others after the agent has seen it.

    The environment's drift `sold_out` for the tool empties the stock that the call's arguments name: in `travel` the
    seats of the offer or quote, the seats of the train, the rooms. Calls of tools without such a drift are not
    looked at.

    Stands for: any shop, any booking system, any queue slot. An agent that planned on the first search has to
    plan anew, and one that only repeats will never be done.

    A Python client sees `ToolError` with the API's own refusal (409 `sold_out`); no repeat helps.
    """

    drift: ClassVar[str] = "sold_out"


fault = SoldOut
