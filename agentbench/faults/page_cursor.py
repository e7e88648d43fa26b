"""The way from page to page is broken: the cursor is missing, leads back, skips a row or repeats one.

Invariant: the rows that are told are true and in order; only what joins the pages is not.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import longest_list, retold

_PAGES_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCursor:
    """`next_cursor` is wrong, or a page ends one row before its cursor goes on.

    `as: missing` makes the cursor null although there is more, and `has_more` false; `repeating` tells the cursor
    that was asked with, so that the same page comes again and again; `gap` takes the last row off a page that has a
    successor, so that it is on neither; `overlap` begins a page with the last row of the one before, so that it comes
    twice. `total` stays. Only a page with a cursor can be hit, for `repeating` and `overlap`
    one that was asked for with a cursor; the others pass unchanged, and the injection is `ineffective`.

    Stands for: offset paging over a list that changes, an off-by-one at the page's edge, a cursor that is not moved
    on, so that a client loops for ever.

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["missing", "repeating", "gap", "overlap"], Field(alias="as")] = "missing"

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and break the way to the next page."""
        asked = call.arguments.get("cursor")
        before = await _last_row(call, ctx) if self.as_ == "overlap" and asked else []

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
            elif self.as_ == "overlap" and asked:
                found[2][:0] = before
            return body

        return await retold(call, proceed, change)


async def _last_row(call: ToolCall, ctx: FaultContext) -> list[Any]:
    """The last row of the page that leads to the one that is asked for; empty if none of the first pages does."""
    arguments = {name: value for name, value in call.arguments.items() if name != "cursor"}
    for _ in range(_PAGES_MAX):
        page = await ctx.deeds.preview(replace(call, arguments=arguments))
        found = longest_list(page.body) if page.ok else None
        after = page.body.get("next_cursor") if isinstance(page.body, dict) else None
        if found is None or after is None:
            break
        if after == call.arguments.get("cursor"):
            return found[2][-1:]
        arguments = {**arguments, "cursor": after}
    return []


fault = PageCursor
