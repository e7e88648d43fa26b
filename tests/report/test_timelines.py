"""Which timelines are embedded, and what they hold."""

import json
from types import ModuleType
from typing import Any

import msgspec

from agentbench.record import Call, Execution, Reply
from agentbench.report import tally, timelines


def _row(run: Any, trial: str) -> tally.Row:
    return next(row for row in tally.rows(run.plan, run.judgements) if row.id == trial)


def test_worst_first(sample: ModuleType) -> None:
    """Harmful trials come before false successes, these before silent ones, and successes last."""
    run = sample.build()
    rows = tally.rows(run.plan, run.judgements)
    standing = {row.id: row.standing for row in rows}
    order = [standing[each] for each in timelines.embed(rows, run.record_of, 50_000_000)]
    first = {name: order.index(name) for name in ("harmful", "false_success", "silent_failure", "success")}
    assert first["harmful"] == 0
    assert sorted(first, key=lambda name: first[name]) == ["harmful", "false_success", "silent_failure", "success"]


def test_a_small_budget_keeps_every_kind_and_a_control(sample: ModuleType) -> None:
    """When not all fit, the budget holds, and a control is still among what is shown."""
    run = sample.build()
    rows = tally.rows(run.plan, run.judgements)
    found = timelines.embed(rows, run.record_of, 60_000)
    assert 0 < len(found) < len(rows)
    assert sum(len(text.encode()) for text in found.values()) <= 60_000
    assert any("/none/" in trial for trial in found)
    assert any("/lost-transfer/" in trial for trial in found)


def test_few_records_are_read_when_nothing_fits(sample: ModuleType) -> None:
    """A budget that is used up ends the reading of records."""
    run = sample.build()
    asked: list[str] = []

    def record_of(trial: str) -> Any:
        asked.append(trial)
        return run.records[trial]

    assert timelines.embed(tally.rows(run.plan, run.judgements), record_of, 300) == {}
    assert len(asked) <= 2 * timelines.MISFITS_MAX


def test_a_call_tells_asked_done_told_and_fault(sample: ModuleType) -> None:
    """A transfer whose reply was lost shows the rows it changed, the timeout it gave, and the fault with its state."""
    run = sample.build()
    trial = "retrying/bank.rent_payment/lost-transfer/0"
    data = timelines.timeline(_row(run, trial), run.records[trial])
    call = next(event for event in data["events"] if event.get("id") == "c2")
    assert call["asked"]["amount_cents"] == 120_000
    assert [effect["table"] for effect in call["done"][0]["effects"]] == ["transfer", "account"]
    assert call["told"]["failure"] == "timeout"
    assert call["differs"] is True
    assert call["fired"][0]["fault"] == "lost_reply"
    assert call["fired"][0]["state"] == "witnessed"
    assert [event["at"] for event in data["events"]] == sorted(event["at"] for event in data["events"])


def test_a_control_has_no_fault_marks(sample: ModuleType) -> None:
    """The null fault that passes through a control is no mark on its calls."""
    run = sample.build()
    trial = "careful/bank.rent_payment/none/0"
    data = timelines.timeline(_row(run, trial), run.records[trial])
    assert not any(event.get("fired") for event in data["events"])


def test_every_effect_is_shown(sample: ModuleType) -> None:
    """A ledger row that no call and no world event refers to still appears in the time line."""
    run = sample.build()
    trial = "careful/bank.rent_payment/none/0"
    record = run.records[trial]
    stray = msgspec.structs.replace(record.ledger[0], author="fault:0", at_s=2.0)
    data = timelines.timeline(_row(run, trial), msgspec.structs.replace(record, ledger=[*record.ledger, stray]))
    assert [event["effects"][0]["author"] for event in data["events"] if event["t"] == "effect"] == ["fault:0"]


def test_huge_replies_are_cut_and_say_so(sample: ModuleType) -> None:
    """A megabyte of text and a list of thousands do not fill the file, and what is left out is counted."""
    run = sample.build()
    trial = "careful/bank.rent_payment/none/0"
    record = run.records[trial]
    reply = Reply(status=200, body={"text": "x" * 1_000_000, "rows": list(range(5_000))})
    call = Call(id="c9", at_s=50.0, end_s=50.1, turn=0, tool="list_all", ordinal=1, asked={"events": [1] * 9_000},
                done=[Execution(at_s=50.0, end_s=50.1, arguments={}, reply=reply)], told=reply)  # fmt: skip
    big = msgspec.structs.replace(record, events=[*record.events, call])
    found = timelines.embed([_row(run, trial)], {trial: big}.get, 5_000_000)
    assert len(found[trial]) < timelines.TIMELINE_BYTES_MAX
    assert "more characters)" in found[trial]
    assert "more)" in found[trial]


def test_encoded_cannot_end_a_script() -> None:
    """Neither a closing tag, nor a comment, nor a line separator comes through, and the data stays the same."""
    data = {"</script><!--": "a&b\u2028\u2029<script>]]>"}
    text = timelines.encoded(data)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == data
