"""A read is answered with another record of the same kind.

Invariant: every value that is told is true of some record; it is not the one that was asked for.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import neighbours, records


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongEntity:
    """A list's ids belong to their neighbours; a single record is another one.

    In a list of two rows or more, the `id` of each row moves to the next one, the last to the first. A read of one
    record is answered as for other arguments: those of `instead` in place of the call's own (`{account: SAV-1}`),
    or else the nearest other number at the end of an id. The answer is taken from the start of the trial. Where
    there is no such record, and for writes, the true answer is told and the injection is `ineffective`.

    Stands for: a cache under the wrong key, a join on the wrong column, an off-by-one in a batch, the reply to
    somebody else's request on a shared connection (ChatGPT's and redis-py's of March 2023).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    instead: Mapping[str, str | int | bool | None] | None = None

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and answer with another record, or with ids that moved."""
        if ctx.spec.effect != "read":
            return await proceed(call)
        true = await proceed(call)
        moved = _moved(copy.deepcopy(true.body)) if true.ok and self.instead is None else true.body
        if moved != true.body:
            return replace(true, body=moved)
        for arguments in self._others(call, true):
            other = await ctx.replica(replace(call, arguments=arguments))
            if other.ok and other.body != true.body:
                ctx.receipt["asked_instead"] = arguments
                return other
        return true

    def _others(self, call: ToolCall, true: ToolResult) -> list[dict[str, Any]]:
        given = dict(call.arguments)
        if self.instead is not None:
            return [given | dict(self.instead)] if true.ok else []
        if not true.ok or not isinstance(true.body, dict) or "items" in true.body:
            return []  # a page for another record would be another search, and mostly an empty one
        texts = {name: value for name, value in given.items() if isinstance(value, str)}
        return [given | {name: other} for name, value in texts.items() for other in neighbours(value)]


def _moved(body: Any) -> Any:
    """The body with every id one row further."""
    rows = [row for row in records(body) if "id" in row]
    ids = [row["id"] for row in rows]
    for row, moved in zip(rows, ids[-1:] + ids[:-1], strict=True):
        row["id"] = moved
    return body


fault = WrongEntity
