"""A message between agents that is repeated arrives twice."""

import pytest

from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    notes.install(tmp_path, monkeypatch)


async def boss(message: str, tools, context) -> str:
    """Hands its order over, and says what arrived."""
    arrived = await context.hand_over("boss to clerk", {"do": "add", "text": "Käse", "to": "list", "times": 2})
    return f"{arrived} at {context.now_s():g} s"


def test_both_are_the_same():
    """The receiver gets two equal messages that it may change apart."""

    async def agent(message: str, tools, context) -> str:
        one, other = await context.hand_over("c", {"items": [1]})
        one["items"].append(2)
        return str(other)

    record, landing = notes.struck(agent, "handover_repeated")
    assert (record.answer, landing.state) == ("{'items': [1]}", "witnessed")
