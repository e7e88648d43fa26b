"""Latency changes nothing but time."""

import pytest

from agentbench.errors import UsageError


async def test_call_waits_and_is_answered(bench, make):
    """The delay comes on top of the tool's own time, and the answer is the tool's own."""
    told = await bench.strike(make("latency", delay_s=20), "add_note", text="hello")
    assert told is bench.executed[0]
    assert (bench.now, bench.notes, bench.receipt) == (20.5, 6, {"delay_s": 20})


async def test_jitter_stays_in_its_bounds_and_is_drawn_per_call(bench, make):
    """Delays lie within `delay_s` ± `jitter_s`, differ, and the receipt tells each."""
    delays = []
    for _ in range(50):
        before = bench.now
        await bench.strike(make("latency", delay_s=10, jitter_s=4), "list_notes")
        delays.append(bench.receipt["delay_s"])
        assert bench.now - before - 0.5 == pytest.approx(delays[-1], abs=1e-5)
    assert min(delays) >= 6
    assert max(delays) <= 14
    assert max(delays) - min(delays) > 4


async def test_delay_is_never_negative(bench, make):
    """A jitter larger than the delay does not turn time back."""
    for _ in range(30):
        await bench.strike(make("latency", delay_s=0.1, jitter_s=10), "list_notes")
        assert bench.receipt["delay_s"] >= 0


@pytest.mark.parametrize("wrong", [{"delay_s": 0}, {"jitter_s": -1}, {"delay": 3}])
def test_other_parameters_are_refused(make, wrong):
    """A delay is positive, a jitter is not negative."""
    with pytest.raises(UsageError):
        make("latency", **wrong)
