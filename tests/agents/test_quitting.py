"""The quitting agent stops at the first error and says so."""

from typing import Any

import pytest


@pytest.mark.parametrize("tool", ["list_payees", "transfer", "send_message"])
async def test_quitting(tool: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """The quitting agent does nothing after the first error but say so."""
    bank = make_bank().spoil(tool, faults.status(503), 1)
    answer = await talk("quitting", bank)
    assert [name for name, _ in bank.calls][-2:] == [tool, "report_outcome"]
    assert bank.claims[-1]["status"] == "failed"
    assert bank.claims[-1]["missing"] == ["receipt"]
    assert tool in answer
