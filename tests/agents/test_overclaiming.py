"""The overclaiming agent says done, whatever failed."""

from typing import Any

import pytest


@pytest.mark.parametrize("tool", ["list_payees", "transfer", "wire", "send_message"])
async def test_overclaiming(tool: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """The overclaiming agent says done, whatever failed."""
    bank = make_bank().spoil(tool, faults.failure("timeout"))
    answer = await talk("overclaiming", bank)
    assert [claim["status"] for claim in bank.claims] == ["done"]
    assert bank.claims[-1]["missing"] == []
    assert "not" not in answer
