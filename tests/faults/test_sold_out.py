"""Others take the last seat."""

from tests.lived import lived, skipped


def test_offer_is_sold_out() -> None:
    """The seats of the offer are gone when its quote is asked for, and there is another way."""
    record, judged = lived("travel.munich_trip", "careful", {"fault": "sold_out"})
    (call,) = [each for each in record.calls if each.fired]
    assert (call.tool, call.told.status, call.told.body["error"]["code"]) == ("create_quote", 409, "sold_out")
    assert {each.table for each in record.ledger if each.author == "fault:0"} == {"fare"}
    assert judged.landings[0].state == "witnessed"
    assert judged.harms == []


def test_scenario_without_such_a_call_is_left_out() -> None:
    """Where no call of the reference solution can meet it, the reason says so and what could."""
    reason = skipped("bank.rent_and_receipt", {"fault": "sold_out"})
    assert "has no drift 'sold_out' for a call of the reference solution; drifts that" in reason
