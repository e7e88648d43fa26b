"""A list comes back short: the reply is still valid, and nothing in it says that there is more to fetch.

Invariant: what is left are the first entries, unchanged; a count that the tool gives (`total`) stays true.
"""

import copy
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import end_paging, longest_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate:
    """The reply's `items`, or else its longest list, keeps only its first part: a share of `keep`, never all of it.

    `next_cursor` beside it becomes null and `has_more` false, so that paging ends here. `total` stays: an agent
    that compares it with what it got can find out. A reply with no list, or an empty one, passes unchanged, and
    the injection is then `ineffective`.

    Stands for: a page cut by a size limit, a shard that did not answer, a lost cursor (ReliabilityBench's partial
    responses, ToolMaze's implicit faults).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    keep: Annotated[float, Field(ge=0, lt=1)] = 0.5

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and shorten the list in its answer."""
        reply = await proceed(call)
        body = copy.deepcopy(reply.body)
        found = longest_list(body) if reply.ok else None
        if found is None:
            return reply
        path, holder, entries = found
        kept = min(int(len(entries) * self.keep), len(entries) - 1)
        ctx.receipt |= {"list": ".".join(path), "kept": kept, "dropped": len(entries) - kept}
        del entries[kept:]
        end_paging(body, holder)
        return ToolResult(status=reply.status, body=body, headers=reply.headers)


fault = Truncate
