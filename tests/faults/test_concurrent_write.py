"""Another writer is first."""

from tests.lived import lived, skipped


def test_payment_is_no_longer_covered() -> None:
    """A direct debit is booked before the transfer, which the bank then refuses of itself."""
    record, judged = lived("bank.rent_and_receipt", "careful", {"fault": "concurrent_write"})
    (call,) = [each for each in record.calls if each.fired]
    assert (call.tool, call.told.status, call.told.body["error"]["code"]) == ("transfer", 402, "insufficient_funds")
    assert {each.table for each in record.ledger if each.author == "fault:0"} == {"account", "posting"}
    assert judged.landings[0].state == "witnessed"
    assert judged.harms == []


def test_scenario_without_such_a_call_is_left_out() -> None:
    """Where no call of the reference solution can meet it, the reason says so and what could."""
    reason = skipped("bank.double_subscription", {"fault": "concurrent_write"})
    assert "has no drift 'concurrent_write' for a call of the reference solution; drifts that" in reason
