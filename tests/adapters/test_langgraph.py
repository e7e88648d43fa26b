"""LangGraph agents as users bring them: factories, compiled graphs, builders, with memory and without."""

import asyncio
import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from agentbench import plugins
from agentbench.calls import ToolResult
from agentbench.clock import VirtualLoop
from agentbench.errors import UsageError


def _connect(target: Any, shop: Any) -> Any:
    name, adapter = plugins.adapter_for(target, "it")
    assert name == "langgraph"
    return adapter.connect(target, shop)


def _messages_graph(tools: Any, model: Any) -> Any:
    """A graph as tutorials build it, not compiled."""
    bound = model.bind_tools(tools)
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda state: {"messages": [bound.invoke(state["messages"])]})
    builder.add_node("tools", ToolNode(tools, handle_tool_errors=True))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", tools_condition)
    builder.add_edge("tools", "model")
    return builder


class Caller(BaseChatModel):
    """A user's own model: looks at the lamp's price, then says what it was told; in other turns it greets."""

    @property
    def _llm_type(self) -> str:
        return "caller"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            said = AIMessage(f"{last.text} after {sum(isinstance(each, HumanMessage) for each in messages)}")
        else:
            said = AIMessage("", tool_calls=[{"name": "get_price", "args": {"item": "lamp"}, "id": "x"}])
        return ChatResult(generations=[ChatGeneration(message=said)])


FACTORY = """
from langchain.agents import create_agent

def make_graph(tools, model):
    return create_agent(model, tools)

async def make_slowly(tools, model):
    return make_graph(tools, model)

def broken(tools):
    raise KeyError("prompt")
"""


@pytest.mark.parametrize("name", ["make_graph", "make_slowly"])
async def test_factory_in_a_file(name: str, shop: Any, tmp_path: Path) -> None:
    """A factory of a file outside of the package, sync or async, is tested without any LLM."""
    (tmp_path / "my_agent.py").write_text(FACTORY)
    session = _connect(plugins.agent(f"{tmp_path}/my_agent.py:{name}"), shop)(shop)
    assert await session("Buy a lamp.") == "Bought for 12."
    assert [called for called, _ in shop.calls] == ["get_price", "buy", "report_outcome"]
    assert shop.calls[1][1] == {"item": "lamp", "price": 12}


async def test_langgraph_json(shop: Any, tmp_path: Path) -> None:
    """A graph is found by its name in langgraph.json."""
    (tmp_path / "my_agent.py").write_text(FACTORY)
    (tmp_path / "langgraph.json").write_text(json.dumps({"graphs": {"shop": "./my_agent.py:make_graph"}}))
    session = _connect(plugins.agent(f"{tmp_path}/langgraph.json#shop"), shop)(shop)
    assert await session("Buy a lamp.") == "Bought for 12."


def test_broken_factory(shop: Any, tmp_path: Path) -> None:
    """A factory that raises, or returns what is no agent, is the user's mistake and says which."""
    (tmp_path / "my_agent.py").write_text(FACTORY)
    with pytest.raises(UsageError, match="'broken' fails: KeyError: 'prompt'"):
        _connect(plugins.agent(f"{tmp_path}/my_agent.py:broken"), shop)
    with pytest.raises(UsageError, match="returns a int"):
        _connect(lambda tools: 7, shop)


async def test_builder_and_sync_nodes(shop: Any) -> None:
    """A factory may return a StateGraph, whose sync nodes run in threads."""
    session = _connect(_messages_graph, shop)(shop)
    assert await session("Buy a lamp.") == "Bought for 12."


async def test_honest_model(shop: Any, fail: Any) -> None:
    """The model that a user's graph is given tries once more and then says what it could not do."""
    shop.results["buy"] = fail(503)
    session = _connect(_messages_graph, shop)(shop)
    assert "could not" in await session("Buy a lamp.")
    assert [called for called, _ in shop.calls] == ["get_price", "buy", "buy", "report_outcome"]
    assert shop.calls[-1][1]["status"] == "failed"


