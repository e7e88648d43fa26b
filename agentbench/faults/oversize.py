"""The reply is huge: the true answer is in it, beside a long history that nobody asked for.

Invariant: every field of the true answer is there, unchanged and first.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import retold

_ENTRY = 512  # characters of one entry, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversize:
    """The reply gets a field `revisions` of about `kilobytes` of JSON.

    Its entries are numbers, checksums and signatures, made by a key. They fill the context of a model, or run into
    a limit of the agent's own. A body that is no object, or has such a field, passes unchanged, and the injection
    is `ineffective`.

    Stands for: a debug field that was left on, an embedded history or document, `expand=all` as the new default
    (MCP clients that cut a result at their token limit).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    kilobytes: Annotated[int, Field(ge=1, le=1024)] = 256

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible | None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and put a long history into its answer."""

        def change(body: Any) -> Any:
            if not isinstance(body, dict) or "revisions" in body:
                return body
            count = max(1, self.kilobytes * 1024 // _ENTRY)
            body["revisions"] = [
                {
                    "revision": number,
                    "checksum": f"{ctx.random.getrandbits(256):064x}",
                    "signature": f"{ctx.random.getrandbits(1536):0384x}",
                }
                for number in range(count, 0, -1)
            ]
            ctx.receipt["entries"] = count
            return body

        return await retold(call, proceed, change)


fault = Oversize
