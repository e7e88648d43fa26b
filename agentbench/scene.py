"""One call on which a fault fired, as a witness sees it.

Invariant: nothing here comes from the injector but the receipt, and no witness believes that alone.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from agentbench.calls import Failure
from agentbench.record import Call, Effect, Execution, Firing, Reply, TrialRecord, reply_digest

State: TypeAlias = Literal["witnessed", "ineffective", "contradicted"]
Finding: TypeAlias = tuple[State, str]

WITNESSED: Finding = ("witnessed", "")
SLACK_S = 1e-4  # instants are rounded to the microsecond, and several of them are subtracted
_FAILURES = frozenset(get_args(Failure))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One call on which a fault fired, as the witnesses see it. `rows` are the places of its rows in the ledger.

    `shared` means that another fault than `noop` fired on this call as well. `record` is the whole trial.
    """

    record: TrialRecord
    call: Call
    firing: Firing
    write: bool
    rows: frozenset[int]
    shared: bool

    @property
    def executions(self) -> list[Execution]:
        """The times that the call reached the real world."""
        return [execution for execution in self.call.done if not execution.replica]

    @property
    def cut_off(self) -> bool:
        """Whether the caller went away before there was any answer, so that nothing was told."""
        return self.call.told.failure is not None and self.call.told.failure not in _FAILURES

    @property
    def passed_on(self) -> bool:
        """Whether what was told is what the real world answered last."""
        return bool(self.executions) and equal(self.call.told, self.executions[-1].reply)

    @property
    def changes(self) -> list[Effect]:
        """The rows that the call made, in the order of the ledger."""
        return [self.record.ledger[place] for place in sorted(self.rows)]

    @property
    def foreign(self) -> list[Effect]:
        """The rows that this injection made for its own account, in the course of any call."""
        author = f"fault:{self.firing.injection}"
        return [effect for effect in self.record.ledger if effect.author == author]


def unless_excused(scene: Scene, reason: str) -> Finding:
    """Evidence that is not there contradicts a receipt, unless somebody else can have kept it away."""
    if scene.cut_off:
        return "ineffective", "the caller did not wait"
    return ("ineffective", f"{reason}, as another fault acted on it") if scene.shared else ("contradicted", reason)


def equal(one: Reply, other: Reply) -> bool:
    """Whether two replies are the same to whoever gets them."""
    return reply_digest(one) == reply_digest(other)