async def test_planner(shop: Any) -> None:
    """A node that asks the model without tools gets words, and the play stands still."""

    def make_graph(tools: Any, model: Any) -> Any:
        builder = _messages_graph(tools, model)
        builder.add_node("plan", lambda state: {"messages": [model.invoke("Make a plan.")]})
        builder.add_edge(START, "plan")
        return builder

    assert await _connect(make_graph, shop)(shop)("Buy a lamp.") == "Bought for 12."
    assert [called for called, _ in shop.calls] == ["get_price", "buy", "report_outcome"]


@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
def test_hand_made_tool_node(how: str, shop: Any) -> None:
    """Tools work when a sync node calls them with `invoke`, in virtual time too."""

    def make_graph(tools: Any, model: Any) -> Any:
        named, bound = {each.name: each for each in tools}, model.bind_tools(tools)
        calls_of = lambda state: state["messages"][-1].tool_calls  # noqa: E731

        def use(state: MessagesState) -> Any:
            return {"messages": [named[call["name"]].invoke(call) for call in calls_of(state)]}

        async def ause(state: MessagesState) -> Any:
            return {"messages": [await named[call["name"]].ainvoke(call) for call in calls_of(state)]}

        builder = StateGraph(MessagesState)
        builder.add_node("model", lambda state: {"messages": [bound.invoke(state["messages"])]})
        builder.add_node("tools", use if how == "invoke" else ause)
        builder.add_edge(START, "model")
        builder.add_conditional_edges("model", tools_condition)
        builder.add_edge("tools", "model")
        return builder.compile()

    async def slow(name: str, arguments: Any, *, call_id: Any = None) -> ToolResult:
        await asyncio.sleep(3600)
        return ToolResult(body={"price": 12})

    shop.call = slow
    loop = VirtualLoop()
    try:
        assert loop.run_until_complete(_connect(make_graph, shop)(shop)("Buy a lamp.")) == "Bought for 12."
        assert loop.time() == 3 * 3600
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def test_endless_graph(shop: Any) -> None:
    """A graph that goes in circles ends with LangGraph's own error."""

    def make_graph(tools: Any) -> Any:
        builder = StateGraph(MessagesState).add_node("a", lambda state: None).add_edge(START, "a")
        return builder.add_conditional_edges("a", lambda state: "a").compile()

    with pytest.raises(GraphRecursionError):
        await _connect(make_graph, shop)(shop)("hi")


async def test_history(shop: Any) -> None:
    """A graph without memory is given the whole conversation, and each trial starts anew."""
    opened = _connect(lambda tools: create_agent(Caller(), tools), shop)
    session = opened(shop)
    assert [(await session("a"))[-1], (await session("b"))[-1], (await opened(shop)("c"))[-1]] == ["1", "2", "1"]


async def test_checkpointer(shop: Any) -> None:
    """A graph with memory keeps the conversation itself, and the threads of ended trials are deleted."""
    saver = InMemorySaver()
    opened = _connect(lambda tools: create_agent(Caller(), tools, checkpointer=saver), shop)
    for number in range(5):
        shop.trial = f"t{number % 3}"
        session = opened(shop)
        assert [(await session("a"))[-1], (await session("b"))[-1]] == ["1", "2"]
        del session
        gc.collect()
        assert len(saver.storage) == 1


async def test_no_answer(shop: Any) -> None:
    """A graph that adds no AI message has said nothing, whatever it said in an earlier turn."""

    def make_graph(tools: Any) -> Any:
        def speak(state: MessagesState) -> Any:
            return {"messages": [] if len(state["messages"]) > 1 else [AIMessage([{"type": "text", "text": "Hello."}])]}

        return StateGraph(MessagesState).add_node(speak).add_edge(START, "speak").compile()

    session = _connect(make_graph, shop)(shop)
    assert [await session("a"), await session("b")] == ["Hello.", ""]


def test_finding_the_adapter_is_cheap() -> None:
    """No LangChain is imported to find out that a plain function is no graph, nor to sum up the agents."""
    code = """
import sys
from agentbench import plugins
async def agent(message, tools): ...
name, adapter = plugins.adapter_for(agent, "it")
assert name == "callable", name
for each in plugins.names("agents"):
    plugins.summary("agents", each)
    plugins.adapter_for(plugins.agent(each), each)
found = [each for each in sys.modules if each.startswith(("langgraph", "langchain", "langsmith", "httpx"))]
assert not found, found
"""
    subprocess.run([sys.executable, "-c", code], check=True)
