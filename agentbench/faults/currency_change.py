"""Amounts come in another currency, with its code beside them or without.

Invariant: every amount that is told is the true one at the rate; a code that is told is that of the amounts.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import mapped, retold

_CODE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyChange:
    """Numbers in fields that one of the globs `fields` names are multiplied by `rate`; whole ones stay whole.

    A field named `currency` with a code of three letters becomes `to`, so that an agent which reads it can know. With
    `told: false` the code stays: the amounts are then wrong, and nothing says so. A reply without such a number other
    than 0 passes unchanged, and the injection is `ineffective`.

    Stands for: an account that is shown in the currency of the reader's country, a price service with a default of its
    own, a conversion that was done twice (Stripe's presentment currencies; ToolBench-X's output drift).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    to: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    rate: Annotated[float, Field(gt=0, le=100_000)] = 1.08
    told: bool = True
    fields: tuple[str, ...] = ("*_cents", "*amount*", "*price*", "*balance*", "*fee*", "*total*cost*")

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible | None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and convert the amounts in its answer."""

        def amount(name: str, value: Any) -> bool:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return number and value != 0 and any(fnmatchcase(name, glob) for glob in self.fields)

        def convert(name: str, value: Any) -> Any:
            if amount(name, value):
                ctx.receipt["values"] = ctx.receipt.get("values", 0) + 1
                return round(value * self.rate) if isinstance(value, int) else round(value * self.rate, 2)
            coded = self.told and name == "currency" and isinstance(value, str) and _CODE.fullmatch(value)
            return self.to if coded else value

        def change(body: Any) -> Any:
            found: list[Any] = []
            mapped(body, lambda name, value: found.append(value) if amount(name, value) else None)
            return mapped(body, convert) if found else body

        return await retold(call, proceed, change)


fault = CurrencyChange
