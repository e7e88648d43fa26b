"""A feature flag is switched off in mid-run: the function was there, and is not any more.

Invariant: the flag stays off, whoever calls; the tool itself refuses by it.
"""

from dataclasses import dataclass
from typing import ClassVar

from agentbench.faults import Drift


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagFlipped(Drift):
    """The operator switches off the function that the call needs, for everybody and for the rest of the trial.

    The environment's drift `flag_flipped` for the tool switches its flag: in `bank` disputes, standing orders, new
    cards, messages, instant payments; in `travel` trains, hotels, vouchers, itineraries, and whether an airline sells
    direct. Calls of tools without such a drift are not looked at.

    Stands for: kill switches, staged roll-backs, a licence that ends at midnight, a tool that a gateway hides.

    A Python client sees `ToolError` with the API's own refusal (403 `feature_disabled`); no repeat helps.
    """

    drift: ClassVar[str] = "flag_flipped"


fault = FlagFlipped
