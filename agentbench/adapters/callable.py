"""Drives plain Python: `agent(message, tools)`, sync or async, or a factory that makes one for each trial.

Invariant: a factory is called once for each trial, so that nothing an agent keeps reaches another trial.
"""

import asyncio
import difflib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentbench import clock
from agentbench.abc import AgentContext, Remembered, Session, Tools
from agentbench.calls import ToolResult, ToolSpec
from agentbench.errors import UsageError

_REPORT = "report_outcome"
_REMEDY = "write 'async def agent(message, tools)'; it may also take 'history' and 'context'"


class ToolBox:
    """The tools as a Python agent holds them.

    `await tools.transfer(source=…)` and `await tools("transfer", source=…)` return the reply's body, or raise what
    a client of such an API raises: `ToolError` (`status`, `body`, `headers`), `TimeoutError`, `ConnectionError`.
    `await tools.result(name, arguments)` returns the whole reply and raises none of these.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The tools there are, with their descriptions and JSON schemas."""
        return self._tools.specs

    async def result(self, name: str, arguments: Mapping[str, Any], *, call_id: str | None = None) -> ToolResult:
        """Call a tool; the reply with status and headers, whatever it is. `call_id` is that of the model's request."""
        return await self._tools.call(name, arguments, call_id=call_id)

    async def __call__(self, name: str, /, **arguments: Any) -> Any:
        """Call a tool by name."""
        return (await self._tools.call(name, arguments)).unwrap()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return functools.partial(self, _known(name, self._tools.specs))


class SyncToolBox:
    """The same tools for a sync agent, which runs in a thread: `tools.transfer(source=…)` returns the body."""

    def __init__(self, tools: Tools, loop: asyncio.AbstractEventLoop) -> None:
        self._tools = tools
        self._loop = loop

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The tools there are, with their descriptions and JSON schemas."""
        return self._tools.specs

    def result(self, name: str, arguments: Mapping[str, Any], *, call_id: str | None = None) -> ToolResult:
        """Call a tool; the reply with status and headers, whatever it is. `call_id` is that of the model's request."""

        async def called() -> ToolResult:
            return await self._tools.call(name, arguments, call_id=call_id)

        return clock.call_from_thread(self._loop, called())

    def __call__(self, name: str, /, **arguments: Any) -> Any:
        """Call a tool by name."""
        return self.result(name, arguments).unwrap()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return functools.partial(self, _known(name, self._tools.specs))


class CallableAdapter:
    """Adapter of plain callables, and of factories and classes whose result is one."""

    order = 90  # after those that know what they are looking for

    def accepts(self, target: Any) -> bool:
        """Any callable."""
        return callable(target)

    def connect(self, target: Any, tools: Tools) -> Callable[[AgentContext], Session]:
        """Check the signature; a factory is called with `tools` and `context`, as far as it takes them."""
        if _is_factory(target):
            make = target
        else:
            _check_agent(target)

            def make() -> Any:
                return target

        wanted = _accepted(make)
        known = None if make is target else _accepted(target)

        def opened(ctx: AgentContext) -> Session:
            given = {"tools": ToolBox(tools), "context": ctx}
            return _Conversation(lambda: make(**_chosen(given, wanted)), tools, ctx, known)

        return opened


