"""A write that was done is undone a moment later."""

from tests.lived import lived


def test_payment_is_returned_at_its_instant() -> None:
    """The transfer is answered as completed; 0.1 s after it the money is back, and who looks again knows."""
    record, judged = lived("bank.rent_and_receipt", "careful", {"fault": "job_fails"})
    call = next(each for each in record.calls if each.fired)
    assert call.told.body["status"] == "completed"
    rows = [each for each in record.ledger if each.author == "fault:0"]
    assert {each.table for each in rows} == {"transfer", "account", "posting"}
    assert {round(each.at_s - call.end_s, 6) for each in rows} == {0.1}
    assert (judged.landings[0].state, judged.outcome) == ("witnessed", "honest_failure")


def test_trial_that_is_over_before_proves_nothing() -> None:
    """What would fail in an hour does not fail in this trial."""
    record, judged = lived("bank.rent_and_receipt", "careful", {"fault": "job_fails", "with": {"after_s": 3600}})
    assert not [each for each in record.ledger if each.author == "fault:0"]
    assert (judged.landings[0].state, judged.outcome) == ("ineffective", "success")
    assert "the trial was over before" in judged.landings[0].reason


def test_refused_call_has_no_job() -> None:
    """A call that the tool itself refuses starts nothing that could fail."""
    refused = {"fault": "concurrent_write", "at": {"tool": "transfer"}}
    record, judged = lived("bank.rent_and_receipt", "careful", {"fault": "job_fails"}, refused)
    assert [each.state for each in judged.landings] == ["ineffective", "witnessed"]
    assert not [each for each in record.ledger if each.author == "fault:0"]
