"""The backend fails, and the error blames something that is in order: an argument, the key, a repeat.

Invariant: nothing happened, and what the text blames is in order, which an agent can find out by looking.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import api_error


@dataclass(frozen=True, slots=True, kw_only=True)
class MisleadingError:
    """The call fails for a reason of the service's own, and the error names a wrong cause.

    `blames: argument` (400) says that an argument which was given is missing; `credentials` (401) that the key is
    not valid; `network` (500) that a socket hung up; `repeat` (409) that this request was processed already, when
    nothing was done. A call without arguments has none to blame, and its body is. An agent that believes the text
    changes a right call, gives up, or reports as done what is not.

    Stands for: an out-of-memory kill shown as a closed socket (decocms/studio#6059, paradigmxyz/centaur#1454), an
    auth service that is down and answers 401 for everybody, a deduplicator that remembers what was rolled back
    (ToolMisuseBench's adversarial error rewriting).

    A Python client sees `ToolError`. LangGraph's default `RetryPolicy` and `ToolRetryMiddleware` both retry it.
    """

    blames: Literal["argument", "credentials", "network", "repeat"] = "argument"

    site: ClassVar[Site] = "tool"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = True
    blocking: ClassVar[bool] = True
    witness: ClassVar[Witness] = "not_executed"
    plausible: ClassVar[Plausible] = "error"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Fail the call, after the time a reply takes, and name a wrong cause."""
        await ctx.sleep(ctx.spec.latency_s)
        match self.blames:
            case "argument":
                given = sorted(name for name, value in call.arguments.items() if value is not None)
                # The generator's choice, for a text that always names the same argument would be a pattern.
                named = given[ctx.random.randrange(len(given))] if given else "body"
                return api_error(400, "validation_error", f"{named}: Field required", ctx.random)
            case "credentials":
                refusal = api_error(401, "invalid_api_key", "The API key is not valid.", ctx.random)
                return replace(refusal, headers={**refusal.headers, "WWW-Authenticate": 'Bearer realm="api"'})
            case "network":
                return api_error(500, "internal_error", "socket hang up", ctx.random)
            case "repeat":
                message = "This request was processed already. It is not processed again."
                return api_error(409, "already_processed", message, ctx.random)


fault = MisleadingError
