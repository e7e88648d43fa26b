"""A write to the wrong row is right in every word of its answer."""

import pytest


def texts(bench):
    """What each note says."""
    return {row["id"]: row["text"] for row in bench.world.rows("SELECT * FROM note")}


async def test_neighbour_is_changed_and_the_right_one_is_spoken_of(bench, make):
    """The next number is changed, for the fault's account, and the asked one is in the reply."""
    told = await bench.strike(make("wrong_row"), "change_note", id="NOTE-1", text="hello")
    assert (told.status, told.body) == (200, {"id": "NOTE-1", "text": "hello"})
    assert (texts(bench)["NOTE-1"], texts(bench)["NOTE-2"]) == ("note 1", "hello")
    assert {effect.author for effect in bench.world.effects} == {"fault:0"}
    assert bench.now == 0.5
    assert bench.receipt == {"done_for": {"id": "NOTE-2", "text": "hello"}, "status": 200}


async def test_record_that_was_shown_comes_before_a_neighbour(bench, make):
    """Ids of the same kind in earlier replies are taken first, those of the latest reply before all."""
    await bench.strike(make("noop"), "get_note", id="NOTE-4")
    await bench.strike(make("wrong_row"), "change_note", id="NOTE-1", text="hello")
    assert texts(bench)["NOTE-4"] == "hello"


async def test_other_arguments_can_be_named(bench, make):
    """`instead` says for what it is done."""
    await bench.strike(make("wrong_row", instead={"id": "NOTE-0"}), "change_note", id="NOTE-1", text="hello")
    assert texts(bench)["NOTE-0"] == "hello"


async def test_new_record_has_the_id_that_was_told(bench, make):
    """What is made for other arguments carries the id of the answer, so that looking it up shows the mistake."""
    fault = make("wrong_row", instead={"text": "other"})
    told = await bench.strike(fault, "add_note", text="hello")
    assert texts(bench)[told.body["id"]] == "other"
    assert told.body["text"] == "hello"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("change_note", {"id": "NOTE-9", "text": "x"}),
        ("add_note", {"text": "hello"}),
        ("get_note", {"id": "NOTE-1"}),
    ],
)
async def test_without_another_record_all_is_as_ever(bench, make, tool, arguments):
    """A refusal stays one, a write that names no record and a read are executed as they are."""
    assert await bench.strike(make("wrong_row"), tool, **arguments) is bench.executed[0]
    assert bench.receipt == {}
    assert not [effect for effect in bench.world.effects if effect.author == "fault:0"]


async def test_record_for_which_nothing_would_change_is_passed_over(bench, make):
    """An effect that changes nothing would be no effect on the wrong row: another record is taken, or none."""
    await bench.strike(make("wrong_row"), "change_note", id="NOTE-1", text="note 2")
    assert texts(bench)["NOTE-0"] == "note 2"
    told = await bench.strike(make("wrong_row", instead={"id": "NOTE-3"}), "change_note", id="NOTE-4", text="note 3")
    assert told is bench.executed[-1]
    assert texts(bench)["NOTE-4"] == "note 3"
