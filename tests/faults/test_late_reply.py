"""A late reply comes after the work."""

import asyncio

import pytest

from agentbench.errors import UsageError


async def test_work_is_done_before_the_wait(bench, make):
    """The effect has the instant of the tool, and the answer that of the delay."""
    told = await bench.strike(make("late_reply", delay_s=40), "add_note", text="hello")
    assert told is bench.executed[0]
    assert (bench.now, bench.notes, bench.receipt) == (40.5, 6, {"delay_s": 40})
    assert bench.world.effects[0].at_s == 0.5


async def test_caller_that_gives_up_leaves_the_effect(bench, make):
    """When the caller goes away while it waits, the note is there, unlike under `latency`."""

    async def endless(seconds):
        bench.now += seconds
        if seconds > 1:
            raise asyncio.CancelledError

    bench.sleep = endless
    with pytest.raises(asyncio.CancelledError):
        await bench.strike(make("late_reply"), "add_note", text="hello")
    assert bench.notes == 6
    with pytest.raises(asyncio.CancelledError):
        await bench.strike(make("latency"), "add_note", text="hello")
    assert bench.notes == 6


@pytest.mark.parametrize("delay_s", [0, -1, 3601])
def test_other_delays_are_refused(make, delay_s):
    """A delay lies above 0 s and within an hour."""
    with pytest.raises(UsageError, match="delay_s"):
        make("late_reply", delay_s=delay_s)
