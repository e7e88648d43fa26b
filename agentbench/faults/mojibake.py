"""Letters beyond ASCII come broken, or signs of HTML come as entities.

Invariant: only texts differ, and only in the signs that the kind of damage touches.
"""

import html
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import mapped, retold


@dataclass(frozen=True, slots=True, kw_only=True)
class Mojibake:
    """Texts in the reply went through a wrong decoder.

    `as: misread` reads UTF-8 as Latin-1 (`JÃ¶rg`), `as: replaced` puts U+FFFD for each sign beyond ASCII, `as: asked`
    a question mark; `as: entities` escapes `&`, `<`, `>` and quotes (`Green &amp; Sons`). A reply whose texts have no
    such sign passes unchanged, and the injection is `ineffective`.

    Stands for: a database connection in the wrong character set, a service that escapes for a page what is meant for
    a program. A name that is looked up, or passed on to a write, is then another one.

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["misread", "replaced", "asked", "entities"], Field(alias="as")] = "misread"

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible | None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and damage the texts of its answer."""

        def damage(_name: str, value: Any) -> Any:
            if not isinstance(value, str):
                return value
            match self.as_:
                case "misread":
                    return value.encode("utf-8", "replace").decode("latin-1")
                case "replaced":
                    return "".join(sign if sign.isascii() else "\ufffd" for sign in value)
                case "asked":
                    return value.encode("ascii", "replace").decode("ascii")
                case "entities":
                    return html.escape(value)

        return await retold(call, proceed, lambda body: mapped(body, damage))


fault = Mojibake
