"""The parts of the LangGraph adapter that need LangChain: tools, errors, the recorder of model calls, shadowing.

Invariant: nothing here tells an agent that its tools are a testbed's; an error looks like that of any HTTP client.
"""

import asyncio
import copy
import json
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, cast
from uuid import UUID

import httpx
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.tracers.context import register_configure_hook
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel
from langsmith import tracing_context

from agentbench import clock
from agentbench.abc import AgentContext, Tools
from agentbench.agents._model import is_unheard, unheard
from agentbench.calls import Spoken, ToolError, ToolResult, ToolSpec, error_text


class ToolHTTPError(ToolError, httpx.HTTPStatusError):
    """An HTTP error as a client made of httpx raises it, so that retry policies that know httpx see its status."""

    def __init__(self, result: ToolResult, request: httpx.Request) -> None:
        self.status = result.status or 0
        self.body = result.body
        self.headers = dict(result.headers)
        text = result.body if isinstance(result.body, str) else json.dumps(result.body, ensure_ascii=False)
        # Lengths and encodings are those of this body, whatever the headers say.
        self.response = httpx.Response(self.status, content=text.encode("utf-8", "replace"), request=request)
        self.response.headers.update(self.headers)
        self.request = request
        after = self.response.headers.get("Retry-After")
        said = f"HTTP {self.status}: {error_text(self.body)}"
        Exception.__init__(self, said if after is None else f"{said} (Retry-After: {after})")


# What an agent may print of an error is its class, and that is an HTTP client's.
ToolHTTPError.__module__ = httpx.HTTPStatusError.__module__


class ToolKit:
    """The tools as LangChain tools, made once; they reach whichever trial is running."""

    def __init__(self, tools: Tools) -> None:
        self.specs = tools.specs
        self.loop: asyncio.AbstractEventLoop | None = (
            None  # where the trial runs, for tools that are called in a thread
        )
        self.context: AgentContext | None = None  # of the trial that runs
        self._source = tools
        self._host = getattr(tools, "host", "api.example")
        self.tools: list[BaseTool] = [self._tool(spec) for spec in tools.specs]

    def _tool(self, spec: ToolSpec) -> BaseTool:
        async def call(arguments: dict[str, Any], request: str | None) -> str:
            result = await self._source.call(spec.name, arguments, call_id=request)
            if result.failure is None and not result.ok:
                url = f"https://{self._host}/v1/{spec.name}"
                raise ToolHTTPError(result, httpx.Request("POST" if spec.effect == "write" else "GET", url))
            return json.dumps(result.unwrap(), ensure_ascii=False)

        async def run(**arguments: Any) -> str:
            return await call(arguments, _request.get())

        def run_in_thread(**arguments: Any) -> str:
            return self._from_thread(call(arguments, _request.get()))

        return _ApiTool(
            name=spec.name,
            description=spec.description,
            args_schema=dict(spec.parameters),
            coroutine=run,
            func=run_in_thread,
        )

    async def hand_over(self, channel: str, content: Any) -> list[Any]:
        """Send a message from one agent of the graph to another; returns what arrives of it."""
        if self.context is None:
            raise RuntimeError("a message was handed over before the conversation began")
        return await self.context.hand_over(channel, content)

    def _from_thread(self, call: Coroutine[Any, Any, str]) -> str:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if self.loop is not None:
                return clock.call_from_thread(self.loop, call)
            call.close()
            raise RuntimeError("the tool was called before the conversation began") from None
        call.close()
        raise RuntimeError("the tool was called with invoke() on the event loop; use ainvoke() in an async node")


# The id under which the model asked for the call that is being made here.
_request: ContextVar[str | None] = ContextVar("request", default=None)


class _ApiTool(StructuredTool):
    """A structured tool whose functions take nothing but what the model sends.

    LangChain looks for a parameter that wants its `config`, and evaluates annotations to find it, at every call of
    `_arun` and of the function behind it. Here the first look finds none, and there is no second one.
    """

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        token = _request.set(_id_of(input))
        try:
            return super().invoke(input, config, **kwargs)
        finally:
            _request.reset(token)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        token = _request.set(_id_of(input))
        try:
            return await super().ainvoke(input, config, **kwargs)
        finally:
            _request.reset(token)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """As any tool's, but no model is called behind it."""
        with unheard():
            return super().run(*args, **kwargs)

    async def arun(self, *args: Any, **kwargs: Any) -> Any:
        """As `run`."""
        with unheard():
            return await super().arun(*args, **kwargs)

    def _run(self, *args: Any, **arguments: Any) -> Any:
        assert self.func is not None
        return self.func(*args, **arguments)

    async def _arun(self, *args: Any, **arguments: Any) -> Any:
        assert self.coroutine is not None
        return await self.coroutine(*args, **arguments)


def _id_of(call: Any) -> str | None:
    """The id of a tool call as a model makes it; None for bare arguments."""
    found = call.get("id") if isinstance(call, dict) and call.get("type") == "tool_call" else None
    return found if isinstance(found, str) else None