class _Conversation:
    """One trial with a plain agent; `accepted` are the names that it takes, None when only its factory knows."""

    def __init__(
        self, make: Callable[[], Any], tools: Tools, ctx: AgentContext, accepted: frozenset[str] | None
    ) -> None:
        self._accepted = accepted
        self._make = make
        self._tools = tools
        self._ctx = ctx
        self._agent: Any = None
        self._history: list[dict[str, str]] = []
        for spoken in ctx.transcript:  # what an earlier process of the agent's is known to have said
            self._history += _turn(spoken.message, spoken.answer)

    @property
    def history(self) -> "_History | None":
        """The messages that the agent is given; None if it takes none, and keeps what it remembers to itself."""
        wanted = _accepted(self._agent) if self._accepted is None else self._accepted
        return _History(self._history) if wanted & {"history", "*"} else None

    async def __call__(self, message: str) -> str:
        if self._agent is None:
            made = self._make()
            self._agent = await made if inspect.isawaitable(made) else made
        said = await self._ask(message)
        answer = await self._forwarded(said)
        self._history += _turn(message, answer)
        return answer

    async def _ask(self, message: str) -> Any:
        agent = self._agent
        given = {"history": list(self._history), "context": self._ctx}
        wanted = _accepted(agent) if self._accepted is None else self._accepted
        if _is_async(agent):
            return await agent(message, **_chosen({"tools": ToolBox(self._tools), **given}, wanted))
        box = SyncToolBox(self._tools, asyncio.get_running_loop())
        said = await asyncio.to_thread(agent, message, **_chosen({"tools": box, **given}, wanted))
        return await said if inspect.isawaitable(said) else said

    async def _forwarded(self, said: Any) -> str:
        """The answer's text; a claim is reported first."""
        if said is None or isinstance(said, str):
            return said or ""
        claim = {name: _part(said, name) for name in ("status", "summary", "missing")}
        if claim["status"] is None:
            kind = type(said).__name__
            raise TypeError(f"an agent returns str, None or a claim with 'status', 'summary', 'missing'; got {kind}")
        given = {name: value for name, value in claim.items() if value is not None}
        (await self._tools.call(_REPORT, given)).unwrap()
        return str(_part(said, "answer") or claim["summary"] or "")


class _History:
    """What an agent remembers if it goes by the history that it is given; its changes are those of the list."""

    def __init__(self, messages: list[dict[str, str]]) -> None:
        self._messages = messages

    async def read(self) -> list[Remembered]:
        """The entries, the oldest first."""
        return [
            Remembered(role="user" if each["role"] == "user" else "agent", text=each["content"])
            for each in self._messages
        ]

    async def keep(self, places: Sequence[int]) -> None:
        """Forget all but these."""
        self._messages[:] = [self._messages[place] for place in places]

    async def save(self) -> Any:
        """A copy."""
        return list(self._messages)

    async def restore(self, saved: Any) -> None:
        """Go back to a copy."""
        self._messages[:] = saved or ()


def _turn(message: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": message}, {"role": "assistant", "content": answer}]


def _part(claim: Any, name: str) -> Any:
    return claim.get(name) if isinstance(claim, Mapping) else getattr(claim, name, None)


def _known(name: str, specs: Sequence[ToolSpec]) -> str:
    names = [spec.name for spec in specs]
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        raise AttributeError(f"there is no tool '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))
    return name


def _parameters(target: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(target).parameters
    except (TypeError, ValueError):
        return {}  # a builtin that does not tell


def _accepted(target: Any) -> frozenset[str]:
    """The names that may be given to a callable; `*` when it takes any."""
    parameters = _parameters(target).values()
    names = {each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    return frozenset(names | {"*" for each in parameters if each.kind is each.VAR_KEYWORD})


def _chosen(given: dict[str, Any], wanted: frozenset[str]) -> dict[str, Any]:
    return given if "*" in wanted else {name: value for name, value in given.items() if name in wanted}


def _is_factory(target: Any) -> bool:
    """Whether it makes an agent rather than being one: it takes no message."""
    parameters = list(_parameters(target).values())
    return inspect.isclass(target) or not parameters or parameters[0].name in {"tools", "context"}


def _check_agent(target: Any) -> None:
    required = [
        each.name
        for each in _parameters(target).values()
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    unknown = [name for name in required[1:] if name not in {"tools", "history", "context"}]
    if unknown:
        raise UsageError(f"the agent wants a parameter '{unknown[0]}' that nobody gives it", remedy=_REMEDY)


def _is_async(target: Any) -> bool:
    while isinstance(target, functools.partial):
        target = target.func
    call = getattr(target, "__call__", None)  # noqa: B004 - the method is wanted, not whether there is one
    return inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(call)


adapter = CallableAdapter()
