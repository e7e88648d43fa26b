"""Values have another JSON type than before: numbers as text, or a list of one as its entry.

Invariant: a reader that converts what it gets finds the true values.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import longest_list, mapped, retold


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongType:
    """The values are right, and their types are not those of other days.

    `as: text` tells numbers as text (`"120000"`) and true and false as `"true"` and `"false"`; `as: single` puts
    the only entry of a list in place of the list, as converters from XML do. A reply without such a value passes
    unchanged, and the injection is `ineffective`.

    Stands for: a rewritten backend, a driver that gives decimals as text (PHP's PDO, JavaScript's big integers), an
    XML service behind a JSON facade (Strands' and agentic-chaos' corrupt values).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["text", "single"], Field(alias="as")] = "text"

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible | None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and tell its answer in other types."""
        return await retold(call, proceed, _single if self.as_ == "single" else lambda body: mapped(body, _text))


def _text(_name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _single(body: Any) -> Any:
    """The body with the entry of its list in place of the list, if it has just one."""
    found = longest_list(body)
    if found is None or len(found[2]) != 1:
        return body
    path, holder, entries = found
    if not path:
        return entries[0]
    holder[path[-1]] = entries[0]
    return body


fault = WrongType