class Recorder(BaseCallbackHandler):
    """Enters each call of a graph's own chat models into the trial's record.

    It is not handed down through the graph, where every node would tell it of its beginning and its end; see
    `recorded`.
    """

    run_inline = True  # in the order in which it happens
    ignore_chain = True
    ignore_agent = True
    ignore_retriever = True
    ignore_custom_event = True
    ignore_retry = True

    def __init__(self, ctx: AgentContext) -> None:
        self._ctx = ctx
        self._open: dict[UUID, tuple[float, str]] = {}

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Note the start."""
        self._start(serialized, run_id, kwargs)

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], *, run_id: UUID, **kwargs: Any) -> None:
        """Note the start of a completion model."""
        self._start(serialized, run_id, kwargs)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Enter a call that was answered."""
        first = response.generations[0][0] if response.generations and response.generations[0] else None
        message = first.message if isinstance(first, ChatGeneration) else None
        usage = getattr(message, "usage_metadata", None) or {}
        known = {**(response.llm_output or {}), **getattr(message, "response_metadata", {})}
        self._end(run_id, known.get("model_name"), usage.get("input_tokens"), usage.get("output_tokens"), None)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Enter a call that failed."""
        self._end(run_id, None, None, None, type(error).__name__)

    def _start(self, serialized: dict[str, Any] | None, run_id: UUID, known: dict[str, Any]) -> None:
        name = (known.get("metadata") or {}).get("ls_model_name") or (serialized or {}).get("name") or "unknown"
        self._open[run_id] = (self._ctx.now_s(), str(name))

    def _end(self, run_id: UUID, name: Any, read: int | None, written: int | None, error: str | None) -> None:
        started_s, guessed = self._open.pop(run_id, (self._ctx.now_s(), "unknown"))
        self._ctx.model_called(
            model=str(name or guessed), started_s=started_s, input_tokens=read, output_tokens=written, error=error
        )


_USER = "user_"  # begins the ids of what the user says


class _Listening:
    """The recorder of the trial that this process is at; a model that is called in a thread has no context to ask."""

    recorder: Recorder | None = None

    def get(self) -> Recorder | None:
        """What a `ContextVar` would answer."""
        return None if is_unheard() else self.recorder


_listening = _Listening()
# LangChain asks it for a handler when a run begins that may have handlers of its own: of a model, a tool, a graph.
register_configure_hook(cast("ContextVar[Any]", _listening), inheritable=False)


@contextmanager
def recorded(recorder: Recorder) -> Iterator[None]:
    """While it lasts, calls of chat models are entered by the recorder, wherever in a graph they are made."""
    _listening.recorder = recorder
    try:
        yield
    finally:
        _listening.recorder = None


def user_message(text: str, turn: int, number: int) -> HumanMessage:
    """What the user says, with an id that is always the same; `number` is the chat's."""
    return HumanMessage(text, id=f"{_USER}{turn}", additional_kwargs={"message_number": number})


def turns_of(messages: Sequence[BaseMessage]) -> int:
    """The first turn whose message none of these is."""
    ids = [each.id.removeprefix(_USER) for each in messages if each.id and each.id.startswith(_USER)]
    return max((int(each) + 1 for each in ids if each.isdecimal()), default=0)


def last_said(messages: Sequence[BaseMessage]) -> HumanMessage | None:
    """The last message of the user's."""
    return next((each for each in reversed(messages) if isinstance(each, HumanMessage) and
                 (each.id or "").startswith(_USER)), None)  # fmt: skip


def transcribed(transcript: Sequence[Spoken]) -> list[BaseMessage]:
    """What a chat keeps of a conversation, as messages."""
    messages: list[BaseMessage] = []
    for turn, (number, message, answer) in enumerate(transcript):
        messages += [user_message(message, turn, number), AIMessage(answer, id=f"answer_{turn}")]
    return messages


def answer_to(said: HumanMessage, messages: Sequence[BaseMessage]) -> str:
    """The text of the last AI message after what the user said; empty when there is none."""
    for message in reversed(messages):
        if isinstance(message, AIMessage):
            return str(message.text)
        if message.id == said.id:
            break
    return ""


def untraced() -> AbstractContextManager[None]:
    """Nothing inside is sent to LangSmith, whatever the process's environment says."""
    return tracing_context(enabled=False)


# -- shadowing -------------------------------------------------------------------------------------------


def shadowed(graph: Any, kit: ToolKit) -> tuple[Any, set[str], int]:
    """A copy of a compiled graph whose tool nodes use our tools in place of those with the same names.

    Returns it with the names that were replaced and the number of tool nodes. Experimental: it relies on how
    LangGraph 1.x keeps a tool node inside a graph. The model goes on to see the graph's own descriptions.
    """
    shadow = _Shadow({tool.name: tool for tool in kit.tools})
    return shadow.of(graph), shadow.names, shadow.found


class _Shadow:
    def __init__(self, tools: dict[str, BaseTool]) -> None:
        self.tools = tools
        self.names: set[str] = set()
        self.found = 0

    def of(self, runnable: Any) -> Any:
        if isinstance(runnable, ToolNode):
            return self._of_tool_node(runnable)
        if isinstance(runnable, Pregel):
            nodes = {
                name: node.copy({"bound": self.of(node.bound), "subgraphs": None})
                for name, node in runnable.nodes.items()
            }
            return runnable.copy({"nodes": nodes})
        return runnable

    def _of_tool_node(self, node: ToolNode) -> ToolNode:
        self.found += 1
        names = self.tools.keys() & node.tools_by_name.keys()
        self.names |= names
        made = copy.copy(node)
        made._tools_by_name = {**node.tools_by_name, **{name: self.tools[name] for name in names}}
        # Ours take nothing but what the model sends: no state, no store.
        made._injected_args = {name: each for name, each in node._injected_args.items() if name not in names}
        made.func, made.afunc = made._func, made._afunc  # a copy still has the original's methods
        return made
