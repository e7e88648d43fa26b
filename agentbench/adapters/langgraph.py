"""Drives LangGraph: a compiled graph, a `StateGraph`, or a factory `make_graph(tools)` or `make_graph(tools, model)`.

Invariant: a graph is built once for each set of tools, and keeps nothing of a trial when the next one begins.
"""

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agentbench.abc import AgentContext, Session, Tools
from agentbench.errors import UsageError

if TYPE_CHECKING:
    from agentbench.adapters._langchain import ToolKit

_REMEDY = "write a factory 'def make_graph(tools)' that builds the graph with the tools it is given"
_GIVEN = {"tools", "model", "config", "hand_over"}


class LangGraphAdapter:
    """Adapter of everything that becomes a LangGraph graph."""

    order = 10

    def accepts(self, target: Any) -> bool:
        """Whether it is a graph, or a function that wants nothing but `tools`, `model`, `config` and `hand_over`."""
        if _is_graph(target) or _is_builder(target):
            return True
        if inspect.isclass(target) or not callable(target):
            return False
        try:
            parameters = inspect.signature(target).parameters.values()
        except (TypeError, ValueError):
            return False
        required = {each.name for each in parameters if each.default is each.empty}
        return required <= _GIVEN and (bool(required) or len(parameters) == 0)

    def connect(self, target: Any, tools: Tools) -> Callable[[AgentContext], Session]:
        """Build the graph; what a factory makes that is no graph is left to the adapter of plain callables."""
        from agentbench.adapters._conversation import Cast, opener
        from agentbench.adapters._langchain import ToolKit
        from agentbench.agents._model import ScriptedModel
        from agentbench.agents._policy import HONEST, Policy

        kit = ToolKit(tools)
        if _is_graph(target) or _is_builder(target):
            graph = _shadowed(_compiled(target), kit)
            _check_messages(graph)
            return opener(graph, kit, None)
        model = ScriptedModel()
        made, took = _made(target, kit, model)
        if not (_is_graph(made) or _is_builder(made)):
            return _plain(target, made, tools)
        graph = _compiled(made)
        if "tools" not in took:
            graph = _shadowed(graph, kit)
        policy = getattr(target, "policy", None)
        cast = Cast(model, policy if isinstance(policy, Policy) else HONEST) if "model" in took else None
        _check_messages(graph)
        return opener(graph, kit, cast)


# -- from a target to a graph ----------------------------------------------------------------------------


def _named(target: Any, *names: str) -> bool:
    """Whether it is of a LangGraph class of one of these names, told without importing LangGraph."""
    return any(each.__name__ in names and each.__module__.startswith("langgraph") for each in type(target).__mro__)


def _is_graph(target: Any) -> bool:
    return _named(target, "Pregel")


def _is_builder(target: Any) -> bool:
    return _named(target, "StateGraph")


def _compiled(graph: Any) -> Any:
    if _is_graph(graph):
        return graph
    try:
        return graph.compile()
    except Exception as error:
        raise UsageError(f"the graph does not compile: {error}") from error


def _made(target: Any, kit: "ToolKit", model: Any) -> tuple[Any, set[str]]:
    """What a factory makes, and which of its parameters it was given."""
    parameters = inspect.signature(target).parameters
    given = {
        "tools": list(kit.tools),
        "model": model,
        "config": {"configurable": {}},
        "hand_over": kit.hand_over,
    }
    chosen = {name: value for name, value in given.items() if name in parameters}
    name = getattr(target, "__name__", type(target).__name__)
    try:
        made = target(**chosen)
        if inspect.isawaitable(made):
            made = _awaited(made)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"the factory '{name}' fails: {type(error).__name__}: {error}") from error
    return made, set(chosen)


def _awaited(made: Any) -> Any:
    """The result of an async factory; in a thread, because a loop may be running or waiting in this one."""
    result: list[Any] = []

    async def wait() -> Any:
        return await made

    def run() -> None:
        try:
            result.append((asyncio.run(wait()), None))
        except Exception as error:  # noqa: BLE001 - handed to the caller's thread
            result.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = result[0]
    if error is not None:
        raise error
    return value


def _plain(target: Any, made: Any, tools: Tools) -> Callable[[AgentContext], Session]:
    from agentbench.adapters.callable import adapter as callables

    if not callable(made):
        name = getattr(target, "__name__", type(target).__name__)
        raise UsageError(
            f"the factory '{name}' returns a {type(made).__name__}, not a graph",
            remedy="return a compiled graph, a StateGraph or a callable 'agent(message, tools)'",
        )
    return callables.connect(target, tools)


def _shadowed(graph: Any, kit: "ToolKit") -> Any:
    from agentbench.adapters._langchain import shadowed

    copied, names, found = shadowed(graph, kit)
    if not found:
        raise UsageError("the compiled graph has no ToolNode whose tools could be replaced", remedy=_REMEDY)
    if not names:
        known = ", ".join(spec.name for spec in kit.specs[:4])
        raise UsageError(f"no tool of the compiled graph is named like one of these: {known}, …", remedy=_REMEDY)
    return copied


def _check_messages(graph: Any) -> None:
    output = graph.output_channels
    if "messages" not in graph.channels or "messages" not in ([output] if isinstance(output, str) else output):
        raise UsageError(
            "the graph's state has no 'messages'",
            remedy="build it on MessagesState, or wrap it in 'async def agent(message, tools)'",
        )


adapter = LangGraphAdapter()
