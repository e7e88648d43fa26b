"""Fields are missing from the reply, or are null in it.

Invariant: what is left is unchanged, and every row of a list misses the same fields.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import records, retold


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFields:
    """Some fields of the object, or of every row of the list, are `absent` or `null`.

    `fields` names them; without it a `share` of the names, at least one and never `id`, is drawn by a key. Other
    parts of the reply (`total`, `next_cursor`) stay. A reply without an object, or without the fields that are
    named, passes unchanged, and the injection is `ineffective`.

    Stands for: a serialiser that leaves out what it may not show or what is empty, a join that found nothing, a
    field behind a permission (Strands' chaos `drop fields`, mcp-chaos-monkey's `missingFields`).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    fields: tuple[str, ...] | None = None
    as_: Annotated[Literal["absent", "null"], Field(alias="as")] = "absent"

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible | None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and take the fields out of its answer."""

        def change(body: Any) -> Any:
            rows = records(body)
            known = list(dict.fromkeys(name for row in rows for name in row))
            names = self._chosen(known, ctx)
            for row in rows:
                for name in names & row.keys():
                    if self.as_ == "null":
                        row[name] = None
                    else:
                        del row[name]
            ctx.receipt["fields"] = sorted(names)
            return body

        return await retold(call, proceed, change)

    def _chosen(self, known: list[str], ctx: FaultContext) -> set[str]:
        if self.fields is not None:
            return set(known) & set(self.fields)
        free = [name for name in known if name != "id"]
        return set(ctx.random.sample(free, math.ceil(len(free) * self.share)))


fault = DropFields
