"""A source conflicts with another one that told the truth."""

from agentbench.calls import ToolResult


async def test_value_that_another_tool_told_is_contradicted(bench, make):
    """The text is that of another record, and the rest of the reply is true."""
    await bench.strike(make("noop"), "list_notes")
    told = await bench.strike(make("conflicting_source"), "get_note", id="NOTE-3")
    assert told.body["id"] == "NOTE-3"
    assert told.body["text"] in {f"note {number}" for number in (0, 1, 2, 4)}
    assert bench.executed[-1].body["text"] == "note 3"
    assert bench.receipt == {"record": "NOTE-3", "field": "text", "true": "note 3", "told": told.body["text"]}


async def test_numbers_come_first_and_are_off_by_the_share(bench, make):
    """A record with a number and a text has the number told otherwise, of the same type."""
    body = {"items": [{"id": "A-1", "cents": 500, "name": "a", "open": True}, {"id": "A-2", "cents": 0, "name": "b"}]}
    bench.scripted = [ToolResult(body=body), ToolResult(body=body["items"][0])]
    await bench.strike(make("noop"), "list_notes")
    told = await bench.strike(make("conflicting_source"), "get_note", id="A-1")
    assert told.body == {"id": "A-1", "cents": 550, "name": "a", "open": True}


async def test_without_another_source_the_reply_is_left_alone(bench, make):
    """The first read, the same tool again, another record, and a value that was not told alike cannot conflict."""
    fault = make("conflicting_source")
    assert await bench.strike(fault, "get_note", id="NOTE-1") is bench.executed[-1]
    assert await bench.strike(fault, "get_note", id="NOTE-1") is bench.executed[-1]
    await bench.strike(make("noop"), "add_note", text="other")
    assert await bench.strike(fault, "get_note", id="NOTE-2") is bench.executed[-1]
    bench.scripted = [ToolResult(body={"items": [{"id": "NOTE-2", "text": "changed since"}]})]
    await bench.strike(make("noop"), "list_notes")
    assert await bench.strike(fault, "get_note", id="NOTE-2") is bench.executed[-1]
