"""A trial as text: both sides of every call, and who changed what."""

import msgspec
import pytest

from agentbench.record import Call, Effect, Exchange, Execution, Firing, HandOver, Memory, MemoryEntry, Reply
from agentbench.report.lines import event_lines
from tests import records

DONE = Execution(at_s=1.0, end_s=1.2, arguments={"id": "A-1"}, reply=Reply(status=200, body={"ok": True}), effects=[1])
STRUCK = Firing(injection=0, fault="record_moved", at_s=1.0, receipt={"witness": "misapplied"})


def lines(event, *ledger):
    """The lines of one event of a trial with this ledger."""
    made = msgspec.structs.replace(records.record(records.trial(), event), ledger=list(ledger))
    return list(event_lines(event, made))


def effect(author, at_s=1.0):
    """A changed row."""
    return Effect(at_s=at_s, author=author, table="account", op="update", key={"id": "A-1"}, after={"balance": 3})


def test_call_shows_what_was_asked_done_and_told():
    """Other arguments than were asked for, rows that a fault changed, and the reply stand under the call."""
    call = Call(id="c1", at_s=1.0, end_s=1.2, turn=0, tool="pay", ordinal=1, asked={"id": "B-2"}, done=[DONE],
                told=Reply(failure="timeout"), fired=[STRUCK])  # fmt: skip
    found = lines(call, effect("fault:0"), effect("call:c1"), effect("fault:0", at_s=9.0))
    assert [line[13:].split()[0] for line in found] == [
        "call", "fault", "ledger", "done", "ledger", "told",
    ]  # fmt: skip
    assert found[2].split()[1:3] == ["by", "fault:0"]
    assert 'with {"id":"A-1"}: 200' in found[3]
    assert found[5].endswith("timeout")


@pytest.mark.parametrize(("heard", "shown"), [([], "(nothing)"), (["a", "b"], "a | b")])
def test_exchange_shows_what_was_said_and_heard(heard, shown):
    """Silence is said as such."""
    event = Exchange(at_s=0, end_s=0, turn=0, number=1, said="Pay.", heard=heard, fired=[STRUCK])
    assert lines(event)[0].endswith("said     Pay.")
    assert lines(event)[2].endswith(f"heard    {shown}")


def test_a_loss_of_memory_is_counted():
    """What was there and what was left of it."""
    before, left = (Memory(entries=[MemoryEntry(role="user", text="a")] * n, digests=["d"] * n) for n in (3, 1))
    event = Exchange(at_s=0, end_s=0, turn=0, number=1, said="x", heard=["x"], fired=[], remembered=before, left=left)
    assert lines(event)[1].endswith("memory   3 entries before, 1 left")


def test_hand_over_shows_what_was_sent_and_what_arrived():
    """Both sides of the channel."""
    event = HandOver(at_s=0, end_s=0, turn=0, channel="planner", number=1, sent={"do": 1}, received=[])
    assert lines(event) == ['     0.00 s  sent     planner {"do":1}', "             arrived  []"]
