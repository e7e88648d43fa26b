"""The record: the same bytes for the same trial, and a copy of anything that an agent may hand over."""

import json
from typing import Any

import msgspec
import pytest

from agentbench import record
from agentbench.record import Answer, Claim, Ending, Note, Reply, TrialRecord, UserTurn, Wall
from tests import records


def make(**changes: Any) -> TrialRecord:
    """A record of one call, two answers and two claims."""
    call = records.call(asked={"cents": 5}, fired=[records.fired("not_executed", fault="outage")])
    events = [
        UserTurn(at_s=0.0, turn=0, text="Pay."),
        call,
        Answer(at_s=1.0, turn=0, text="Which one?"),
        Claim(at_s=1.5, turn=1, status="failed"),
        Claim(at_s=1.6, turn=1, status="partial", missing=["receipt"]),
        Answer(at_s=2.0, turn=1, text="Paid."),
        Note(at_s=2.0, kind="blocking_sleep"),
    ]
    wanted: dict[str, Any] = {
        "trial": "a/s/f/0", "attempt": 0, "seed": "x", "clock": "virtual", "sandbox": "inprocess",
        "ending": Ending(kind="finished"), "end_s": 2.0, "events": events,
        "ledger": records.ledger(*records.paid()), "wall": Wall(started="2026-03-02T09:00:00Z", duration_s=0.1, pid=7),
    }  # fmt: skip
    return TrialRecord(**(wanted | changes))


# -- the record itself ---------------------------------------------------------------------------------


def test_a_record_survives_its_line() -> None:
    """Encoding gives one line of JSON, and decoding gives an equal record with the same bytes."""
    made = make()
    line = record.encode(made)
    assert b"\n" not in line
    assert record.decode(line) == made
    assert record.encode(record.decode(line.decode())) == line
    assert json.loads(line)["version"] == record.RECORD_VERSION


def test_keys_are_in_one_order() -> None:
    """Equal contents give equal bytes, however their dictionaries were filled."""
    one, two = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert record.reply_digest(Reply(status=200, body=one)) == record.reply_digest(Reply(status=200, body=two))
    assert record.reply_digest(Reply(status=200, body=one)) != record.reply_digest(Reply(status=503, body=one))


def test_wall_and_attempt_are_not_compared() -> None:
    """Two executions of one trial are compared by everything else."""
    made = make()
    again = msgspec.structs.replace(made, wall=Wall(pid=9), attempt=3)
    assert record.comparable(made) == record.comparable(again)
    assert record.encode(made) != record.encode(again)
    assert record.comparable(made) != record.comparable(msgspec.structs.replace(made, end_s=2.5))


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b"\xff", b'{"trial": 1}'])
def test_a_line_that_is_no_record_is_refused(line: bytes) -> None:
    """It raises what the store looks for, and nothing else."""
    with pytest.raises(msgspec.DecodeError):
        record.decode(line)


def test_an_unknown_kind_of_event_is_refused() -> None:
    """An event is one of those that judging knows."""
    with pytest.raises(msgspec.ValidationError, match="Invalid value"):
        record.decode(record.encode(make()).replace(b'"type":"note"', b'"type":"rumour"'))


def test_calls_stand_in_the_order_in_which_they_were_made() -> None:
    """Events end in any order; calls of one instant are ordered by their number."""
    calls = [records.call(id="c10", at_s=1.0), records.call(id="c9", at_s=1.0), records.call(id="c11", at_s=0.5)]
    assert [call.id for call in make(events=calls).calls] == ["c11", "c9", "c10"]


def test_the_last_claim_counts_and_all_answers_do() -> None:
    """A claim may be corrected; what was said stays said."""
    made = make()
    assert made.claim is not None
    assert (made.claim.status, made.claim.missing) == ("partial", ["receipt"])
    assert made.answer == "Which one?\nPaid."
    empty = make(events=[])
    assert (empty.claim, empty.answer, empty.calls) == (None, "", [])


@pytest.mark.parametrize(
    ("reply", "ok"),
    [(Reply(status=200), True), (Reply(status=299), True), (Reply(status=300), False), (Reply(), False),
     (Reply(failure="timeout"), False), (Reply(status=200, failure="reset"), False)],
)  # fmt: skip
def test_a_reply_is_ok_if_it_says_so(reply: Reply, ok: bool) -> None:
    """Only a 2xx without a failure is."""
    assert reply.ok is ok
