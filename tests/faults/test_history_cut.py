"""A history that is cut leaves its end."""

import pytest

from agentbench.record import Exchange
from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    notes.install(tmp_path, monkeypatch)


async def reminded(message: str, tools, history) -> str:
    """Says what it remembers."""
    return " / ".join(each["content"] for each in history) or "nothing"


def _exchange(record):
    (found,) = (event for event in record.events if isinstance(event, Exchange))
    return found


@pytest.mark.parametrize(("keep", "answer"), [(1, "nothing"), (0, "nothing")])
def test_only_the_end_is_left(keep, answer):
    """The agent hears the second message with the last entries of what was said before."""
    record, landing = notes.struck(reminded, "history_cut", scenario=notes.TWO_TURNS, at={"turn": 2},
                                   **{"with": {"keep": keep}})  # fmt: skip
    exchange = _exchange(record)
    assert [each.text for each in exchange.remembered.entries] == ["Add the note 'milk', please.", "nothing"]
    assert [each.text for each in exchange.left.entries] == ["nothing"][:keep]
    assert record.answer == f"nothing\n{answer}"
    assert (landing.state, exchange.fired[0].receipt["forgets"]) == ("witnessed", 2 - keep)


def test_a_short_history_is_left_as_it_is():
    """Where there is not more than is kept, nothing happens, and it is said."""
    _, landing = notes.struck(
        reminded, "history_cut", scenario=notes.TWO_TURNS, at={"turn": 2}, **{"with": {"keep": 9}}
    )
    assert (landing.state, landing.reason) == ("ineffective", "turn 1: the agent's memory was left as it was")


def test_an_agent_that_keeps_its_own_memory_is_not_reached():
    """An agent that takes no history cannot lose it, and the trial says so."""

    async def stubborn(message: str, tools) -> str:
        return "I know."

    _, landing = notes.struck(stubborn, "history_cut", scenario=notes.TWO_TURNS, at={"turn": 2})
    assert landing.state == "ineffective"
    assert "keeps its memory where no adapter reaches" in landing.reason
