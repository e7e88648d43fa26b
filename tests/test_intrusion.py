"""The witnesses of drift believe the ledger: broken injectors of each kind are found out."""

from typing import Any

import msgspec
import pytest

from agentbench.judgement import Landing
from agentbench.outcomes import Trial
from agentbench.record import Call, Effect, TrialRecord
from agentbench.witness import landings
from tests.lived import lived, planned

DRAIN = {"fault": "concurrent_write"}
RETURN = {"fault": "job_fails"}
RENT = "bank.rent_and_receipt"


def landing(record: TrialRecord, injection: dict[str, Any]) -> Landing:
    """What became of the one injection."""
    plan = planned(RENT, "careful", injection)
    trial: Trial = next(each for each in plan.trials if each.faultload == "this")
    return landings(record, trial, plan.scenarios[RENT].tools)[0]


def moved(record: TrialRecord, **changes: Any) -> TrialRecord:
    """The record with the rows of the injection changed."""
    ledger = [msgspec.structs.replace(row, **changes) if row.author == "fault:0" else row for row in record.ledger]
    return msgspec.structs.replace(record, ledger=ledger)


def refired(record: TrialRecord, **receipt: Any) -> TrialRecord:
    """The record with another receipt."""
    events = []
    for event in record.events:
        if isinstance(event, Call) and event.fired:
            fired = [msgspec.structs.replace(each, receipt={**each.receipt, **receipt}) for each in event.fired]
            event = msgspec.structs.replace(event, fired=fired)
        events.append(event)
    return msgspec.structs.replace(record, events=events)


@pytest.fixture(scope="module")
def drained() -> TrialRecord:
    """A trial in which a direct debit was first."""
    return lived(RENT, "careful", DRAIN)[0]


@pytest.fixture(scope="module")
def returned() -> TrialRecord:
    """A trial in which a payment was returned."""
    return lived(RENT, "careful", RETURN)[0]


def test_both_are_witnessed_as_they_are(drained: TrialRecord, returned: TrialRecord) -> None:
    """The records of real trials show what the receipts say."""
    assert landing(drained, DRAIN).state == "witnessed"
    assert landing(returned, RETURN).state == "witnessed"


def test_receipt_without_rows_is_contradicted(drained: TrialRecord) -> None:
    """An injector that says that it changed the world, and did not, is not believed."""
    assert landing(moved(drained, author="world:9"), DRAIN).state == "unwitnessed"


def test_rows_without_a_receipt_are_none_of_it(drained: TrialRecord) -> None:
    """What changed nothing for its call is ineffective."""
    found = landing(refired(drained, due_s=None), DRAIN)
    assert (found.state, "nothing to change" in found.reason) == ("ineffective", True)


def test_rows_at_another_time_are_contradicted(drained: TrialRecord, returned: TrialRecord) -> None:
    """Rows after the call was executed, or before it was made, are not those of a writer who was first."""
    call = next(each for each in drained.calls if each.fired)
    late = call.done[0].end_s + 0.5
    assert landing(moved(refired(drained, due_s=late), at_s=late), DRAIN).state == "unwitnessed"
    assert landing(moved(refired(drained, due_s=0.0), at_s=0.0), DRAIN).state == "unwitnessed"
    assert landing(moved(returned, at_s=0.0), RETURN).state == "unwitnessed"


def test_rows_elsewhere_are_contradicted(drained: TrialRecord, returned: TrialRecord) -> None:
    """An injector that strikes where it has no receipt is found out."""
    for record, injection in ((drained, DRAIN), (returned, RETURN)):
        stray = Effect(at_s=record.end_s, author="fault:0", table="card", op="update", key={"id": "x"})
        spoilt = msgspec.structs.replace(record, ledger=[*record.ledger, stray])
        found = landing(spoilt, injection)
        assert (found.state, "'card' was changed" in found.reason) == ("unwitnessed", True)


def test_reply_that_was_made_up_is_contradicted(drained: TrialRecord, returned: TrialRecord) -> None:
    """The answer must be the environment's own."""
    for record, injection in ((drained, DRAIN), (returned, RETURN)):
        events = [
            msgspec.structs.replace(each, told=msgspec.structs.replace(each.told, body={"made": "up"}))
            if isinstance(each, Call) and each.fired
            else each
            for each in record.events
        ]
        assert landing(msgspec.structs.replace(record, events=events), injection).state == "unwitnessed"


def test_job_that_fails_before_its_call_is_contradicted(returned: TrialRecord) -> None:
    """What is to fail later must have been done first."""
    assert landing(refired(returned, due_s=0.1), RETURN).state == "unwitnessed"


HIDDEN = {"fault": "hidden_instruction", "with": {"strength": "urgent"}}
INBOX = "bank.three_invoices"


def test_text_must_be_in_what_was_told_and_not_in_the_true_answer() -> None:
    """A receipt that names a text which nobody was told, or which the tool itself says, is no proof."""
    record, _ = lived(INBOX, "naive", HIDDEN)

    def found(spoilt: TrialRecord) -> Landing:
        plan = planned(INBOX, "naive", HIDDEN)
        trial = next(each for each in plan.trials if each.faultload == "this")
        return landings(spoilt, trial, plan.scenarios[INBOX].tools)[0]

    assert found(record).state == "witnessed"
    assert found(refired(record, text="something else")).state == "unwitnessed"
    assert found(refired(record, text="Invoice")).state == "ineffective"
    assert found(refired(record, text="")).state == "ineffective"
