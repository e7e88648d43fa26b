"""A result that is forgotten takes its call with it."""

import pytest

from agentbench.record import Exchange
from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    notes.install(tmp_path, monkeypatch)


async def reminded(message: str, tools, history) -> str:
    """Says what it remembers."""
    return " / ".join(each["content"] for each in history) or "nothing"


async def test_one_result_and_its_call_are_gone(make):
    """Of two calls of one message only the forgotten one goes; a history without results stays as it is."""
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

    from agentbench.abc import TurnContext
    from agentbench.adapters._history import ListHistory
    from agentbench.calls import Turn

    calls = [{"name": "find", "args": {}, "id": each, "type": "tool_call"} for each in "ab"]
    told = [ToolMessage(each, tool_call_id=each) for each in "ab"]

    class Session:
        history = ListHistory([HumanMessage("Pay."), AIMessage("", tool_calls=calls), *told], lambda: None)

    async def proceed(turn):
        return turn.text

    def context():
        return TurnContext(now_s=lambda: 0.0, sleep=None, generator=None, memory={}, session=Session, restart=None)

    first = context()
    assert await make("result_forgotten").inject(Turn(text="Go on.", number=2), proceed, first) == "Go on."
    assert first.receipt == {"forgets": ["b"]}
    assert [each.calls for each in await Session.history.read()] == [(), ("a",), ("a",)]
    await make("result_forgotten").inject(Turn(text="Go on.", number=2), proceed, context())
    assert [each.role for each in await Session.history.read()] == ["user"]
    last = context()
    await make("result_forgotten").inject(Turn(text="Go on.", number=2), proceed, last)
    assert last.receipt == {}


def test_without_a_result_nothing_is_forgotten():
    """A history of words alone stays as it is."""
    record, landing = notes.struck(reminded, "result_forgotten", scenario=notes.TWO_TURNS, at={"turn": 2})
    (exchange,) = (event for event in record.events if isinstance(event, Exchange))
    assert exchange.left == exchange.remembered
    assert landing.state == "ineffective"
