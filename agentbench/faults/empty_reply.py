"""The reply is empty: no body, an empty object, or a list without rows.

Invariant: an empty list is told as consistently empty: no rows, a total of 0 and no further page.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import end_paging, longest_list, retold


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyReply:
    """The reply has status 200 and nothing in it.

    `as: list` tells that there are no rows: the list is empty, `total` and `count` are 0, and no page follows; a
    reply without rows passes unchanged, and the injection is `ineffective`. `as: object` is `{}`, `as: nothing` a
    body of no bytes, which a client gives as an empty text.

    Stands for: a search index that is being rebuilt, a filter on the wrong tenant, a 200 from a handler that
    returned early (agentbreak's and mcp-chaos' `empty`, Flakestorm, chaos-agents).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["list", "object", "nothing"], Field(alias="as")] = "list"

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"

    @property
    def plausible(self) -> Plausible | None:
        """No rows are an answer; no object is none."""
        return "success" if self.as_ == "list" else None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and tell nothing of its answer."""

        def change(body: Any) -> Any:
            if self.as_ != "list":
                return {} if self.as_ == "object" else ""
            found = longest_list(body)
            if found is None:
                return body
            ctx.receipt["dropped"] = len(found[2])
            found[2].clear()
            for page in (body, found[1]):
                end_paging(page)
                if isinstance(page, dict):
                    page.update({name: 0 for name in ("total", "count") if isinstance(page.get(name), int)})
            return body

        return await retold(call, proceed, change)


fault = EmptyReply
