"""A graph's process dies, and what is started in its place goes on from what was stored."""

from typing import Any

from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver

from agentbench import plugins
from agentbench.calls import Spoken, ToolResult


class Dies(BaseException):
    """Stands for SIGKILL: no handler of the agent's runs."""


def _connect(target: Any, shop: Any) -> Any:
    _, adapter = plugins.adapter_for(target, "it")
    return adapter.connect(target, shop)


def _deadly(shop: Any, tool: str) -> None:
    """The next call of this tool does its work, and is the last thing that the process does."""
    original = shop.call

    async def call(name: str, arguments: Any, *, call_id: str | None = None) -> ToolResult:
        told: ToolResult = await original(name, arguments, call_id=call_id)
        if name == tool:
            shop.call = original
            raise Dies
        return told

    shop.call = call


async def _live(session: Any, message: str) -> str:
    try:
        return str(await session(message))
    except Dies:
        return "died"


async def test_a_checkpointed_graph_takes_up_the_turn_at_the_call_that_was_under_way(shop: Any) -> None:
    """The call is made again, what came before it is not, and the scripted model goes on where the history is."""
    saver = InMemorySaver()
    opened = _connect(lambda tools, model: create_agent(model, tools, checkpointer=saver), shop)
    _deadly(shop, "buy")
    assert await _live(opened(shop), "Buy a lamp.") == "died"
    shop.resumes = True
    shop.message_number = 1
    assert await opened(shop).resume("Buy a lamp.") == "Bought for 12."
    assert [name for name, _ in shop.calls] == ["get_price", "buy", "buy", "report_outcome"]
    requests = shop.requests
    assert requests[1] == requests[2] == "call_2"
    assert requests[3] == "call_3"


async def test_a_graph_without_a_checkpointer_begins_anew_with_what_the_chat_keeps(shop: Any) -> None:
    """All that was in the process is gone; what was said before is there, and the message comes again."""
    seen: list[list[str]] = []

    def make_graph(tools: Any, model: Any) -> Any:
        from langchain.agents.middleware import before_model

        @before_model
        def look(state: Any, runtime: Any) -> None:
            seen.append([each.text for each in state["messages"]])

        return create_agent(model, tools, middleware=[look])

    shop.resumes = True
    shop.message_number = 2
    shop.transcript = [Spoken(1, "Hello.", "What can I do?")]
    shop.reference = [{"reply": "What can I do?"}, *shop.reference]
    assert await _connect(make_graph, shop)(shop).resume("Buy a lamp.") == "Bought for 12."
    assert seen[0] == ["Hello.", "What can I do?", "Buy a lamp."]


async def test_a_turn_of_which_nothing_was_stored_begins_anew(shop: Any) -> None:
    """A checkpointer that knows only of earlier turns lets the agent hear the message as ever."""
    saver = InMemorySaver()
    shop.reference = [{"reply": "Hello."}, *shop.reference]
    opened = _connect(lambda tools, model: create_agent(model, tools, checkpointer=saver), shop)
    first = opened(shop)
    assert await first("Hello?") == "Hello."
    shop.resumes = True
    assert await opened(shop).resume("Buy a lamp.") == "Bought for 12."
    assert [name for name, _ in shop.calls] == ["get_price", "buy", "report_outcome"]


async def test_the_durable_agent_does_not_repeat_what_was_under_way(shop: Any) -> None:
    """It looks instead: the call that LangGraph would make again is told to the model as one of unknown fate."""
    look = {"call": "get_price", "with": {"item": "bought"}, "expect": "price == `12`"}
    shop.reference = [{"call": "buy", "with": {"item": "lamp"}, "verify": look}, {"reply": "Bought."}]
    opened = _connect(plugins.agent("durable"), shop)
    _deadly(shop, "buy")
    assert await _live(opened(shop), "Buy a lamp.") == "died"
    shop.resumes = True
    shop.message_number = 1
    assert await opened(shop).resume("Buy a lamp.") == "Bought."
    assert [name for name, _ in shop.calls] == ["buy", "get_price", "report_outcome"]


async def test_messages_are_handed_over_from_within_a_graph(shop: Any) -> None:
    """A factory that asks for `hand_over` gets what sends a message and tells what arrives of it."""
    from langchain_core.messages import AIMessage
    from langgraph.graph import START, MessagesState, StateGraph

    def make_graph(tools: Any, hand_over: Any) -> Any:
        async def plan(state: MessagesState) -> Any:
            arrived = await hand_over("plan", {"do": state["messages"][-1].text})
            return {"messages": [AIMessage(str(arrived))]}

        return StateGraph(MessagesState).add_node(plan).add_edge(START, "plan").compile()

    assert await _connect(make_graph, shop)(shop)("Buy.") == "[{'do': 'Buy.'}]"
    assert shop.sent == [("plan", {"do": "Buy."})]
