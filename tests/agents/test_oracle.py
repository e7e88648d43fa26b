"""The oracle needs no framework, and does what the careful agent does."""

from typing import Any

import pytest


@pytest.mark.parametrize("tool", ["list_payees", "transfer", "list_transfers", "send_message"])
@pytest.mark.parametrize("fault", ["clean", "status", "rate_limit", "timeout", "refused", "lost", "silent_noop"])
@pytest.mark.parametrize("lasting", [False, True])
async def test_like_careful(tool: str, fault: str, lasting: bool, make_bank: Any, talk: Any, faults: Any) -> None:
    """Under any fault the oracle makes the careful agent's calls, at the same times, and says the same."""
    how = {
        "clean": lambda do: do(),
        "status": faults.status(503),
        "rate_limit": faults.status(429, Retry_After="7"),
        "timeout": faults.failure("timeout"),
        "refused": faults.failure("refused"),
        "lost": faults.lost("reset"),
        "silent_noop": faults.silent_noop(),
    }[fault]
    seen = []
    for agent in ("oracle", "careful"):
        bank = make_bank(keys=True).spoil(tool, how, *([] if lasting else [1]))
        seen.append((await talk(agent, bank), bank.calls, bank.waited, bank.claims))
    assert seen[0] == seen[1]
