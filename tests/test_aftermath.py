"""Halved, strayed, late, swapped and contradicting replies are confirmed by ledger, recorders and clock alone."""

import msgspec
import pytest

from agentbench.record import Execution, Reply
from agentbench.witness import landings
from tests import records
from tests.records import DONE, DOWN, LOST, TOOLS, call, execution, fired, paid, record, trial

REFUSED = Reply(status=422, body={"error": {"code": "validation_error"}})
GONE = Reply(failure="abandoned")
UNDO_PAY = ("fault:0", "DELETE FROM transfer WHERE id = 'T1'")
UNDO_DEBIT = ("fault:0", "UPDATE account SET cents = 250000 WHERE id = 'CHK'")
OTHER = "INSERT INTO transfer (id, payee, cents) VALUES ('T1', 'Ana', 120000)"


def strayed(reply=DONE, payee="Ana", effects=(0,)):
    """An execution for another payee than was asked."""
    return Execution(at_s=0.0, end_s=0.2, arguments={"payee": payee}, reply=reply, effects=list(effects))


def land(*calls, changes=(), ending="finished", **planned):
    """The landing of a trial with one injection, at every call unless it is planned otherwise."""
    of = trial({"fault": "outage", **(planned or {"lasts": "permanent"})})
    return landings(record(of, *calls, changes=changes, ending=ending), of, TOOLS)[0]


ASKED = {"asked": {"payee": "Kim"}}
CASES = [
    # told, executions, who changed what, and the state for each kind of witness
    ("partly_committed", {}, [*paid(), UNDO_PAY], "witnessed"),
    ("partly_committed", {"told": DOWN, "done": [execution()]}, [*paid(), UNDO_DEBIT], "witnessed"),
    ("partly_committed", {}, paid(), "ineffective"),
    ("partly_committed", {}, [], "ineffective"),
    ("partly_committed", {}, [*paid(), UNDO_PAY, UNDO_DEBIT], "unwitnessed"),
    ("partly_committed", {"done": []}, [], "unwitnessed"),
    ("partly_committed", {}, [*paid(), (UNDO_PAY[0].replace("0", "1"), UNDO_PAY[1])], "ineffective"),
    ("partly_committed", {}, [*paid(), ("world:0", UNDO_PAY[1])], "ineffective"),
    ("misapplied", {**ASKED, "done": [strayed()]}, [("fault:0", OTHER)], "witnessed"),
    ("misapplied", {**ASKED, "done": [strayed()]}, [("call:c1", OTHER)], "unwitnessed"),
    ("misapplied", {**ASKED, "done": [strayed(effects=[])]}, [("fault:0", OTHER)], "unwitnessed"),
    ("misapplied", {**ASKED, "done": [strayed(effects=[7])]}, [("fault:0", OTHER)], "unwitnessed"),
    ("misapplied", {**ASKED, "done": [strayed()]}, [("fault:0", OTHER), *paid(number=2)], "unwitnessed"),
    ("misapplied", {**ASKED, "told": DOWN, "done": [strayed()]}, [("fault:0", OTHER)], "unwitnessed"),
    ("misapplied", {**ASKED, "told": GONE, "done": [strayed()]}, [("fault:0", OTHER)], "ineffective"),
    ("misapplied", {**ASKED, "done": [strayed(payee="Kim")]}, paid(), "ineffective"),
    ("misapplied", {**ASKED, "done": []}, [], "unwitnessed"),
    ("misapplied", {"tool": "list_payees"}, [], "ineffective"),
    ("visible_later", {"done": [execution(at_s=60.2, end_s=60.2)], "receipt": {"delay_s": 60}}, paid(), "witnessed"),
    ("visible_later", {"done": [execution(REFUSED, at_s=60.2, end_s=60.2)]}, [], "witnessed"),
    ("visible_later", {"done": [execution(at_s=8.0, end_s=8.0)], "receipt": {"delay_s": 60}}, paid(), "unwitnessed"),
    ("visible_later", {"done": [execution(at_s=10.0, end_s=10.0)], "receipt": {"delay_s": 60}}, paid(), "witnessed"),
    ("visible_later", {"done": [execution()]}, paid(), "ineffective"),
    ("visible_later", {"told": REFUSED, "done": [execution(REFUSED)]}, [], "ineffective"),
    ("visible_later", {"done": []}, [], "unwitnessed"),
    ("visible_later", {"told": LOST, "done": [execution(at_s=60.2, end_s=60.2)]}, paid(), "unwitnessed"),
    ("visible_later", {"tool": "list_payees"}, [], "ineffective"),
]


