"""The way from page to page is broken: the cursor is missing, leads back, or skips a row.

Invariant: the rows that are told are true and in order; only what joins the pages is not.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import longest_list, retold


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCursor:
    """`next_cursor` is wrong, or a page ends one row before its cursor goes on.

    `as: missing` makes the cursor null although there is more, and `has_more` false; `repeating` tells the cursor
    that was asked with, so that the same page comes again and again; `gap` takes the last row off a page that has a
    successor, so that it is on neither. `total` stays. Only a page with a cursor can be hit, for `repeating` one
    that was asked for with a cursor; the others pass unchanged, and the injection is `ineffective`.

    Stands for: offset paging over a list that changes, an off-by-one at the page's edge, a cursor that is not moved
    on, so that a client loops for ever.

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["missing", "repeating", "gap"], Field(alias="as")] = "missing"

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and break the way to the next page."""
        asked = call.arguments.get("cursor")

        def change(body: Any) -> Any:
            found = longest_list(body)
            page = found[1] if found else None
            if found is None or not isinstance(page, dict) or "next_cursor" not in page:
                return body
            if self.as_ == "repeating" and asked:
                page["next_cursor"] = asked
            elif self.as_ == "missing" and page["next_cursor"]:
                page |= {"next_cursor": None} | ({"has_more": False} if "has_more" in page else {})
            elif self.as_ == "gap" and page["next_cursor"]:
                found[2].pop()
            return body

        return await retold(call, proceed, change)


fault = PageCursor
