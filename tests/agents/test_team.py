"""The team in its bank, over a channel that does what the test wants."""

from collections.abc import Callable
from typing import Any

import pytest

from agentbench.agents._team import ORDERS, REPORTS


def channel(bank: Any, name: str, number: int, deliver: Callable[[Any], list[Any]]) -> list[str]:
    """Let one message of a channel come to something else; returns the log of all that is sent."""
    log: list[str] = []

    async def hand_over(to: str, content: Any) -> list[Any]:
        log.append(to)
        return deliver(content) if to == name and log.count(to) == number else [content]

    bank.hand_over = hand_over
    return log


DAMAGES: dict[str, Callable[[Any], list[Any]]] = {
    "dropped": lambda content: [],
    "repeated": lambda content: [content, dict(content)],
    "corrupted": lambda content: [{**content, "arguments": {}, "text": "{}"}],
    "nonsense": lambda content: ["what?", None, {"check": 0}],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [ORDERS, REPORTS])
async def test_whatever_the_channel_does_the_rent_is_paid_once(talk, make_bank, name, damage):
    """Numbers, checks and repeats make up for what is lost, doubled or damaged, in either direction."""
    bank = make_bank()
    channel(bank, name, 2, DAMAGES[damage])
    assert await talk("team", bank) == "Paid to P-2."
    assert (len(bank.transfers), bank.claims[-1]["status"]) == (1, "done")


async def test_a_channel_that_stays_dead_is_reported(talk, make_bank):
    """After three attempts the model is told that nobody answers, and in the end the user is."""
    bank = make_bank()

    async def nowhere(to: str, content: Any) -> list[Any]:
        return []

    bank.hand_over = nowhere
    assert "could not" in await talk("team", bank)
    assert (bank.calls[-1][0], bank.claims[-1]["status"]) == ("report_outcome", "failed")


async def test_a_tools_error_is_reported(talk, make_bank, faults):
    """The clerk reports what went wrong, and the coordinator looks before it repeats."""
    bank = make_bank().spoil("transfer", faults.lost(), 1)
    channel(bank, ORDERS, 99, DAMAGES["dropped"])
    await talk("team", bank)
    assert len(bank.transfers) == 1
