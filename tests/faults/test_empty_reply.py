"""An empty reply has the status of a success and nothing in it."""

import pytest

from agentbench.errors import UsageError


async def test_empty_list_is_consistently_empty(bench, make):
    """No rows, no count, no further page; the record has the true answer."""
    told = await bench.strike(make("empty_reply"), "list_notes", limit=2)
    assert told.body == {"items": [], "next_cursor": None, "total": 0}
    assert (told.status, bench.receipt, bench.executed[0].body["total"]) == (200, {"dropped": 2}, 5)


@pytest.mark.parametrize(("kind", "body"), [("object", {}), ("nothing", "")])
async def test_other_kinds_tell_nothing_at_all(bench, make, kind, body):
    """An empty object and an empty body, after the work was done."""
    told = await bench.strike(make("empty_reply", as_=kind), "add_note", text="hello")
    assert (told.status, told.body, bench.notes) == (200, body, 6)


@pytest.mark.parametrize("body", [None, "x", [], {"id": 1}, {"items": [], "total": 0}])
async def test_nothing_to_empty_leaves_the_reply_alone(bench, retell, body):
    """A reply without rows has none to lose."""
    assert await retell("empty_reply", body) is bench.executed[0].body


async def test_errors_are_left_alone(bench, make):
    """A refusal is told with its body."""
    assert await bench.strike(make("empty_reply", as_="nothing"), "get_note", id="X") is bench.executed[0]


def test_other_kinds_are_refused(make):
    """A reply is an empty list, object or nothing."""
    with pytest.raises(UsageError, match="as"):
        make("empty_reply", as_="null")
