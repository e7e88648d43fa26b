"""Whether a faulted trial and its control were equal, event for event, until the first fault acted.

Invariant: pure, and of each trial only digests are kept, so that a run of any size can be paired.
"""

from bisect import bisect_right
from collections.abc import Iterator
from hashlib import blake2b
from itertools import accumulate
from typing import Any, TypeAlias

import msgspec

from agentbench.record import Call, Event, Exchange, Firing, HandOver, ModelCall, TrialRecord, UserTurn, timeless
from agentbench.witness import NOOP

Struck: TypeAlias = Call | Exchange | HandOver


class Trail(msgspec.Struct, frozen=True):
    """What pairing keeps of a control: a running digest after each event, when each had ended, and what was asked.

    `heads[i]` digests the first i events; `requests` maps the name of a call, a user turn or a hand-over to its place
    and the digest of what was asked or said. Two records agree up to an event if their heads there are equal.
    """

    heads: list[bytes]
    ends: list[float]
    requests: dict[str, tuple[int, bytes]]
    ending: bytes


class Start(msgspec.Struct, frozen=True):
    """What pairing keeps of a faulted trial: its beginning up to the first firing of a fault other than `noop`.

    `struck` names what was struck first, '' when nothing was; `until_s` is when (None without a clock that repeats
    itself).
    """

    head: bytes
    struck: str
    request: bytes
    until_s: float | None
    ending: bytes


def trail(record: TrialRecord) -> Trail:
    """The trail of a control trial."""
    heads, requests = [b""], {}
    for place, event in enumerate(record.events):
        if isinstance(event, Call | HandOver | UserTurn):
            requests[_name(event)] = (place, _request(record, event))
        heads.append(_next(record, heads[-1], event))
    ends = list(accumulate((_end_s(event) for event in record.events), max))
    return Trail(heads, ends, requests, _digest(record, record.ending))


def start(record: TrialRecord) -> Start:
    """The start of a faulted trial.

    Events are entered as they end, so that calls which overlap the struck one may stand before it; in virtual
    time those that ended later than the fault began are left out.
    """
    struck = _first_struck(record)
    if struck is None:
        return Start(trail(record).heads[-1], "", b"", None, _digest(record, record.ending))
    first, at_s = struck
    until_s = at_s if record.clock == "virtual" else None
    head = b""
    for event in record.events:
        if event is first or _within(event, first) or (until_s is not None and _end_s(event) > until_s):
            break
        head = _next(record, head, event)
    return Start(head, _name(first), _request(record, first), until_s, b"")


def same_start(control: Trail, faulted: Start) -> bool:
    """Whether the two trials were equal event for event until the first fault; to the end, when none fired."""
    if not faulted.struck:
        return control.heads[-1] == faulted.head and control.ending == faulted.ending
    place, request = control.requests.get(faulted.struck, (-1, b""))
    if place < 0 or request != faulted.request:
        return False
    if faulted.until_s is not None:
        place = min(place, bisect_right(control.ends, faulted.until_s))
    return control.heads[place] == faulted.head


def _first_struck(record: TrialRecord) -> tuple[Struck, float] | None:
    strikes = [(event, firing.at_s) for event, firing in _strikes(record) if firing.fault != NOOP]
    if record.clock == "virtual":
        return min(strikes, key=lambda strike: strike[1], default=None)
    return strikes[0] if strikes else None


def _strikes(record: TrialRecord) -> Iterator[tuple[Struck, Firing]]:
    for call in record.calls:
        yield from ((call, firing) for firing in call.fired)
    for event in record.events:
        if isinstance(event, Exchange | HandOver):
            yield from ((event, firing) for firing in event.fired)


def _within(event: Event, first: Struck) -> bool:
    """Whether it is a part of the exchange that was struck: the agent heard it because of, or in spite of, a fault."""
    return isinstance(first, Exchange) and isinstance(event, UserTurn) and event.turn >= first.turn


def _name(event: Struck | UserTurn) -> str:
    """The same name in both trials of a pair; an exchange stands where the control has the user's turn."""
    match event:
        case Call():
            return event.id
        case HandOver():
            return f"{event.channel} {event.number}"
    return f"turn {event.turn}"


def _end_s(event: Event) -> float:
    return event.end_s if isinstance(event, Call | HandOver | ModelCall) else event.at_s


def _next(record: TrialRecord, head: bytes, event: Event) -> bytes:
    bare = msgspec.structs.replace(event, fired=[]) if isinstance(event, Call | HandOver) else event
    if isinstance(bare, Call):
        bare = msgspec.structs.replace(bare, request=None)  # real models draw these ids anew each time
    return blake2b(head + _digest(record, bare), digest_size=16).digest()


def _request(record: TrialRecord, event: Struck | UserTurn) -> bytes:
    at_s = event.at_s if record.clock == "virtual" else 0.0
    match event:
        case Call():
            asked: Any = [event.tool, event.ordinal, event.asked]
        case HandOver():
            asked = event.sent
        case Exchange():
            asked = event.said
        case UserTurn():
            asked = event.text
    return _digest(record, [at_s, event.turn, asked])


def _digest(record: TrialRecord, value: Any) -> bytes:
    if record.clock == "real":
        value = timeless(msgspec.to_builtins(value))
    return blake2b(_encoder.encode(value), digest_size=16).digest()


_encoder = msgspec.json.Encoder(order="deterministic")
