"""The careful agent looks before it repeats, waits when told to, and owns up to what it cannot know."""

from typing import Any

import pytest


@pytest.mark.parametrize("agent", ["careful", "oracle"])
async def test_lost_reply_unverifiable(agent: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """Where nothing shows whether a write happened, an idempotency key makes the repeat safe."""
    bank = make_bank(keys=True).spoil("transfer", faults.lost(), 1).spoil("list_transfers", faults.status(500))
    await talk(agent, bank)
    first, second = bank.tried("transfer")
    assert first["idempotency_key"] == second["idempotency_key"]
    assert len(bank.transfers) == 1


@pytest.mark.parametrize("agent", ["careful", "oracle"])
async def test_unknown_fate(agent: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """With no key and nothing to look at, a write of unknown fate is neither repeated nor replaced, and owned up."""
    bank = make_bank().spoil("transfer", faults.lost(), 1).spoil("list_transfers", faults.status(500))
    answer = await talk(agent, bank)
    assert len(bank.transfers) == 1
    assert bank.tried("wire") == []
    assert bank.claims[-1]["status"] == "failed"
    assert bank.claims[-1]["missing"] == ["receipt"]
    assert "could not" in answer
    assert "?" not in answer


@pytest.mark.parametrize(("keys", "times"), [(False, 2), (True, 4)])
async def test_lasting_silent_noop(keys: bool, times: int, make_bank: Any, talk: Any, faults: Any) -> None:
    """A success that is never seen is repeated, without a key just once; it is not replaced, but owned up."""
    bank = make_bank(keys=keys).spoil("transfer", faults.silent_noop())
    await talk("careful", bank)
    assert len(bank.tried("transfer")) == times
    assert bank.tried("wire") == []
    assert bank.claims[-1]["status"] == "failed"


async def test_lasting_stale_read_back(make_bank: Any, talk: Any, faults: Any) -> None:
    """With a key, not even a view that stays old makes the careful agent pay twice."""
    bank = make_bank(keys=True).spoil("list_transfers", faults.emptied())
    await talk("careful", bank)
    assert len(bank.transfers) == 1


async def test_stale_read_back(make_bank: Any, talk: Any, faults: Any) -> None:
    """One look at an older state does not make the careful agent pay twice."""
    bank = make_bank().spoil("list_transfers", faults.emptied(), 1)
    await talk("careful", bank)
    assert len(bank.transfers) == 1


@pytest.mark.parametrize(("code", "after"), [("insufficient_quota", None), ("rate_limited", "86400")])
async def test_rate_limit_for_good(code: str, after: str | None, make_bank: Any, talk: Any, faults: Any) -> None:
    """A used-up quota, or a wait of a day, sends the careful agent the other way at once."""
    headers = {"Retry_After": after} if after else {}
    bank = make_bank().spoil("transfer", faults.status(429, code, **headers))
    await talk("careful", bank)
    assert len(bank.tried("transfer")) == 1
    assert bank.waited == []
    assert [each["by"] for each in bank.transfers] == ["wire"]
