"""Duplicated rows are all there, and some of them twice."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentbench.errors import UsageError


async def test_rows_come_twice_and_the_total_is_true(bench, make):
    """Two of five rows are doubled, next to each other, and `total` tells on them."""
    told = await bench.strike(make("duplicate_rows"), "list_notes")
    ids = [row["id"] for row in told.body["items"]]
    assert (len(ids), sorted(set(ids)), ids) == (7, [f"NOTE-{number}" for number in range(5)], sorted(ids))
    assert (told.body["total"], bench.receipt) == (5, {"list": "items", "doubled": 2})
    assert len(bench.executed[0].body["items"]) == 5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(rows=st.lists(st.integers(), min_size=1, max_size=30), share=st.floats(0.01, 1))
async def test_no_row_is_lost_and_at_least_one_is_doubled(retell, rows, share):
    """What is told without its repeats is the list, in its order."""
    numbered = list(enumerate(rows))
    told = (await retell("duplicate_rows", {"items": [list(each) for each in numbered]}, share=share))["items"]
    assert len(rows) < len(told) <= 2 * len(rows)
    assert [tuple(row) for place, row in enumerate(told) if place == 0 or row != told[place - 1]] == numbered


@pytest.mark.parametrize("body", [None, "x", {"id": 1}, {"items": []}])
async def test_no_rows_leave_the_reply_alone(bench, retell, body):
    """There is nothing to tell twice."""
    assert await retell("duplicate_rows", body) is bench.executed[0].body


@pytest.mark.parametrize("share", [0, 1.1])
def test_other_shares_are_refused(make, share):
    """A share lies in (0, 1]."""
    with pytest.raises(UsageError, match="share"):
        make("duplicate_rows", share=share)
