"""The paragraph about a failure, and the call with which it went wrong for good."""

from collections.abc import Sequence
from typing import Any

import pytest

from agentbench.cli.explaining import CALLS_MAX, Point, inevitable, paragraph
from agentbench.record import Call, Reply, TrialRecord
from tests import records

PAYMENT = {"payee": "Kim", "amount": 1200}


def calls(count: int) -> list[Call]:
    """So many calls, a second apart."""
    return [records.call(id=f"c{n}", at_s=float(n), end_s=n + 0.2, ordinal=n) for n in range(1, count + 1)]


class Tried:
    """Continuations whose outcome after each number of calls is known."""

    def __init__(self, outcomes: Sequence[str], *, careless: Sequence[str] = (), problem: str = "") -> None:
        self.count = 0
        self.impossible = ""
        self._outcomes = outcomes
        self._careless = careless or outcomes
        self._problem = problem

    def after(self, number: int, *, trusting: bool) -> Any:
        """The outcome instead of a record."""
        self.count += 1
        return (self._careless if trusting else self._outcomes)[number]

    def rebuilt(self, made: Any, number: int) -> str:
        """Why it is not the same world."""
        return self._problem if number else ""


def point(tried: Tried, count: int = 3, attainable: Any = "success") -> Point:
    """The point in a trial of some calls."""
    made = records.record(records.trial({"fault": "outage"}), *calls(count))
    return inevitable(tried, made, attainable, records.judgement)  # type: ignore[arg-type]


def test_the_first_call_after_which_nothing_helps_is_named() -> None:
    """After two calls it could still be saved, after three no more: the third it was."""
    found = point(Tried(["success", "success", "success", "harmful"]))
    assert (found.number, found.call, found.tool, found.at_s) == (3, "c3", "transfer", 3.0)


def test_what_could_be_saved_again_was_not_lost() -> None:
    """Only after the last success was it lost for good; a hopeless moment before does not count."""
    assert point(Tried(["success", "harmful", "success", "harmful"])).number == 3


def test_either_way_of_going_on_counts() -> None:
    """One of the two continuations that succeeds is enough."""
    tried = Tried(["success", "harmful", "harmful", "harmful"], careless=["success", "success", "harmful", "harmful"])
    assert point(tried).number == 2


def test_less_than_success_is_enough_where_no_more_can_be_had() -> None:
    """Under a fault that bars success, an honest failure is all that can be saved."""
    tried = Tried(["honest_failure", "honest_failure", "harmful", "harmful"])
    assert point(tried, attainable="honest_failure").number == 2
    assert point(tried).number is None


@pytest.mark.parametrize(
    ("tried", "count", "reason"),
    [
        (Tried(["success"] * 4), 3, "after the last call could still have succeeded"),
        (Tried(["harmful"] * 4), 3, "does not succeed under these faults from the beginning either"),
        (Tried(["success"] * 4, problem="made again, c1 is another"), 3, "made again, c1 is another"),
        (Tried([]), CALLS_MAX + 1, f"more than the {CALLS_MAX} that are tried out"),
    ],
)
def test_where_there_is_no_such_call_it_says_why(tried: Tried, count: int, reason: str) -> None:
    """No call is named without having been found."""
    found = point(tried, count)
    assert found.number is None
    assert reason in found.reason
    assert found.continuations == tried.count


def told(found: Point, *events: Any, changes: Any = (), outcome: str = "harmful", **kept: Any) -> str:
    """The paragraph of a trial."""
    made: TrialRecord = records.record(records.trial({"fault": "lost_reply"}), *events, changes=changes, **kept)
    return paragraph(made, records.judgement(outcome, kind="duplicate", reason="two rows"), found)


def test_a_payment_made_twice_is_told_in_order() -> None:
    """What was asked, what struck, what was done and told, the repeat, the claim, the verdict, the point."""
    first = records.call(
        asked=PAYMENT, told=records.LOST, done=[records.execution(effects=[0, 1])],
        fired=[records.fired("committed_unanswered", fault="lost_reply")],
    )  # fmt: skip
    again = records.call(
        id="c2", asked=PAYMENT, done=[records.execution(effects=[2, 3])], at_s=31.0, end_s=31.2, ordinal=2
    )
    text = told(
        Point(number=2, call="c2", tool="transfer", at_s=31.0), first, again, records.claim(),
        changes=[*records.paid(), *records.paid("c2", 2)],
    )  # fmt: skip
    expected = [
        "The user asked: “Pay Kim.”",
        "lost_reply struck on transfer (c1, at 0 s): the tool did its work",
        "and the agent was told of a timeout.",
        "The agent called transfer (c2, at 31 s, the same as before): the tool did its work",
        "and it was told that it worked.",
        "In the end it claimed 'done'.",
        "That is 'harmful' (duplicate): two rows.",
        "It went wrong for good with c2, call 2 of transfer at 31 s",
    ]
    places = [text.index(part) for part in expected]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (records.call(told=records.DOWN, done=[], fired=[records.fired("not_executed")]),
         "outage struck on transfer (c1, at 0 s): the tool was not executed, and the agent was told of HTTP 503."),
        (records.call(told=Reply(status=200, body={"items": []}), done=[records.execution()],
                      fired=[records.fired("reply_changed", fault="empty_reply")]),
         "the tool answered, and the agent was told something else."),
        (records.call(told=Reply(status=409, body={})),
         "the tool refused it with HTTP 409, and it was told of HTTP 409."),
        (records.call(told=Reply(failure="abandoned"), done=[]), "the tool was not executed, and it did not wait"),
        (records.call(done=[records.execution(replica=True)], fired=[records.fired("reply_changed", fault="stale")]),
         "an older state of the world was read"),
        (records.call("list_payees"), "The agent called list_payees; nothing was wrong with that."),
    ],
)  # fmt: skip
def test_each_kind_of_call_has_its_words(call: Call, expected: str) -> None:
    """What was done and what was told are two things, and both are said."""
    assert expected in told(Point(reason="unknown"), call)


def test_an_end_is_told_as_it_was() -> None:
    """A crash, and that no call was to blame."""
    reason = "a careful agent that took over after the last call could still have succeeded"
    text = told(Point(reason=reason), ending="crashed", detail="ValueError: no", outcome="silent_failure")
    assert "It claimed nothing in the end; it crashed (ValueError: no)." in text
    assert "No call made that inevitable" in text
    assert "What was wrong was that it ended there." in text


def test_many_calls_are_not_told_one_by_one() -> None:
    """After some of them the rest is only counted, so that a paragraph stays one."""
    failing = [
        records.call(id=f"c{n}", told=records.DOWN, done=[], at_s=float(n), fired=[records.fired("not_executed")])
        for n in range(1, 41)
    ]
    text = told(Point(reason="unknown"), *failing)
    assert "26 more calls followed." in text
    assert "cannot be named: unknown" in text
