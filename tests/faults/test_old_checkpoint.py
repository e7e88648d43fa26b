"""A memory that is taken back is one that the agent had."""

import pytest

from agentbench.record import Exchange
from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    notes.install(tmp_path, monkeypatch)


async def reminded(message: str, tools, history) -> str:
    """Says what it remembers."""
    return " / ".join(each["content"] for each in history) or "nothing"


@pytest.mark.parametrize("turns", [1, 5])
def test_the_agent_is_where_it_was_before(turns):
    """One turn ago it knew nothing; further back than the beginning there is only the beginning."""
    record, landing = notes.struck(reminded, "old_checkpoint", scenario=notes.TWO_TURNS, at={"turn": 2},
                                   **{"with": {"turns": turns}})  # fmt: skip
    (exchange,) = (event for event in record.events if isinstance(event, Exchange))
    assert exchange.left.entries == []
    assert (record.answer, landing.state) == ("nothing\nnothing", "witnessed")
    assert exchange.fired[0].receipt["before_turn"] == 1


def test_at_the_first_turn_there_is_nothing_to_go_back_to():
    """Then the fault changes nothing."""
    _, landing = notes.struck(reminded, "old_checkpoint", at={"turn": 1})
    assert landing.state == "ineffective"
