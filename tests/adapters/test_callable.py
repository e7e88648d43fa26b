"""Plain Python agents: sync and async functions, objects, classes and factories."""

import functools
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from agentbench import plugins
from agentbench.adapters.callable import adapter
from agentbench.calls import ToolError, ToolResult
from agentbench.clock import VirtualLoop
from agentbench.errors import UsageError


async def _talk(target: Any, shop: Any, *messages: str) -> list[str]:
    name, chosen = plugins.adapter_for(target, "it")
    assert name == "callable"
    session = chosen.connect(target, shop)(shop)
    return [await session(message) for message in messages]


async def test_async_function(shop: Any) -> None:
    """An async function gets the message and tools that are called by name or as methods."""

    async def agent(message: str, tools: Any) -> str:
        price = await tools.get_price(item=message)
        await tools("buy", item=message, name="for me")
        return f"{price['price']} of {len(tools.specs)}"

    assert await _talk(agent, shop, "lamp") == ["12 of 3"]
    assert shop.calls == [("get_price", {"item": "lamp"}), ("buy", {"item": "lamp", "name": "for me"})]


async def test_history_and_context(shop: Any) -> None:
    """An agent that asks for them gets the earlier turns and the trial's context."""
    seen = []

    async def agent(message: str, *, history: list[dict[str, str]], context: Any) -> str:
        seen.append(list(history))
        history.clear()
        return f"{context.trial}: {message}"

    assert await _talk(agent, shop, "a", "b") == ["t1: a", "t1: b"]
    assert seen == [[], [{"role": "user", "content": "a"}, {"role": "assistant", "content": "t1: a"}]]


def test_sync_function(shop: Any) -> None:
    """A sync function runs in a thread, and its tools answer it there while virtual time goes on."""
    threads = set()

    async def slow(name: str, arguments: Any, *, call_id: Any = None) -> ToolResult:
        import asyncio

        await asyncio.sleep(3600)
        return ToolResult(body=loop.time())

    shop.call = slow

    def agent(message: str, tools: Any) -> str:
        threads.add(threading.current_thread())
        return f"{tools.get_price(item='lamp')} {tools('buy')} {tools.specs[1].name}"

    loop = VirtualLoop()
    try:
        assert loop.run_until_complete(_talk(agent, shop, "hi")) == ["3600.0 7200.0 buy"]
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
    assert threading.main_thread() not in threads


@pytest.mark.parametrize("sync", [False, True])
async def test_errors(sync: bool, shop: Any, fail: Any) -> None:
    """A tool that fails raises what a client raises, and the agent may look at status and headers."""
    shop.results["buy"] = fail(429, **{"Retry-After": "3"})
    shop.results["get_price"] = ToolResult(status=None, failure="timeout")

    def told(error: ToolError) -> str:
        return f"{error.status} {error.headers['Retry-After']} {error}"

    async def patient(message: str, tools: Any) -> str:
        with pytest.raises(TimeoutError):
            await tools.get_price()
        with pytest.raises(ToolError) as caught:
            await tools.buy()
        assert (await tools.result("buy", {})).status == 429
        return told(caught.value)

    def blocking(message: str, tools: Any) -> str:
        with pytest.raises(TimeoutError):
            tools.get_price()
        with pytest.raises(ToolError) as caught:
            tools.buy()
        assert tools.result("buy", {}).status == 429
        return told(caught.value)

    assert await _talk(blocking if sync else patient, shop, "hi") == ["429 3 HTTP 429: trouble: Not now."]


async def test_unknown_tool(shop: Any) -> None:
    """A misspelt tool is an AttributeError that says what is near; by name it is the environment's to refuse."""

    async def agent(message: str, tools: Any) -> None:
        await tools.get_prise()

    with pytest.raises(AttributeError, match="did you mean 'get_price'"):
        await _talk(agent, shop, "hi")


@pytest.mark.parametrize("claim", [
    {"status": "partial", "summary": "No lamp.", "missing": ["lamp"]},
    SimpleNamespace(status="partial", summary="No lamp.", missing=["lamp"]),
])  # fmt: skip
async def test_claim(claim: Any, shop: Any) -> None:
    """A claim that is returned is reported, and its summary is the answer."""

    async def agent(message: str) -> Any:
        return claim

    assert await _talk(agent, shop, "hi") == ["No lamp."]
    assert shop.calls == [("report_outcome", {"status": "partial", "summary": "No lamp.", "missing": ["lamp"]})]


async def test_claim_with_answer(shop: Any) -> None:
    """A claim may bring its answer with it."""
    assert await _talk(lambda message: {"status": "done", "answer": "There."}, shop, "hi") == ["There."]


async def test_wrong_claim(shop: Any, fail: Any) -> None:
    """A claim that is refused, or something that is none, is the agent's own error."""
    shop.results["report_outcome"] = fail(422)
    with pytest.raises(ToolError):
        await _talk(lambda message: {"status": "perfect"}, shop, "hi")
    with pytest.raises(TypeError, match="got int"):
        await _talk(lambda message: 7, shop, "hi")


async def test_nothing(shop: Any) -> None:
    """An agent that returns nothing has said nothing."""
    assert await _talk(lambda message: None, shop, "hi") == [""]


async def test_class_per_trial(shop: Any) -> None:
    """A class is instantiated for each trial, so that nothing stays from one to the next."""

    class Agent:
        def __init__(self, tools: Any) -> None:
            self.tools = tools
            self.heard: list[str] = []

        async def __call__(self, message: str) -> str:
            await self.tools.buy(item=message)
            self.heard.append(message)
            return ",".join(self.heard)

    opened = adapter.connect(Agent, shop)
    first = opened(shop)
    assert [await first("a"), await first("b")] == ["a", "a,b"]
    assert await opened(shop)("c") == "c"


async def test_object_and_partial(shop: Any) -> None:
    """An object with an async `__call__`, and a partial of an async function, are awaited."""

    class Agent:
        async def __call__(self, message: str, tools: Any) -> str:
            return message

    async def agent(prefix: str, message: str) -> str:
        return prefix + message

    assert await _talk(Agent(), shop, "a") == ["a"]
    assert await _talk(functools.partial(agent, "b"), shop, "c") == ["bc"]


async def test_factory(shop: Any) -> None:
    """`make_agent(tools)` that returns a function is no graph factory, and gets tools that can be awaited."""
    made = []

    def make_agent(tools: Any) -> Any:
        made.append(tools)

        async def agent(message: str) -> str:
            return str((await tools.get_price(item=message))["price"])

        return agent

    name, chosen = plugins.adapter_for(make_agent, "it")
    assert name == "langgraph"  # it looks like a graph factory until it is called
    opened = chosen.connect(make_agent, shop)
    assert await opened(shop)("lamp") == "12"
    assert await opened(shop)("lamp") == "12"
    assert made[-1] is not made[-2]


def test_wrong_parameter(shop: Any) -> None:
    """A parameter that nobody fills is named before any trial runs."""

    async def agent(message: str, toolz: Any) -> str:
        return ""

    with pytest.raises(UsageError, match="'toolz'"):
        adapter.connect(agent, shop)
