"""A wrong entity is true of something else."""

import pytest

from agentbench.calls import ToolResult


async def test_single_record_is_another_one(bench, make):
    """The nearest number has a record, whose answer is told; the true one is on record."""
    told = await bench.strike(make("wrong_entity"), "get_note", id="NOTE-2")
    assert told.body == {"id": "NOTE-3", "text": "note 3"}
    assert bench.executed[0].body["id"] == "NOTE-2"
    assert bench.receipt == {"asked_instead": {"id": "NOTE-3"}}


async def test_other_side_is_tried_too(bench, make):
    """After the last record comes the one before it."""
    told = await bench.strike(make("wrong_entity"), "get_note", id="NOTE-4")
    assert told.body["id"] == "NOTE-3"


async def test_other_arguments_can_be_named(bench, make):
    """`instead` says whose answer is told, of lists too."""
    told = await bench.strike(make("wrong_entity", instead={"id": "NOTE-0"}), "get_note", id="NOTE-2")
    assert told.body["id"] == "NOTE-0"
    told = await bench.strike(make("wrong_entity", instead={"cursor": "c2"}), "list_notes", limit=2)
    assert [row["id"] for row in told.body["items"]] == ["NOTE-2", "NOTE-3"]


async def test_ids_of_a_list_move_by_one_row(bench, make):
    """Every id is at its neighbour, each once, and the other fields stay."""
    told = await bench.strike(make("wrong_entity"), "list_notes", limit=3)
    assert [(row["id"], row["text"]) for row in told.body["items"]] == [
        ("NOTE-2", "note 0"), ("NOTE-0", "note 1"), ("NOTE-1", "note 2"),
    ]  # fmt: skip
    assert bench.executed[0].body["items"][0]["id"] == "NOTE-0"


async def test_without_another_record_the_true_one_is_told(bench, make):
    """No neighbour, no number, or the same record: nothing to mistake it for."""
    fault = make("wrong_entity")
    bench.scripted = [ToolResult(status=200, body={"id": "NOTE-70"}), ToolResult(status=200, body={"items": []})]
    assert await bench.strike(fault, "get_note", id="NOTE-70") is bench.executed[-1]
    assert await bench.strike(fault, "list_notes", cursor="c4") is bench.executed[-1]
    assert (
        await bench.strike(make("wrong_entity", instead={"id": "NOTE-1"}), "get_note", id="NOTE-1")
        is bench.executed[-1]
    )
    assert await bench.strike(make("wrong_entity", instead={"id": "X"}), "get_note", id="NOTE-1") is bench.executed[-1]


@pytest.mark.parametrize("parameters", [{}, {"instead": {"id": "NOTE-1"}}])
async def test_refusals_and_writes_are_left_alone(bench, make, parameters):
    """A refusal stays one, and a write is executed and answered as ever."""
    fault = make("wrong_entity", **parameters)
    assert await bench.strike(fault, "get_note", id="NOTE-5") is bench.executed[-1]
    assert await bench.strike(fault, "add_note", text="hello") is bench.executed[-1]
    assert bench.notes == 6
