"""The price rises."""

from tests.lived import lived, skipped


def test_room_is_booked_at_the_new_price() -> None:
    """The room is booked for more than the search said, by 4 to 9 percent."""
    record, judged = lived("travel.voucher_withdrawn", "careful", {"fault": "price_changed"})
    (call,) = [each for each in record.calls if each.fired]
    assert call.told.ok
    assert 28_000 * 1.04 <= call.told.body["total_cents"] <= 28_000 * 1.1
    assert {each.table for each in record.ledger if each.author == "fault:0"} == {"room"}
    assert judged.landings[0].state == "witnessed"
    assert judged.harms == []


def test_scenario_without_such_a_call_is_left_out() -> None:
    """Where no call of the reference solution can meet it, the reason says so and what could."""
    reason = skipped("bank.rent_and_receipt", {"fault": "price_changed"})
    assert "has no drift 'price_changed' for a call of the reference solution; drifts that" in reason
