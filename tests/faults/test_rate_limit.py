"""A rate limit tells the truth about when it ends, and an exhausted quota promises nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.errors import UsageError


async def test_refusal_carries_what_a_client_needs(bench, make):
    """429 with `Retry-After`, the `x-ratelimit` headers and a body that says the same; the tool is not executed."""
    told = await bench.strike(make("rate_limit", retry_after_s=20), "add_note", text="hello")
    assert (told.status, told.headers["Retry-After"]) == (429, "20")
    assert told.headers["x-ratelimit-remaining-requests"] == "0"
    assert told.headers["x-ratelimit-reset-requests"] == "20s"
    assert told.body["error"]["code"] == "rate_limit_exceeded"
    assert "20s" in told.body["error"]["message"]
    assert (bench.executed, bench.notes) == ([], 5)


async def test_retry_after_counts_down_to_one(bench, make):
    """Later refusals promise the rest of the first window, in whole seconds and never less than 1."""
    fault = make("rate_limit", retry_after_s=20)
    seen = []
    for _ in range(5):
        seen.append(int((await bench.strike(fault, "list_notes")).headers["Retry-After"]))
        await bench.sleep(6)
    assert seen == [20, 13, 7, 1, 1]


@given(began=st.floats(0, 1e4), window=st.floats(0.1, 600), waited=st.floats(0, 600))
async def test_waiting_as_told_is_always_enough(began, window, waited):
    """Whoever waits for `Retry-After` after any refusal is past the window that the first one opened."""
    from agentbench import plugins

    bench = _bench()
    bench.now = round(began, 6)
    fault = plugins.fault("rate_limit", {"retry_after_s": window})
    first = bench.now
    await bench.strike(fault, "list_notes")
    bench.now = round(first + waited, 6)
    told = await bench.strike(fault, "list_notes")
    assert bench.now + int(told.headers["Retry-After"]) >= first + window - 1e-6


async def test_used_up_quota_promises_nothing(bench, make):
    """The permanent kind has no `Retry-After` and no reset time, and says that the quota is exceeded."""
    told = await bench.strike(make("rate_limit", retry_after_s=None), "list_notes")
    assert told.status == 429
    assert told.body["error"]["code"] == "insufficient_quota"
    assert not [name for name in told.headers if "retry" in name.lower() or "ratelimit" in name.lower()]


@pytest.mark.parametrize("wrong", [0, -3, "later"])
def test_other_waits_are_refused(make, wrong):
    """`retry_after_s` is a positive number or null."""
    with pytest.raises(UsageError, match="retry_after_s"):
        make("rate_limit", retry_after_s=wrong)


@pytest.fixture(autouse=True)
def _remember(bench):
    """Hypothesis needs a fresh bench for each example, and a fixture is made once per test."""
    global _bench
    _bench = type(bench)
