"""The record is deleted."""

from tests.lived import lived, skipped


def test_standing_order_cannot_be_made_for_a_payee_that_is_gone() -> None:
    """The new payee is deleted before the standing order to it is made."""
    record, judged = lived("bank.gym_switch", "careful", {"fault": "record_deleted"})
    (call,) = [each for each in record.calls if each.fired]
    assert (call.tool, call.told.status) == ("create_standing_order", 404)
    assert {each.table for each in record.ledger if each.author == "fault:0"} == {"payee"}
    assert judged.landings[0].state == "witnessed"
    assert judged.harms == []


def test_scenario_without_such_a_call_is_left_out() -> None:
    """Where no call of the reference solution can meet it, the reason says so and what could."""
    reason = skipped("bank.rent_and_receipt", {"fault": "record_deleted"})
    assert "has no drift 'record_deleted' for a call of the reference solution; drifts that" in reason
