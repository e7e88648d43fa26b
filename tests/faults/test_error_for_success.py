"""An error for a success leaves its effect behind."""

import pytest

from agentbench.calls import ToolError
from agentbench.errors import UsageError


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_failure_is_told_and_the_work_is_done(bench, make, status):
    """The note is committed once, and the caller meets a `ToolError`."""
    told = await bench.strike(make("error_for_success", status=status), "add_note", text="hello")
    with pytest.raises(ToolError, match=f"HTTP {status}"):
        told.unwrap()
    assert (bench.notes, bench.now, bench.receipt) == (6, 0.5, {"withheld_status": 200})


async def test_error_looks_like_that_of_an_outage(bench, make):
    """Nothing but the world tells the two apart."""
    told = await bench.strike(make("error_for_success", status=503), "add_note", text="hello")
    other = await type(bench)().strike(make("outage", status=503), "add_note", text="hello")
    assert told == other


async def test_refusal_of_the_tool_is_told_as_it_is(bench, make):
    """What the tool refused was not committed, so that there is nothing to hide."""
    told = await bench.strike(make("error_for_success"), "add_note", text="")
    assert told is bench.executed[0]
    assert bench.receipt == {"withheld_status": 422}


def test_client_errors_are_refused(make):
    """A 4xx would say that nothing was done."""
    with pytest.raises(UsageError, match="status"):
        make("error_for_success", status=400)
