"""What a player does, move by move, and what it remembers of its moves.

Invariant: a memory holds nothing that the agent was not told.
"""

from collections import deque
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from agentbench import seeds
from agentbench.agents._outcome import Outcome

WAIT = "wait"  # the name under which waiting is remembered


@dataclass(frozen=True, slots=True)
class Call:
    """Call a tool, and tell the player the `Outcome`."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait in the trial's clock; the player is told None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the user; the player goes on in the next turn."""

    text: str


Action: TypeAlias = Call | Wait | Reply
Play: TypeAlias = Generator[Action, Outcome | None, Any]


class Memory:
    """What an agent still knows of calls that it made: a call that is remembered is not made again, but recalled."""

    def __init__(self, outcomes: Iterable[tuple[str, Mapping[str, Any], Outcome | None]] = ()) -> None:
        self._outcomes: dict[str, deque[Outcome | None]] = {}
        for tool, arguments, outcome in outcomes:
            self._outcomes.setdefault(seeds.digest(tool, arguments), deque()).append(outcome)

    def holds(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether there is an outcome of such a call that has not been recalled yet."""
        return bool(self._outcomes) and bool(self._outcomes.get(seeds.digest(tool, arguments)))

    def recall(self, tool: str, arguments: Mapping[str, Any]) -> Outcome | None:
        """The earliest outcome of such a call that has not been recalled yet; raises `LookupError` without one."""
        return self._outcomes[seeds.digest(tool, arguments)].popleft()
