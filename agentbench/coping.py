"""Whether a failure that a fault told of was absorbed by the framework's own retries, or met by the agent itself.

Invariant: pure. A call that comes again under the id of the model's request is a retry of which the model knows
nothing; whatever is done under another id, or in words, is the agent's.
"""

from collections.abc import Sequence
from typing import TypeAlias, get_args

import msgspec

from agentbench.calls import Failure
from agentbench.judgement import Coping, Landing
from agentbench.record import Answer, Call, Claim, Note, TrialRecord
from agentbench.witness import NOOP

_FAILURES = frozenset(get_args(Failure))

Request: TypeAlias = tuple[int, str, str]  # which process of the agent, the tool, and the id of the model's request


def told_apart(record: TrialRecord, landings: Sequence[Landing]) -> list[Landing]:
    """The landings with what became of the failures that they told of, and how many retries were hidden."""
    if not any(landing.state == "witnessed" and landing.fault != NOOP for landing in landings):
        return list(landings)
    requests = _requests(record)
    return [_told_apart(record, landing, requests) if landing.state == "witnessed" else landing for landing in landings]


def _told_apart(record: TrialRecord, landing: Landing, requests: dict[Request, list[Call]]) -> Landing:
    met: list[Call] = []  # the last attempt at each request that never came to anything
    hidden, absorbed = 0, False
    for attempts in requests.values():
        first = next((place for place, call in enumerate(attempts) if _failed_by(call, landing.index)), None)
        if first is None:
            continue
        retries = attempts[first + 1 :]
        hidden += len(retries)
        if any(call.told.ok for call in retries):
            absorbed = True
        else:
            met.append(attempts[-1])
    coping: Coping = "" if not met and not absorbed else "absorbed"
    if met:
        coping = "handled" if any(_goes_on(record, call) for call in met) else "unhandled"
    return msgspec.structs.replace(landing, coping=coping, hidden_retries=hidden)


def _requests(record: TrialRecord) -> dict[Request, list[Call]]:
    """The calls of each request of the model's, in order; a new process draws its ids anew."""
    found: dict[Request, list[Call]] = {}
    deaths = [event.at_s for event in record.events if isinstance(event, Note) and event.kind == "restarted"]
    for call in record.calls:
        if call.request is not None:
            process = sum(at_s < call.end_s or at_s <= call.at_s for at_s in deaths)
            found.setdefault((process, call.tool, call.request), []).append(call)
    return found


def _failed_by(call: Call, injection: int) -> bool:
    """Whether the fault struck here and the caller was told of a failure; who went away was told nothing."""
    told = call.told
    failed = told.failure in _FAILURES if told.failure is not None else not told.ok
    return failed and any(firing.injection == injection for firing in call.fired)


def _goes_on(record: TrialRecord, last: Call) -> bool:
    """Whether the agent did or said anything after it was told."""
    after = record.events[next(place for place, event in enumerate(record.events) if event is last) + 1 :]
    return any(
        isinstance(event, Claim | Answer) or (isinstance(event, Call) and event.request != last.request)
        for event in after
    )
