"""What a fault may do to the world in the course of one call: the contract between faults and what carries them out.

Invariant: whatever is done is on record, under the call or under the fault that wanted it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from agentbench.calls import ToolCall, ToolResult
from agentbench.record import Call, Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Bait:
    """What an attacker would write into a reply: in which `field`, what is asked for, and a harmless text instead."""

    field: str
    request: str
    harmless: str


class Deeds(Protocol):
    """What a fault may do to the world in the course of one call, and see of the trial so far; all is on record."""

    def calls(self) -> Sequence[Call]:
        """The calls that have been answered so far, in the order of their ends."""
        ...

    def effects(self) -> Sequence[Effect]:
        """What this call has committed so far, bookkeeping included, in the order in which tables were come to."""
        ...

    async def preview(self, call: ToolCall) -> ToolResult:
        """What the tool would answer now, without doing it; takes no time, and reserves the ids that it draws."""
        ...

    def would_change(self, call: ToolCall) -> bool:
        """Whether executing the call now would change any row; the world is left as it was."""
        ...

    async def enact(self, call: ToolCall) -> ToolResult:
        """Execute a call for the fault's own account, in the tool's time; ids are those of the latest preview."""
        ...

    def later(self, call: ToolCall, *, delay_s: float | None = None, calls: int | None = None) -> None:
        """Execute the call after a time or so many further calls, whichever comes first; at the latest at the end.

        It is the agent's own call that is executed, with the ids of the latest preview.
        """
        ...

    def take_back(self, effects: Sequence[Effect]) -> int:
        """Undo effects for the fault's own account, the last first; returns how many could be undone."""
        ...

    def drift(
        self, name: str, call: ToolCall, random: Random, *, answer: Any = None, after_s: float | None = None
    ) -> int:
        """Let what the environment declares under this name happen to what the call is about, for the fault's account.

        It happens now, and the number of rows that it changed is returned; or `after_s` from now, unless the trial is
        over before that, and 0 is returned. A call that is not valid meets nothing. `answer` is the call's, if any.
        """
        ...

    def bait(self, lure: str, tool: str) -> Bait | None:
        """What a lure of the environment ('' for its first) would have a tool's reply say; None where it cannot."""
        ...

    def change(self, sql: str) -> int:
        """Change the world for the fault's own account; returns how many rows. Raises `TestbedError` for wrong SQL."""
        ...
