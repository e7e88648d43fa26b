"""One number in the reply is wrong, and plausible.

Invariant: one number differs, by a share of itself, and keeps its sign and its type.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import mapped, retold


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongValue:
    """One number of the reply, drawn by a key, is off by the share `by`, up or down.

    Candidates are the numbers in fields that one of the globs `fields` names, and that are at least `least` in
    size, so that flags, counts and days of the month stay what they are. Without a candidate the reply passes
    unchanged, and the injection is `ineffective`.

    Stands for: a wrong exchange rate, a figure that was rounded or read from the wrong column, a sensor that drifts
    (agentic-chaos' `confident_wrong`, ToolMaze's implicit faults, ToolBench-X).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    by: Annotated[float, Field(gt=0, le=1)] = 0.1
    fields: tuple[str, ...] = ("*",)
    least: Annotated[float, Field(ge=0)] = 100

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and change a number in its answer."""

        def change(body: Any) -> Any:
            places: list[tuple[str, float]] = []
            mapped(body, lambda name, value: places.append((name, value)) if self._open(name, value) else None)
            if not places:
                return body
            chosen = ctx.random.randrange(len(places))
            factor = 1 + self.by if ctx.random.random() < 0.5 else 1 - self.by
            name, value = places[chosen]
            ctx.receipt |= {"field": name, "true": value, "told": _scaled(value, factor)}
            seen = iter(range(len(places)))

            def replaced(name: str, value: Any) -> Any:
                return _scaled(value, factor) if self._open(name, value) and next(seen) == chosen else value

            return mapped(body, replaced)

        return await retold(call, proceed, change)

    def _open(self, name: str, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) < self.least:
            return False
        return any(fnmatchcase(name, glob) for glob in self.fields)


def _scaled(value: float, factor: float) -> float:
    """The value times the factor, of the same type, and never the same."""
    if isinstance(value, int):
        return round(value * factor) if round(value * factor) != value else value + 1
    return round(value * factor, 2) if round(value * factor, 2) != value else value + 1.0


fault = WrongValue
