"""Tools as LangChain sees them: their errors, the calls of models around them, and graphs that bring their own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, TypedDict

import httpx
import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode, tools_condition
from langgraph.types import default_retry_on

from agentbench import plugins
from agentbench.calls import ToolError, ToolResult
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


@tool
def get_price(item: str, state: Annotated[Any, InjectedState]) -> str:
    """The user's own tool."""
    return "own"


async def _error(shop: Any) -> Exception:
    """What `buy` raises in an agent's hands."""

    def make_graph(tools: Any) -> Any:
        async def use(state: MessagesState) -> Any:
            await tools[1].ainvoke({"item": "lamp"})

        return StateGraph(MessagesState).add_node(use).add_edge(START, "use").compile()

    with pytest.raises(Exception, match=r".") as caught:
        await _connect(make_graph, shop)(shop)("hi")
    return caught.value


@pytest.mark.parametrize(("status", "retried"), [(503, True), (500, True), (429, False), (404, False)])
async def test_http_errors(status: int, retried: bool, shop: Any, fail: Any) -> None:
    """An HTTP error is ours and httpx's at once: LangGraph retries 5xx alone, and it shows nothing of a testbed."""
    shop.results["buy"] = fail(status, **{"Retry-After": "3", "Content-Length": "9", "Content-Encoding": "gzip"})
    error = await _error(shop)
    assert isinstance(error, ToolError)
    assert isinstance(error, httpx.HTTPStatusError)
    assert str(error) == f"HTTP {status}: trouble: Not now. (Retry-After: 3)"
    assert error.response.json() == {"error": {"code": "trouble", "message": "Not now."}}
    assert error.response.headers["retry-after"] == "3"
    assert str(error.request.url) == "https://api.shop.example/v1/buy"
    assert default_retry_on(error) is retried
    assert "agentbench" not in f"{error!r} {type(error)} {error.request!r} {error.response!r}"


@pytest.mark.parametrize(("failure", "kind", "retried"), [
    ("timeout", TimeoutError, False), ("refused", ConnectionRefusedError, True), ("reset", ConnectionResetError, True),
])  # fmt: skip
async def test_lost_connections(failure: Any, kind: type[Exception], retried: bool, shop: Any) -> None:
    """A call without a reply raises the standard exception, of which LangGraph does not retry the timeout."""
    shop.results["buy"] = ToolResult(status=None, failure=failure)
    error = await _error(shop)
    assert type(error) is kind
    assert default_retry_on(error) is retried


async def test_model_calls(shop: Any) -> None:
    """Calls of a user's own model are entered too, and so are those that fail."""

    class Failing(Caller):
        def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
            raise ConnectionError("no model")

    session = _connect(lambda tools: create_agent(Caller(), tools), shop)(shop)
    assert await session("hi") == '{"price": 12} after 1'
    assert [(each["model"], each["input_tokens"], each["error"]) for each in shop.models] == [
        ("Caller", None, None)
    ] * 2
    with pytest.raises(ConnectionError):
        await _connect(lambda tools: create_agent(Failing(), tools), shop)(shop)("hi")
    assert shop.models[-1]["error"] == "ConnectionError"


async def test_model_calls_anywhere(shop: Any) -> None:
    """A model is heard in a chain, streamed, and in a thread that knows nothing of the trial; not after the answer."""
    model = Caller()

    async def everywhere(state: MessagesState) -> Any:
        await (RunnableLambda(lambda said: said) | model).ainvoke(state["messages"])
        async for _part in model.astream(state["messages"]):
            pass
        with ThreadPoolExecutor(1) as threads:
            await asyncio.wrap_future(threads.submit(model.invoke, state["messages"]))
        return {"messages": [AIMessage("done")]}

    graph = StateGraph(MessagesState).add_node(everywhere).add_edge(START, "everywhere")
    assert await _connect(lambda tools: graph, shop)(shop)("hi") == "done"
    assert len(shop.models) == 3
    model.invoke("hi")
    assert len(shop.models) == 3


async def test_our_model_beside_another(shop: Any) -> None:
    """The scripted model tells of its calls, another model beside it is heard, and each call is entered once."""

    def make_graph(tools: Any, model: Any) -> Any:
        async def act(state: MessagesState) -> Any:
            thought = await Caller().ainvoke(state["messages"])
            spoken = await model.bind_tools(tools).ainvoke(state["messages"])
            await asyncio.to_thread(model.bind_tools(tools).invoke, state["messages"])
            return {"messages": [AIMessage(f"{len(thought.tool_calls)}, {len(spoken.tool_calls)}")]}

        return StateGraph(MessagesState).add_node(act).add_edge(START, "act")

    assert await _connect(make_graph, shop)(shop)("hi") == "1, 1"
    assert [each["model"] for each in shop.models] == ["Caller", "scripted", "scripted"]
    assert [each["input_tokens"] is None for each in shop.models] == [True, False, False]


