"""Rows of a list come twice.

Invariant: no row is missing and none is changed; a count that the tool gives (`total`) stays true.
"""

import copy
import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import longest_list, retold


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateRows:
    """A `share` of the rows of `items`, or else of the longest list, at least one, is told twice in a row.

    Which ones is drawn by a key. `total` stays: an agent that compares it, or the ids, with what it got can find
    out; one that adds up gets too much. A reply with no rows passes unchanged, and the injection is `ineffective`.

    Stands for: a join that multiplies rows, a page that overlaps the one before, an event stream that delivers at
    least once (Kafka, Stripe's webhooks).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    share: Annotated[float, Field(gt=0, le=1)] = 0.3

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and repeat rows of its answer."""

        def change(body: Any) -> Any:
            found = longest_list(body)
            if found is None:
                return body
            path, _, rows = found
            twice = set(ctx.random.sample(range(len(rows)), math.ceil(len(rows) * self.share)))
            rows[:] = [copy.deepcopy(row) for place, row in enumerate(rows) for _ in range(2 if place in twice else 1)]
            ctx.receipt |= {"list": ".".join(path), "doubled": len(twice)}
            return body

        return await retold(call, proceed, change)


fault = DuplicateRows
