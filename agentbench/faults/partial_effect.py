"""A write is done only in part: some of its rows are committed, the others are not.

Invariant: at least one row of the write stands and at least one does not; no row is there that the write did not make.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import ByParameters, server_error

_BOOKKEEPING = "_"  # tables of the API itself: a request that was not finished is not remembered as finished


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialEffect:
    """The tool changes several rows, and a `share` of them stands: the `first`, or the `last` that it came to.

    With `keep: first` the process died half-way, with `keep: last` the first part was rolled back alone. `as: success`
    tells the tool's own answer, `as: error` a 500, for which the same call would be made again. The rows are undone
    for the fault's account, and so is what the API remembers under an idempotency key. A write of one row, and a read,
    cannot be done in part: they pass unchanged, and the injection is `ineffective`.

    Stands for: a service that writes to two stores without a transaction, a saga without its compensation, a batch of
    which some entries are rejected (Amazon SQS' and Elasticsearch's partial batch failures; Balagan's
    `partial_failure`; the crash in mid-effect of Irrevon's timeline).

    A Python client sees a success, or `ToolError` with status 500, which LangGraph's default `RetryPolicy` and
    `ToolRetryMiddleware` both retry. No repeat mends the first half.
    """

    keep: Literal["first", "last"] = "last"
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    as_: Annotated[Literal["success", "error"], Field(alias="as")] = "success"

    site: ClassVar[Site] = "effect"
    phase: ClassVar[Phase] = "after"
    explicit: ClassVar[ByParameters] = ByParameters(False, lambda fault: fault.as_ == "error")
    blocking: ClassVar[bool] = True
    lasting: ClassVar[bool] = True
    witness: ClassVar[Witness] = "partly_committed"
    plausible: ClassVar[ByParameters] = ByParameters("success", lambda fault: fault.as_)

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and take a part of it back."""
        reply = await proceed(call)
        made = ctx.deeds.effects() if reply.ok else []
        rows = [effect for effect in made if not effect.table.startswith(_BOOKKEEPING)]
        if len(rows) < 2:
            return reply
        kept = min(max(1, round(len(rows) * self.share)), len(rows) - 1)
        lost = rows[kept:] if self.keep == "first" else rows[:-kept]
        remembered = [effect for effect in made if effect.table.startswith(_BOOKKEEPING)]
        ctx.receipt |= {"rows": len(rows), "taken_back": ctx.deeds.take_back([*lost, *remembered])}
        return server_error(500, ctx.random) if self.as_ == "error" else reply


fault = PartialEffect