@pytest.mark.parametrize(("witness", "parts", "changes", "expected"), CASES)
def test_each_witness(witness, parts, changes, expected):
    """What was undone, whose rows there are and when they came decide, whatever the receipt says."""
    receipt = parts.get("receipt", {})
    tool = parts.get("tool", "transfer")
    rest = {name: value for name, value in parts.items() if name not in ("receipt", "tool")}
    assert land(call(tool, fired=[fired(witness, **receipt)], **rest), changes=changes).state == expected


def test_what_a_killed_trial_had_still_to_do_is_no_contradiction():
    """Where the process died before the effect was due, the injection is ineffective and the trial stays valid."""
    late = call(done=[], fired=[fired("visible_later")])
    assert land(late, ending="killed").state == "ineffective"


ONE, TWO = Reply(status=200, body={"id": "CHK"}), Reply(status=200, body={"id": "SAV"})


def pair(told_one, told_two, *, end_s=0.2, struck=True, at_s=0.0):
    """Two calls whose true answers are ONE and TWO."""
    first = call("list_payees", id="c1", told=told_one, done=[execution(ONE)], fired=[fired("swapped")], end_s=end_s)
    second = call("list_payees", id="c2", told=told_two, done=[execution(TWO)], at_s=at_s, end_s=at_s + 0.2,
                  fired=[fired("swapped")] if struck else [])  # fmt: skip
    return land(first, second).state


def test_swapped_replies_are_each_others():
    """Both calls must have been told what the other was answered, at the same time, under the same injection."""
    assert pair(TWO, ONE) == "witnessed"
    assert pair(ONE, TWO) == "ineffective"
    assert pair(TWO, TWO) == "unwitnessed"
    assert pair(TWO, DOWN) == "unwitnessed"
    assert pair(TWO, ONE, struck=False) == "unwitnessed"
    assert pair(TWO, ONE, at_s=5.0) == "unwitnessed"


def account(cents, **more):
    """A reply about an account."""
    return Reply(status=200, body={"items": [{"id": "CHK", "cents": cents, **more}]})


def against(before, told, *, tool="transfer", end_s=0.1, true=None):
    """A read that is told `told` where `true` was answered, after another tool has told `before`."""
    other = call(tool, id="c1", told=before, end_s=end_s)
    told_now = call("list_payees", id="c2", told=told, done=[execution(true or account(5))], at_s=0.1, end_s=0.3,
                    fired=[fired("conflicting")])  # fmt: skip
    return land(other, told_now, at={"call": 2}).state


def test_conflict_needs_another_source_that_had_told_the_truth():
    """What was told differs from what another tool had told before of the same record, and the true answer does not."""
    assert against(account(5), account(6)) == "witnessed"
    assert against(account(5), account(5)) == "ineffective"
    assert against(account(7), account(6)) == "unwitnessed"
    assert against(account(5), account(6), tool="list_payees") == "unwitnessed"
    assert against(account(5), account(6), end_s=9.0) == "unwitnessed"
    assert against(DOWN, account(6)) == "unwitnessed"
    assert against(account(5, name="a"), account(5, name="b"), true=account(5, name="a")) == "witnessed"


def test_row_that_a_fault_undid_is_no_duplicate():
    """After a fault has taken a row back, making it again is not one too many; after the world has, it is."""
    from agentbench.checks import written

    writes = records.scenario().writes
    for author, harms in (("fault:0", 0), ("world:0", 1)):
        ledger = records.ledger(*paid(), (author, UNDO_PAY[1]), *paid("c2", 2))
        assert len(written(ledger, writes)) == harms
    assert msgspec.to_builtins(written(ledger, writes)[0])["kind"] == "duplicate"
