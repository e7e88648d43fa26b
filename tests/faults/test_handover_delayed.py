"""A message between agents that is delayed arrives as it was sent, later."""

import pytest

from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    notes.install(tmp_path, monkeypatch)


async def boss(message: str, tools, context) -> str:
    """Hands its order over, and says what arrived."""
    arrived = await context.hand_over("boss to clerk", {"do": "add", "text": "Käse", "to": "list", "times": 2})
    return f"{arrived} at {context.now_s():g} s"


def test_it_arrives_after_the_delay():
    """The sender waits for it in the trial's clock."""
    record, landing = notes.struck(boss, "handover_delayed", **{"with": {"delay_s": 12}})
    assert (record.answer.endswith("at 12 s"), "Käse" in record.answer, landing.state) == (True, True, "witnessed")


def test_a_sender_that_does_not_wait_takes_it_back():
    """The record says that it was abandoned, and the fault landed all the same."""
    import asyncio

    async def hasty(message: str, tools, context) -> str:
        try:
            await asyncio.wait_for(context.hand_over("c", "x"), 5)
        except TimeoutError:
            return f"gave up at {context.now_s():g} s"
        return "it came"

    record, landing = notes.struck(hasty, "handover_delayed", **{"with": {"delay_s": 60}})
    (event,) = (event for event in record.events if type(event).__name__ == "HandOver")
    assert (record.answer, event.abandoned, event.received) == ("gave up at 5 s", True, [])
    assert landing.state == "witnessed"
