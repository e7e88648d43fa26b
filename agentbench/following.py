"""Watches a trial that is executed again, and ends it at the first event that is not the recorded one.

Invariant: it changes nothing before that; a call that is asked otherwise ends the trial before it is answered.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from agentbench.record import Call, Effect, Event, TrialRecord, timeless

DIVERGED = "diverged"  # begins the detail of the ending: `diverged:event:7`, or `diverged:call:c3` for what was asked


class Follower:
    """A journal that passes everything on, and compares; `stop(reason)` is called once, at the first difference."""

    def __init__(self, expected: TrialRecord, journal: Any, stop: Callable[[str], None]) -> None:
        self._expected = expected
        self._calls = {call.id: call for call in expected.calls}
        self._journal = journal
        self._stop: Callable[[str], None] | None = stop
        self._begun: set[str] = set()
        self._place = 0

    def event(self, event: Event) -> None:
        """Pass an event on and compare it: a call that begins with what was asked, any other with all that it is."""
        self._journal.event(event)
        if isinstance(event, Call) and event.id not in self._begun:
            self._begun.add(event.id)
            known = self._calls.get(event.id)
            if known is None or not same(asked(known), asked(event), self._expected.clock):
                self._part(f"{DIVERGED}:call:{event.id}")
            return
        known_events = self._expected.events
        if self._place >= len(known_events) or not same(known_events[self._place], event, self._expected.clock):
            self._part(f"{DIVERGED}:event:{self._place}")
        self._place += 1

    def effects(self, effects: Sequence[Effect]) -> None:
        """Pass them on; the call that made them is compared with its reply."""
        self._journal.effects(effects)

    def _part(self, reason: str) -> None:
        stop, self._stop = self._stop, None
        if stop is not None:
            stop(reason)


def asked(call: Call) -> Any:
    """The part of a call that is there before it is answered."""
    return {"at_s": call.at_s, "id": call.id, "turn": call.turn, "tool": call.tool, "asked": call.asked}


def same(one: Any, other: Any, clock: str) -> bool:
    """Whether two events are equal; instants that were read from a real clock are not compared."""
    if one == other:
        return True
    return clock == "real" and timeless(msgspec.to_builtins(one)) == timeless(msgspec.to_builtins(other))
