"""A function is switched off."""

from tests.lived import lived, skipped


def test_trains_are_switched_off_and_there_are_flights() -> None:
    """Trains cannot be booked any more, which the desk says of itself, and stay so."""
    record, judged = lived("travel.train_instead", "careful", {"fault": "flag_flipped"})
    (call,) = [each for each in record.calls if each.fired]
    assert (call.tool, call.told.status, call.told.body["error"]["feature"]) == ("book_rail", 403, "trains")
    assert {each.table for each in record.ledger if each.author == "fault:0"} == {"feature"}
    assert judged.landings[0].state == "witnessed"
    assert judged.harms == []


def test_scenario_without_such_a_call_is_left_out() -> None:
    """Where no call of the reference solution can meet it, the reason says so and what could."""
    reason = skipped("travel.march_duplicate", {"fault": "flag_flipped"})
    assert "has no drift 'flag_flipped' for a call of the reference solution; drifts that" in reason
