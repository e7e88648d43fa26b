"""Says in plain words what happened in a failing trial, and after which call nothing could save it any more.

Invariant: every sentence is read from the record and its judgement, or was tried out by continuing the trial.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from agentbench.judgement import OUTCOMES, Judgement
from agentbench.reach import Attainable
from agentbench.record import Call, Reply, TrialRecord, UserTurn
from agentbench.witness import NOOP

if TYPE_CHECKING:
    from agentbench.continuation import Continuations

CALLS_MAX = 150  # of a trial whose every call is tried out
TOLD_MAX = 14  # calls that are told one by one
TEXT_MAX = 200
_GONE = {"abandoned": "was not waited for"}


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """After which call no careful continuation succeeds any more.

    `number` counts the calls of the trial from 1; without such a call it is None, and `reason` says why.
    """

    number: int | None = None
    call: str = ""
    tool: str = ""
    at_s: float | None = None
    reason: str = ""
    continuations: int = 0


def inevitable(
    continuations: "Continuations",
    before: TrialRecord,
    attainable: Attainable,
    judge: Callable[[TrialRecord], Judgement],
) -> Point:
    """The first call after which, and after every later one, no continuation is as good as is attainable.

    From every call on, a careful player continues twice: taking writes of unknown fate that nobody can look up for
    done, and not.
    """
    calls = before.calls
    if continuations.impossible:
        return Point(reason=continuations.impossible)
    if len(calls) > CALLS_MAX:
        return Point(reason=f"the trial has {len(calls)} calls, more than the {CALLS_MAX} that are tried out")
    saved = -1
    for after in range(len(calls) + 1):
        for trusting in (False, True):
            record = continuations.after(after, trusting=trusting)
            problem = continuations.rebuilt(record, after)
            if problem:
                return Point(reason=problem, continuations=continuations.count)
            judged = judge(record)
            if judged.outcome is not None and OUTCOMES.index(judged.outcome) <= OUTCOMES.index(attainable):
                saved = after
                break
    if saved < 0:
        reason = "a careful agent does not succeed under these faults from the beginning either"
        return Point(reason=reason, continuations=continuations.count)
    if saved == len(calls):
        reason = "a careful agent that took over after the last call could still have succeeded"
        return Point(reason=reason, continuations=continuations.count)
    lost = calls[saved]
    return Point(number=saved + 1, call=lost.id, tool=lost.tool, at_s=lost.at_s, continuations=continuations.count)


def paragraph(record: TrialRecord, judged: Judgement, point: Point) -> str:
    """One paragraph: what was asked, what happened in which order, how it ended, and where it went wrong for good."""
    asked = next((event.text for event in record.events if isinstance(event, UserTurn)), "")
    parts = [f"The user asked: “{_short(asked)}”", *_story(record), _end(record, judged), _verdict(judged)]
    return " ".join([*parts, _for_good(record, judged, point)])


# -- the calls -----------------------------------------------------------------------------------------


def _story(record: TrialRecord) -> Iterator[str]:
    quiet: list[Call] = []
    told = 0
    calls = record.calls
    for place, call in enumerate(calls):
        if not _remarkable(call):
            quiet.append(call)
            continue
        if told == TOLD_MAX:
            yield f"{len(calls) - place} more calls followed."
            return
        yield from _went_well(quiet)
        quiet = []
        yield _sentence(call, calls[:place], record)
        told += 1
    yield from _went_well(quiet)


def _remarkable(call: Call) -> bool:
    """Whether a call is worth a sentence: something struck it, failed, or was changed by it."""
    return bool(_strikes(call)) or not call.told.ok or any(done.effects for done in call.done)


def _strikes(call: Call) -> list[str]:
    return [fired.fault for fired in call.fired if fired.fault != NOOP]


def _went_well(calls: Sequence[Call]) -> Iterator[str]:
    if calls:
        names = list(dict.fromkeys(call.tool for call in calls))
        yield f"The agent called {_listed(names)}; nothing was wrong with that."


def _sentence(call: Call, earlier: Sequence[Call], record: TrialRecord) -> str:
    again = any(other.tool == call.tool and other.asked == call.asked for other in earlier)
    which = f"{call.tool} ({call.id}, at {call.at_s:g} s{', the same as before' if again else ''})"
    done = _done(call, record)
    if strikes := _strikes(call):
        return f"{_listed(strikes)} struck {'again ' if again else ''}on {which}: {done}, and the agent {_told(call)}."
    return f"The agent called {which}: {done}, and it {_told(call)}."


def _done(call: Call, record: TrialRecord) -> str:
    real = [done for done in call.done if not done.replica]
    if not real:
        return "the tool was not executed" if not call.done else "an older state of the world was read"
    effects = [record.ledger[index] for done in real for index in done.effects]
    changes = [f"{each.op} in {each.table}" for each in effects if not each.table.startswith("_")]
    times = f"{len(real)} times " if len(real) > 1 else ""
    if changes:
        return f"the tool did its work {times}({_listed(list(dict.fromkeys(changes)))})"
    if all(done.reply.ok for done in real):
        return f"the tool answered {times}".rstrip()
    return f"the tool refused it with {_reply(real[-1].reply)}"


def _told(call: Call) -> str:
    told = call.told
    real = [done for done in call.done if not done.replica]
    if told.failure in _GONE:
        return "did not wait for the answer"
    if told.ok and real and msgspec.json.encode(real[-1].reply.body) != msgspec.json.encode(told.body):
        return "was told something else"
    return "was told that it worked" if told.ok else f"was told of {_reply(told)}"


def _reply(reply: Reply) -> str:
    names = {"timeout": "a timeout", "refused": "a refused connection", "reset": "a reset connection"}
    if reply.failure is not None:
        return names.get(reply.failure, f"'{reply.failure}'")
    return f"HTTP {reply.status}"


# -- how it ended --------------------------------------------------------------------------------------


def _end(record: TrialRecord, judged: Judgement) -> str:
    claim = record.claim
    said = f"In the end it claimed '{claim.status}'" if claim else "It claimed nothing in the end"
    if claim and claim.missing:
        said += f" without {_listed([_short(name) for name in claim.missing])}"
    kinds = {"limit": "a limit ended it", "crashed": "it crashed", "killed": "it was killed"}
    ending = record.ending
    how = f"; {kinds[ending.kind]} ({_short(ending.detail)})" if ending.kind in kinds else ""
    return f"{said}{how}."


def _verdict(judged: Judgement) -> str:
    kind = f" ({judged.kind})" if judged.kind else ""
    return f"That is '{judged.outcome}'{kind}: {_short(judged.reason)}".rstrip(".") + "."


def _for_good(record: TrialRecord, judged: Judgement, point: Point) -> str:
    if point.number is not None:
        ordinal = next(call.ordinal for call in record.calls if call.id == point.call)
        before = "from the beginning" if point.number == 1 else "before it"
        return (
            f"It went wrong for good with {point.call}, call {ordinal} of {point.tool} at {point.at_s:g} s: a careful "
            f"agent in its place {before} would still have succeeded; after it, no continuation does."
        )
    if "after the last call" in point.reason:
        fault = {"finished": "what it said at the end"}.get(record.ending.kind, "that it ended there")
        return f"No call made that inevitable: {point.reason}. What was wrong was {fault}."
    return f"The call with which it went wrong for good cannot be named: {point.reason}."


def _listed(names: Sequence[Any]) -> str:
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _short(text: str) -> str:
    """One line of printable text of a bounded length."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= TEXT_MAX else f"{line[:TEXT_MAX]}…"
