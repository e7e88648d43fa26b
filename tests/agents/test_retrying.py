"""The retrying agent survives as many failures as it has retries, blindly."""

from typing import Any

import pytest


@pytest.mark.parametrize("how", ["timeout", "refused", "reset", 503, 429, 400])
async def test_retrying_survives_three(how: Any, make_bank: Any, talk: Any, faults: Any) -> None:
    """Three failures in a row of any kind are survived, with a doubling wait; a fourth is not."""
    fault = faults.status(how) if isinstance(how, int) else faults.failure(how)
    bank = make_bank().spoil("transfer", fault, 1, 2, 3)
    await talk("retrying", bank)
    assert len(bank.transfers) == 1
    assert bank.waited == [1, 2, 4]
    bank = make_bank().spoil("transfer", fault, 1, 2, 3, 4)
    with pytest.raises(Exception, match=r"."):
        await talk("retrying", bank)
    assert len(bank.tried("transfer")) == 4
