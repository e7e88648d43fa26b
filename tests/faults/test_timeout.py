"""A timeout takes its time, and nothing was done."""

import pytest

from agentbench.errors import UsageError


async def test_caller_waits_and_nothing_is_done(bench, make):
    """The clock moves by `after_s`, the tool is not executed, and the client meets `TimeoutError`."""
    told = await bench.strike(make("timeout", after_s=12), "add_note", text="hello")
    with pytest.raises(TimeoutError):
        told.unwrap()
    assert (bench.now, bench.executed, bench.notes) == (12, [], 5)


async def test_default_is_thirty_seconds(bench, make):
    """Without a parameter the caller waits 30 s."""
    await bench.strike(make("timeout"), "list_notes")
    assert bench.now == 30


@pytest.mark.parametrize("after_s", [0, -1, 3601, "soon"])
def test_other_durations_are_refused(make, after_s):
    """A wait lies above 0 s and within an hour."""
    with pytest.raises(UsageError, match="after_s"):
        make("timeout", after_s=after_s)
