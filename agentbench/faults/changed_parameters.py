"""The tool's parameters are those of another version: the old shape of a call is refused, the new one works.

Invariant: nothing happened on a call of the old shape; one of the new shape is executed and answered as ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult, ToolSpec
from agentbench.faults import api_error

_USUAL = {
    "limit": "page_size", "query": "q", "text": "body", "to": "recipient", "memo": "reference", "name": "full_name",
    "amount_cents": "amount_minor", "reason": "reason_code", "description": "details", "month": "period",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedParameters:
    """The server has gone from v1 to v2, and the schema that the agent was given at the start is that of v1.

    `rename` gives new names to parameters (`{amount_cents: amount_minor}`). Without it the last required parameter
    of the tool gets another name, or for a tool that requires none the first one that the call gives. `require` makes
    optional parameters of the tool needed. A call of the old shape is refused with 422, in the words of a validator,
    which name what is missing and what is not known; a call with nothing to change is executed as ever.

    Stands for: a v2 behind the same address, a rolling deployment, a strict validator after a lax one
    (ReliabilityBench's schema drift, mcp-chaos-rig's live version switch, ToolBench-X's specification drift).

    A Python client sees `ToolError` with status 422. LangGraph's default `RetryPolicy` does **not** retry it, as no
    4xx; `ToolRetryMiddleware` does, and a repeat of the old shape is of no use.
    """

    rename: Mapping[str, str] | None = None
    require: tuple[str, ...] = ()

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = True
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "not_executed"
    plausible: ClassVar[Plausible] = "error"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Refuse what is of the old shape, after the time a reply takes; understand what is of the new one."""
        known = ctx.spec.parameters.get("properties", {})
        renamed = {old: new for old, new in self._renamed(call, ctx).items() if old in known and new not in known}
        given = call.arguments
        needed = [new for old, new in renamed.items() if _required(ctx.spec, old) or old in given]
        missing = [name for name in (*needed, *(set(self.require) & known.keys())) if given.get(name) is None]
        strange = [name for name in given if name in renamed]
        if not missing and not strange:
            ctx.receipt["witness"] = "reply_changed"  # it is not: this call was left alone
            back = {new: old for old, new in renamed.items()}
            return await proceed(replace(call, arguments={back.get(name, name): given[name] for name in given}))
        await ctx.sleep(ctx.spec.latency_s)
        problems = [f"{name}: Field required" for name in sorted(missing)]
        problems += [f"{name}: Extra inputs are not permitted" for name in strange]
        return api_error(422, "validation_error", "; ".join(problems), ctx.random)

    def _renamed(self, call: ToolCall, ctx: FaultContext) -> Mapping[str, str]:
        if self.rename is not None or self.require:
            return self.rename or {}
        chosen: dict[str, str] = ctx.memory.setdefault("renamed", {})
        if call.tool not in chosen:
            names: list[Any] = list(ctx.spec.parameters.get("required", ())) or sorted(call.arguments)[-1:]
            if not names:
                return {}
            chosen[call.tool] = names[-1]
        return {chosen[call.tool]: _new_name(chosen[call.tool])}


def _new_name(name: str) -> str:
    """What a next version calls it."""
    return _USUAL.get(name) or (name.removesuffix("_id") if name.endswith("_id") else f"{name}_value")


def _required(spec: ToolSpec, name: str) -> bool:
    return name in spec.parameters.get("required", ())


fault = ChangedParameters
