"""An error in a 200 is a success to everybody who looks at the status alone."""

import pytest

from agentbench.calls import ToolResult


@pytest.mark.parametrize(
    ("kind", "key"), [("error", "error"), ("errors", "errors"), ("flag", "ok")]
)  # fmt: skip
async def test_write_is_not_done_and_the_status_is_200(bench, make, kind, key):
    """Nothing raises, the body tells of an error, and the note is not there."""
    told = await bench.strike(make("error_in_200", as_=kind), "add_note", text="hello")
    assert key in told.unwrap()
    assert (told.status, bench.executed, bench.notes, bench.now) == (200, [], 5, 0.5)


async def test_read_is_answered_with_the_error_too(bench, make):
    """The read is on record with its answer, which is withheld, and its witness is that of a changed reply."""
    told = await bench.strike(make("error_in_200"), "list_notes")
    assert told.body["error"]["code"] == "internal_error"
    assert bench.executed[0].body["total"] == 5
    assert bench.receipt == {}


async def test_refused_read_is_left_alone(bench, make):
    """An error of the tool itself is told with its own status."""
    told = await bench.strike(make("error_in_200"), "get_note", id="NOTE-9")
    assert told is bench.executed[0]


async def test_answers_are_not_shared(bench, make):
    """An agent that changes what it was given changes no later reply."""
    fault = make("error_in_200")
    first: ToolResult = await bench.strike(fault, "add_note", text="hello")
    first.body["error"]["code"] = "changed"
    assert (await bench.strike(fault, "add_note", text="hello")).body["error"]["code"] == "internal_error"
