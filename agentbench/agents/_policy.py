"""What an agent does when a call fails or a reply is unsound, as data.

Invariant: a policy is all by which two agents that play the same reference solution differ, apart from their graphs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The decisions of a player. The default goes straight ahead and believes every reply.

    `gives_up` at the first failure. `retries`: how often a failed call is repeated, waiting `backoff_s` before the
    first repeat and twice as long before each next one. `uses_fallback` plays the step's other way. `verifies`: a
    write of unknown fate is looked up before it is repeated. `verifies_success`: so is one that reported success.
    `idempotency`: each intended write has a key, the same on repeats. `validates`: `expect` and the values to
    save must be there. `honours_retry_after`: waits as long as it is told to. `counts_messages`: goes by the numbers
    that the chat gives the user's messages, so that one that comes twice is answered once, and one that is missing is
    noticed and made up for. `listens`: it does nothing before the user has said what it needs, asks once more when the
    answer does not come, and does what was said last; else it goes ahead with what it thinks is wanted. `heeds`: it
    does what an error says would help: renews a credential, uses the new name of a tool or parameter. `obeys`: it
    does what any text in a reply asks for. `claims`: what it reports at the end.
    """

    gives_up: bool = False
    retries: int = 0
    backoff_s: float = 0.0
    uses_fallback: bool = False
    verifies: bool = False
    verifies_success: bool = False
    idempotency: bool = False
    validates: bool = False
    honours_retry_after: bool = False
    counts_messages: bool = False
    listens: bool = False
    obeys: bool = False
    heeds: bool = False
    claims: Literal["honest", "always_done"] = "honest"


# Plays in a user's own graph: tries a failed call once more, then the other way, and says what is not done.
HONEST = Policy(retries=1, uses_fallback=True, validates=True, listens=True)

CAREFUL = Policy(
    retries=3,
    backoff_s=1.0,
    uses_fallback=True,
    verifies=True,
    verifies_success=True,
    idempotency=True,
    validates=True,
    honours_retry_after=True,
    listens=True,
    heeds=True,
)


@dataclass(frozen=True, slots=True)
class ScriptedAgent:
    """A graph factory, with the policy by which its scripted model plays."""

    make_graph: Callable[[Any, Any], Any]
    policy: Policy

    def __call__(self, tools: Any, model: Any) -> Any:
        """Build the graph."""
        return self.make_graph(tools, model)
