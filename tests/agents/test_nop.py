"""The nop agent does nothing and says nothing."""

from typing import Any


async def test_nop(make_bank: Any, talk: Any) -> None:
    """The nop agent calls nothing and says nothing."""
    bank = make_bank()
    assert await talk("nop", bank) == ""
    assert bank.calls == []
