"""A message that comes twice is the same one twice."""

import pytest

from agentbench.record import Exchange
from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    notes.install(tmp_path, monkeypatch)


async def reminded(message: str, tools, history) -> str:
    """Says what it remembers."""
    return " / ".join(each["content"] for each in history) or "nothing"


def test_the_agent_hears_it_again_and_the_last_answer_counts():
    """Both deliveries are turns of the trial, the second one after the wait and with the same number."""
    numbers = []

    async def agent(message: str, tools, context) -> str:
        numbers.append(context.message_number)
        return f"{message} at {context.now_s():g} s"

    record, landing = notes.struck(agent, "turn_twice", scenario=notes.TWO_TURNS, at={"turn": 2},
                                   **{"with": {"after_s": 4}})  # fmt: skip
    (exchange,) = (event for event in record.events if isinstance(event, Exchange))
    assert exchange.heard == ["And thank you."] * 2
    assert record.answer.splitlines()[1:] == ["And thank you. at 0 s", "And thank you. at 4 s"]
    assert (landing.state, numbers) == ("witnessed", [1, 2, 2])
