"""A write is accepted and reported as done, and some time later the work behind it fails.

Invariant: the answer was true when it was given; what takes it back is in the ledger at the instant that was stated.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Witness
from agentbench.calls import Handler, ToolCall, ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFails:
    """The call works, and `after_s` seconds after it was committed its job fails, of which nobody is told.

    The environment's drift `job_fails` for the tool says how: in `bank` the payee's bank returns the payment; in
    `travel` the card's bank takes its payment back, or the supplier does not confirm the booking. Who looks
    later than that sees it. If the trial is over before, the injection is `ineffective`. Calls of tools without such
    a drift are not looked at.

    Stands for: asynchronous jobs behind a 200 or 202: settlement, provisioning, delivery (HTTP 202 promises nothing;
    SEPA returns take days).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    after_s: Annotated[float, Field(gt=0, le=86_400)] = 0.1

    site: ClassVar[Literal["state"]] = "state"
    phase: ClassVar[Phase] = "after"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "changed_later"
    plausible: ClassVar[Plausible] = "success"
    drift: ClassVar[str] = "job_fails"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Let the call work, and have it fail later."""
        reply = await proceed(call)
        if reply.ok:
            ctx.receipt["due_s"] = ctx.now_s() + self.after_s
            ctx.deeds.drift(self.drift, call, ctx.random, answer=reply.body, after_s=self.after_s)
        return reply


fault = JobFails
