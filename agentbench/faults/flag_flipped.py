"""A feature flag is switched off in mid-run: the function was there, and is not any more.

Invariant: the flag stays off, whoever calls; the tool itself refuses by it.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from agentbench.abc import FaultContext, Phase, Plausible, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import drifted


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagFlipped:
    """The operator switches off the function that the call needs, for everybody and for the rest of the trial.

    The environment's drift `flag_flipped` for the tool switches its flag: in `bank` disputes, standing orders, new
    cards, messages, instant payments; in `travel` trains, hotels, vouchers, itineraries, and whether an airline sells
    direct. Calls of tools without such a drift are not looked at.

    Stands for: kill switches, staged roll-backs, a licence that ends at midnight, a tool that a gateway hides.

    A Python client sees `ToolError` with the API's own refusal (403 `feature_disabled`); no repeat helps.
    """

    site: ClassVar[Literal["state"]] = "state"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "changed_before"
    plausible: ClassVar[Plausible] = "success"
    drift: ClassVar[str] = "flag_flipped"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Switch it off."""
        return await drifted(self.drift, call, proceed, ctx)


fault = FlagFlipped
