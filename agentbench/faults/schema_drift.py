"""The reply has another schema: keys in another style, renamed, or all of it in an envelope.

Invariant: every value is there and true; only where it is found differs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import retold


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaDrift:
    """The reply is that of another version of the API.

    `as: camel` writes keys as `amountCents`, `as: envelope` puts the reply into `{"data": …, "meta": …}`; `rename`
    gives new names to keys of any depth (`{amount_cents: amount}`) and is used instead of `as`. A reply without such
    a key passes unchanged, and the injection is `ineffective`.

    Stands for: a v2 behind the same name, a gateway that wraps replies, a serialiser with another naming rule
    (mcp-chaos-rig's live version switch, ToolBench-X's output drift, ReliabilityBench's schema drift).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["camel", "envelope"], Field(alias="as")] = "camel"
    rename: Mapping[str, str] | None = None

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible | None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and tell its answer in another schema."""
        rename = self.rename
        if rename is not None:
            return await retold(call, proceed, lambda body: _renamed(body, lambda key: rename.get(key, key)))
        if self.as_ == "camel":
            return await retold(call, proceed, lambda body: _renamed(body, _camel))
        return await retold(call, proceed, lambda body: {"data": body, "meta": {"version": 2}})


def _camel(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])_([a-z0-9])", lambda found: found[1].upper(), key)


def _renamed(value: Any, name: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {name(key): _renamed(part, name) for key, part in value.items()}
    return [_renamed(part, name) for part in value] if isinstance(value, list) else value


fault = SchemaDrift