async def test_nodes_have_no_listener(shop: Any) -> None:
    """What listens to models is not told of every node and tool: nodes hand down no handlers but the user's own."""
    seen: list[Any] = []

    async def look(state: MessagesState, config: RunnableConfig) -> Any:
        callbacks: Any = config["callbacks"]
        seen.extend([*callbacks.handlers, *callbacks.inheritable_handlers])
        return {"messages": [await Caller().ainvoke(state["messages"], config)]}

    graph = StateGraph(MessagesState).add_node(look).add_edge(START, "look")
    await _connect(lambda tools: graph, shop)(shop)("hi")
    assert len(shop.models) == 1
    assert seen == []


async def test_tools_want_no_config(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """LangChain need not look through the functions behind our tools for what they want, in a thread or not."""
    monkeypatch.setattr("langchain_core.tools.structured._get_runnable_config_param", pytest.fail)
    answers: list[Any] = []

    def make_graph(tools: Any) -> Any:
        async def use(state: MessagesState) -> Any:
            answers.append(await tools[0].ainvoke({"item": "lamp"}))
            answers.append(await asyncio.to_thread(tools[0].invoke, {"item": "lamp"}))

        return StateGraph(MessagesState).add_node(use).add_edge(START, "use").compile()

    await _connect(make_graph, shop)(shop)("hi")
    assert answers == ['{"price": 12}'] * 2


async def test_blocking_call_on_the_loop(shop: Any) -> None:
    """A tool that is invoked synchronously on the event loop says so instead of hanging for ever."""

    def make_graph(tools: Any) -> Any:
        async def use(state: MessagesState) -> Any:
            return tools[0].invoke({"item": "lamp"})

        return StateGraph(MessagesState).add_node(use).add_edge(START, "use").compile()

    with pytest.raises(RuntimeError, match="use ainvoke"):
        await _connect(make_graph, shop)(shop)("hi")


async def test_langsmith_is_off(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says about LangSmith does not matter: nothing is sent."""
    from langsmith.utils import get_env_var, tracing_is_enabled

    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    get_env_var.cache_clear()
    seen = []

    def make_graph(tools: Any) -> Any:
        def look(state: MessagesState) -> Any:
            seen.append(tracing_is_enabled())

        return StateGraph(MessagesState).add_node(look).add_edge(START, "look").compile()

    try:
        assert tracing_is_enabled() is True
        await _connect(make_graph, shop)(shop)("hi")
    finally:
        monkeypatch.undo()
        get_env_var.cache_clear()
    assert seen == [False]


@pytest.mark.parametrize("form", ["compiled", "builder", "subgraph", "factory"])
async def test_shadowing(form: str, shop: Any) -> None:
    """In a graph that brings its tools, those with our names are ours, and the user's graph stays as it was."""
    graph: Any = create_agent(Caller(), [get_price])
    if form == "builder":
        graph = _messages_graph([get_price], Caller())
    if form == "subgraph":
        graph = StateGraph(MessagesState).add_node("inner", graph).add_edge(START, "inner").compile()
    session = _connect((lambda: graph) if form == "factory" else graph, shop)(shop)
    assert await session("hi") == '{"price": 12} after 1'
    assert shop.calls == [("get_price", {"item": "lamp"})]
    whole = graph.compile() if form == "builder" else graph
    assert (await whole.ainvoke({"messages": ["hi"]}))["messages"][-1].text == "own after 1"


def test_nothing_to_shadow(shop: Any) -> None:
    """A graph whose tools cannot be replaced is refused, with what to write instead."""

    @tool
    def sing(song: str) -> str:
        """Sing."""
        return "la"

    class Other(TypedDict):
        text: str

    bare = StateGraph(MessagesState).add_node("a", lambda state: None).add_edge(START, "a")
    with pytest.raises(UsageError, match="no ToolNode") as refused:
        _connect(bare.compile(), shop)
    assert "make_graph(tools)" in refused.value.remedy
    with pytest.raises(UsageError, match="named like one of these: get_price"):
        _connect(create_agent(Caller(), [sing]), shop)
    with pytest.raises(UsageError, match="does not compile"):
        _connect(StateGraph(MessagesState), shop)
    other = StateGraph(Other).add_node("a", lambda state: None).add_edge(START, "a")
    with pytest.raises(UsageError, match="no 'messages'"):
        _connect(lambda tools: other, shop)
