"""A duplicate delivery is done twice and answered once."""

from agentbench.calls import ToolResult


async def test_tool_without_a_key_does_it_twice(bench, make):
    """Two notes are made by one call, and the caller is told of the first."""
    told = await bench.strike(make("duplicate_delivery"), "add_note", text="hello")
    assert told is bench.executed[0]
    assert (len(bench.executed), bench.notes, bench.receipt) == (2, 7, {"statuses": [200, 200]})
    assert bench.executed[0].body["id"] != bench.executed[1].body["id"]


async def test_key_makes_the_second_delivery_harmless(bench, make):
    """With an idempotency key there is one note, and the second delivery replays the first answer."""
    told = await bench.strike(make("duplicate_delivery"), "add_note", text="hello", key="k1")
    assert (bench.notes, told.headers) == (6, {})
    assert bench.executed[1].headers == {"Idempotent-Replayed": "true"}


async def test_second_answer_is_told_if_only_it_worked(bench, make):
    """A first delivery that fails is covered by the second."""
    bench.scripted = [ToolResult(status=500), ToolResult(status=200, body="done")]
    told = await bench.strike(make("duplicate_delivery"), "list_notes")
    assert (told.body, bench.receipt) == ("done", {"statuses": [500, 200]})


async def test_first_error_is_told_if_both_fail(bench, make):
    """Two failures are told as the first of them."""
    bench.scripted = [ToolResult(status=409), ToolResult(status=500)]
    assert (await bench.strike(make("duplicate_delivery"), "list_notes")).status == 409
