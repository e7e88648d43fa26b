"""The fallback agent retries what LangGraph retries, and then takes the other way."""

from typing import Any

import pytest


async def test_fallback(make_bank: Any, talk: Any, faults: Any) -> None:
    """The fallback agent tries three times what LangGraph retries, and then takes the other way."""
    bank = make_bank().spoil("transfer", faults.status(503))
    answer = await talk("fallback", bank)
    assert len(bank.tried("transfer")) == 3
    assert bank.waited == [0.5, 1.0]
    assert [each["by"] for each in bank.transfers] == ["wire"]
    # The receipt needs the number of a transfer that there is none of.
    assert bank.claims[-1]["status"] == "partial"
    assert bank.claims[-1]["missing"] == ["receipt"]
    assert "receipt" in answer


@pytest.mark.parametrize("how", ["timeout", 429])
async def test_fallback_does_not_retry(how: Any, make_bank: Any, talk: Any, faults: Any) -> None:
    """LangGraph's default policy retries neither the builtin TimeoutError nor a 4xx."""
    fault = faults.status(how) if isinstance(how, int) else faults.failure(how)
    bank = make_bank().spoil("transfer", fault)
    await talk("fallback", bank)
    assert len(bank.tried("transfer")) == 1
    assert [each["by"] for each in bank.transfers] == ["wire"]
