"""A list comes back short: the reply is still valid, and nothing in it says that there is more to fetch.

Invariant: what is left are the first entries, unchanged; a count that the tool gives (`total`) stays true.
"""

import copy
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Witness
from agentbench.calls import Handler, ToolCall, ToolResult

Found: TypeAlias = tuple[tuple[str, ...], Any, list[Any]]


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

    site: ClassVar[Literal["tool"]] = "tool"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and shorten the list in its answer."""
        reply = await proceed(call)
        body = copy.deepcopy(reply.body)
        found = _longest(body) if reply.ok else None
        if found is None:
            return reply
        path, holder, entries = found
        kept = min(int(len(entries) * self.keep), len(entries) - 1)
        ctx.receipt |= {"list": ".".join(path), "kept": kept, "dropped": len(entries) - kept}
        del entries[kept:]
        for page in (body, holder):
            if isinstance(page, MutableMapping):
                page.update({name: end for name, end in (("next_cursor", None), ("has_more", False)) if name in page})
        return ToolResult(status=reply.status, body=body, headers=reply.headers)


def _longest(body: Any) -> Found | None:
    """The list to cut with its path and what holds it: `items` if it is one with entries, else the longest."""
    found = [each for each in _lists(body, (), None) if each[2]]
    named = [each for each in found if each[0] == ("items",)]
    return max(named or found, key=lambda each: len(each[2]), default=None)


def _lists(value: Any, path: tuple[str, ...], holder: Any) -> Iterator[Found]:
    if isinstance(value, list):
        yield path, holder, value
    elif isinstance(value, MutableMapping):
        for name, part in value.items():
            yield from _lists(part, (*path, str(name)), value)


fault = Truncate
