"""Numbers or dates come in the writing of another country.

Invariant: every value is there and true, to a reader who knows how that country writes it.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import mapped, retold

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?=$|T)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocaleChange:
    """The service answers in another locale than on other days.

    `as: numbers` tells numbers of 1,000 and more, and those with decimals, as text with a decimal comma and points
    between the thousands (`120000` as `"120.000"`). `as: dates` tells ISO dates, also those of instants, as day, month
    and year (`02.03.2026`), `as: us_dates` as month, day and year (`03/02/2026`), which reads as another day. A reply
    without such a value passes unchanged, and the injection is `ineffective`.

    Stands for: an `Accept-Language` that a proxy sets, a server whose operating system was installed anew, a
    spreadsheet export behind an API (the German comma in every CSV; ToolBench-X's output drift).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["numbers", "dates", "us_dates"], Field(alias="as")] = "numbers"

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible | None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and tell its answer as it is written elsewhere."""
        return await retold(call, proceed, lambda body: mapped(body, self._written))

    def _written(self, _name: str, value: Any) -> Any:
        if isinstance(value, str) and self.as_ != "numbers":
            return _DATE.sub(r"\3.\2.\1" if self.as_ == "dates" else r"\2/\3/\1", value)
        if isinstance(value, bool) or not isinstance(value, int | float) or self.as_ != "numbers":
            return value
        if isinstance(value, int) and abs(value) < 1000:
            return value
        return f"{value:,}".translate(str.maketrans(",.", ".,"))


fault = LocaleChange
