"""Reordered rows are the same rows."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentbench.errors import UsageError


async def test_reversed_list_is_the_list_backwards(bench, make):
    """The last row comes first, and the rest of the page stays."""
    told = await bench.strike(make("reorder_rows", as_="reversed"), "list_notes")
    assert [row["id"] for row in told.body["items"]] == [f"NOTE-{number}" for number in (4, 3, 2, 1, 0)]
    assert (told.body["total"], bench.executed[0].body["items"][0]["id"]) == (5, "NOTE-0")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rows=st.lists(st.integers(0, 3), min_size=2, max_size=8), kind=st.sampled_from(["shuffled", "reversed"]))
async def test_order_differs_whenever_it_can(retell, rows, kind):
    """The same rows are told, in the old order only if there is no other."""
    told = await retell("reorder_rows", rows, as_=kind)
    assert sorted(told) == sorted(rows)
    assert (told != rows) == (len(set(rows)) > 1)


@pytest.mark.parametrize("body", [None, "x", {"id": 1}, {"items": []}, {"items": ["only"]}, {"items": [1, 1]}])
async def test_no_other_order_leaves_the_reply_alone(bench, retell, body):
    """Fewer than two different rows have one order."""
    assert await retell("reorder_rows", body) is bench.executed[0].body


def test_other_orders_are_refused(make):
    """Rows are reversed or shuffled."""
    with pytest.raises(UsageError, match="as"):
        make("reorder_rows", as_="sorted")
