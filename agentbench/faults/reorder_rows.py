"""The rows of a list come in another order.

Invariant: the same rows are told, each unchanged; only a reader that counts on their order is misled.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import longest_list, retold


@dataclass(frozen=True, slots=True, kw_only=True)
class ReorderRows:
    """The rows of `items`, or else of the longest list, are `reversed` or `shuffled`.

    A shuffle is drawn by a key and is never the old order, if there is another. A list with fewer than two
    different rows passes unchanged, and the injection is `ineffective`.

    Stands for: a query without ORDER BY after a new plan or a failover, shards that are merged as they answer, a
    changed default sort ("the first one is the latest" and "the cheapest is on top" no longer hold).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["reversed", "shuffled"], Field(alias="as")] = "shuffled"

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and put the rows of its answer in another order."""

        def change(body: Any) -> Any:
            found = longest_list(body)
            if found is None:
                return body
            rows, old = found[2], list(found[2])
            if self.as_ == "shuffled":
                ctx.random.shuffle(rows)
            if rows == old:  # shuffled into the old order by chance, or to be reversed
                rows.reverse()
            if rows == old:
                rows.append(rows.pop(0))
            return body

        return await retold(call, proceed, change)


fault = ReorderRows
