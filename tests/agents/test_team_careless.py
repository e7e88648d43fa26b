"""The careless team believes the channel."""

from typing import Any


async def test_silence_counts_as_done(talk, make_bank):
    """An order that never arrived is reported as done."""
    bank = make_bank()
    orders: list[Any] = []

    async def hand_over(to: str, content: Any) -> list[Any]:
        orders.append(content)
        return [] if content.get("tool") == "transfer" else [content]

    bank.hand_over = hand_over
    await talk("team_careless", bank)
    assert (bank.transfers, bank.claims[-1]["status"]) == ([], "done")
    assert "check" not in orders[0]


async def test_what_comes_twice_is_done_twice(talk, make_bank):
    """A repeated order pays a second time."""
    bank = make_bank()

    async def hand_over(to: str, content: Any) -> list[Any]:
        return [content] * (2 if content.get("tool") == "transfer" else 1)

    bank.hand_over = hand_over
    await talk("team_careless", bank)
    assert len(bank.transfers) == 2
