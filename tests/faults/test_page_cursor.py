"""A broken cursor loses rows or repeats them."""

import pytest

from agentbench.errors import UsageError

BODIES = [None, "x", [1, 2], {"items": []}, {"items": [1]}, {"items": [1], "next_cursor": None}]


async def pages(bench, fault, limit):
    """The ids that a client collects that follows the cursor, at most ten pages."""
    found, cursor = [], None
    for _ in range(10):
        body = (await bench.strike(fault, "list_notes", limit=limit, cursor=cursor)).body
        found += [row["id"] for row in body["items"]]
        cursor = body["next_cursor"]
        if cursor is None:
            break
    return found


async def test_missing_cursor_ends_the_list_early(bench, make):
    """The page is complete, its total is true, and there is no way on."""
    told = await bench.strike(make("page_cursor"), "list_notes", limit=2)
    assert (len(told.body["items"]), told.body["total"], told.body["next_cursor"]) == (2, 5, None)
    assert await pages(bench, make("page_cursor"), 2) == ["NOTE-0", "NOTE-1"]


async def test_repeating_cursor_never_ends(bench, make):
    """A client that only follows the cursor gets the second page for ever."""
    found = await pages(bench, make("page_cursor", as_="repeating"), 2)
    assert found[:6] == ["NOTE-0", "NOTE-1", "NOTE-2", "NOTE-3", "NOTE-2", "NOTE-3"]
    assert len(found) == 20


async def test_gap_loses_the_row_at_the_edge(bench, make):
    """The last row of every page but the last is on none."""
    assert await pages(bench, make("page_cursor", as_="gap"), 2) == ["NOTE-0", "NOTE-2", "NOTE-4"]


async def test_overlap_tells_the_row_at_the_edge_twice(bench, make):
    """Every page but the first begins with the last row of the one before, as it was told."""
    found = await pages(bench, make("page_cursor", as_="overlap"), 2)
    assert found == ["NOTE-0", "NOTE-1", "NOTE-1", "NOTE-2", "NOTE-3", "NOTE-3", "NOTE-4"]


async def test_overlap_needs_a_page_that_leads_there(bench, make):
    """A cursor that no page of these tells joins nothing."""
    told = await bench.strike(make("page_cursor", as_="overlap"), "list_notes", cursor="c3", limit=2)
    assert [row["id"] for row in told.body["items"]] == ["NOTE-3", "NOTE-4"]


async def test_more_to_come_is_denied_too(retell):
    """`has_more` does not contradict the missing cursor."""
    told = await retell("page_cursor", {"items": [1], "next_cursor": "c1", "has_more": True})
    assert told == {"items": [1], "next_cursor": None, "has_more": False}


@pytest.mark.parametrize("kind", ["missing", "repeating", "gap", "overlap"])
@pytest.mark.parametrize("body", BODIES)
async def test_without_a_way_on_the_reply_is_left_alone(bench, retell, kind, body):
    """A last page, or a reply that is no page, has no cursor to break."""
    assert await retell("page_cursor", body, as_=kind) is bench.executed[0].body


def test_other_kinds_are_refused(make):
    """A cursor is missing, repeats a page, leaves a gap or overlaps."""
    with pytest.raises(UsageError, match="as"):
        make("page_cursor", as_="random")
