"""Amounts come in another unit under the same name: units for cents, or the other way round.

Invariant: every amount that is told is the true one times the factor, whole where that one was; nothing else differs.
"""

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import mapped, retold


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitChange:
    """Every number in a field that one of the globs `fields` names is multiplied by `factor`.

    The default tells cents as whole units; 100 is the other way round, 0.45359237 pounds as kilograms. A whole
    number stays one, rounded away from 0, so that the reply keeps its types. A reply without such a number other than
    0 passes unchanged, and the injection is `ineffective`.

    Stands for: a new version that tells euros where the old one told cents, miles for kilometres, a currency that
    was not converted (Stripe's zero-decimal currencies; the Mars Climate Orbiter; ToolBench-X's output drift).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    factor: Annotated[float, Field(gt=0, le=1_000_000)] = 0.01
    fields: tuple[str, ...] = ("*_cents", "*amount*", "*price*", "*balance*", "*fee*")

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and convert the amounts in its answer."""

        def convert(name: str, value: Any) -> Any:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return value
            if value == 0 or not any(fnmatchcase(name, glob) for glob in self.fields):
                return value
            ctx.receipt["values"] = ctx.receipt.get("values", 0) + 1
            made = round(value * self.factor, 6)
            if isinstance(value, float):
                return made
            return math.ceil(made) if made > 0 else math.floor(made)

        return await retold(call, proceed, lambda body: mapped(body, convert))


fault = UnitChange
