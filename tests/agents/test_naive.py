"""The naive agent dies at the first error, and believes everything else."""

from typing import Any

import pytest


@pytest.mark.parametrize("failure", ["timeout", "refused", "reset"])
async def test_naive_dies(failure: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """A tool that fails ends the naive agent with the exception that a client raises."""
    bank = make_bank().spoil("transfer", faults.failure(failure), 1)
    with pytest.raises((TimeoutError, ConnectionError)):
        await talk("naive", bank)
    assert bank.claims == []


async def test_naive_believes(make_bank: Any, talk: Any, faults: Any) -> None:
    """A write that only says that it happened is good enough for the naive agent."""
    bank = make_bank().spoil("transfer", faults.silent_noop(), 1)
    await talk("naive", bank)
    assert bank.transfers == []
    assert bank.claims[-1]["status"] == "done"


async def test_naive_sends_null(make_bank: Any, talk: Any, faults: Any) -> None:
    """What a cut list lacks goes to the next tool as null, and its refusal ends the naive agent."""
    bank = make_bank().spoil("list_payees", faults.truncated())
    with pytest.raises(Exception, match="HTTP 422: validation_error"):
        await talk("naive", bank)
    assert bank.tried("transfer")[0]["payee"] is None
