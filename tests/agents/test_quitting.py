"""The quitting agent stops at the first error and says so."""

from typing import Any

import pytest


@pytest.mark.parametrize("tool", ["list_payees", "transfer", "list_transfers", "send_message"])
async def test_quitting(tool: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """The quitting agent does nothing after the first error but say so."""
    bank = make_bank().spoil(tool, faults.status(503), 1)
    answer = await talk("quitting", bank)
    assert [name for name, _ in bank.calls][-2:] == [tool, "report_outcome"]
    assert bank.claims[-1]["status"] == "failed"
    assert bank.claims[-1]["missing"] == ["receipt"]
    assert ("transfer" if tool == "list_transfers" else tool) in answer


async def test_silent_noop(make_bank: Any, talk: Any, faults: Any) -> None:
    """A success that nothing shows is an error, and not claimed."""
    bank = make_bank().spoil("transfer", faults.silent_noop(), 1)
    await talk("quitting", bank)
    assert len(bank.tried("transfer")) == 1
    assert [claim["status"] for claim in bank.claims] == ["failed"]


async def test_unsound_reply(make_bank: Any, talk: Any, faults: Any) -> None:
    """A list that lacks what it should hold is an error, and not read again."""
    bank = make_bank().spoil("list_payees", faults.truncated(), 1)
    await talk("quitting", bank)
    assert [name for name, _ in bank.calls] == ["list_payees", "report_outcome"]
