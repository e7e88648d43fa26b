"""Drives LangGraph: a compiled graph, a `StateGraph`, or a factory `make_graph(tools)` or `make_graph(tools, model)`.

Invariant: a graph is built once for each set of tools, and keeps nothing of a trial when the next one begins.
"""

import asyncio
import inspect
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agentbench.abc import AgentContext, Session, Tools
from agentbench.errors import UsageError

if TYPE_CHECKING:
    from agentbench.adapters._langchain import Recorder, ToolKit
    from agentbench.agents._model import ScriptedModel
    from agentbench.agents._policy import Policy

RECURSION_LIMIT = 120
_REMEDY = "write a factory 'def make_graph(tools)' that builds the graph with the tools it is given"
_GIVEN = {"tools", "model", "config"}


class LangGraphAdapter:
    """Adapter of everything that becomes a LangGraph graph."""

    order = 10

    def accepts(self, target: Any) -> bool:
        """Whether it is a graph, or a function that wants `tools`, `model` or `config` and nothing else."""
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
        from agentbench.adapters._langchain import ToolKit
        from agentbench.agents._model import ScriptedModel
        from agentbench.agents._policy import HONEST, ScriptedAgent

        kit = ToolKit(tools)
        if _is_graph(target) or _is_builder(target):
            return _opener(_shadowed(_compiled(target), kit), kit, None)
        model = ScriptedModel()
        made, took = _made(target, kit, model)
        if not (_is_graph(made) or _is_builder(made)):
            return _plain(target, made, tools)
        graph = _compiled(made)
        if "tools" not in took:
            graph = _shadowed(graph, kit)
        ours = isinstance(target, ScriptedAgent)
        cast = _Cast(model, target.policy if ours else HONEST) if "model" in took else None
        return _opener(graph, kit, cast)


class _Conversation:
    """One trial with a graph."""

    def __init__(
        self, graph: Any, kit: "ToolKit", ctx: AgentContext, begin: Callable[[], None], recorder: "Recorder"
    ) -> None:
        self._graph = graph
        self._kit = kit
        self._begin = begin
        self._thread = ctx.trial if _remembers(graph) else None
        self._history: list[Any] = []
        self.turns = 0
        limit = (getattr(graph, "config", None) or {}).get("recursion_limit", RECURSION_LIMIT)
        self._recorder = recorder
        self._config: dict[str, Any] = {"recursion_limit": limit}
        if self._thread is not None:
            self._config["configurable"] = {"thread_id": self._thread}

    async def __call__(self, message: str) -> str:
        from agentbench.adapters import _langchain

        self._kit.loop = asyncio.get_running_loop()
        self._begin()
        said = _langchain.user_message(message, self.turns)
        self.turns += 1
        history = [said] if self._thread is not None else [*self._history, said]
        with _langchain.untraced(), _langchain.recorded(self._recorder):
            result = await self._graph.ainvoke({"messages": history}, self._config)
        messages = result["messages"]
        if self._thread is None:
            self._history = messages
        return _langchain.answer_to(said, messages)


def _opener(graph: Any, kit: "ToolKit", cast: "_Cast | None") -> Callable[[AgentContext], Session]:
    from agentbench.adapters._langchain import Recorder

    _check_messages(graph)
    over: list[str] = []  # trials that have ended and whose threads the graph's checkpointer still holds

    def opened(ctx: AgentContext) -> Session:
        conversation = _Conversation(graph, kit, ctx, cast.role(ctx, kit) if cast else lambda: None, Recorder(ctx))
        if not _remembers(graph):
            return conversation
        weakref.finalize(conversation, over.append, ctx.trial)

        async def session(message: str) -> str:
            if conversation.turns == 0:
                # A checkpointer on disk may know this trial from another run.
                ended = [*over, ctx.trial]
                over.clear()
                await _forget(graph, ended)
            return await conversation(message)

        return session

    return opened


class _Cast:
    """The scripted model of a graph, and the policy by which it plays."""

    def __init__(self, model: "ScriptedModel", policy: "Policy") -> None:
        self._model = model
        self._policy = policy

    def role(self, ctx: AgentContext, kit: "ToolKit") -> Callable[[], None]:
        """Prepare for a trial; the result is called as each user turn begins."""
        from agentbench.agents._model import Role
        from agentbench.agents._player import Player

        player = Player(ctx.reference, kit.specs, self._policy)

        def note(read: int, written: int) -> None:
            now = ctx.now_s()
            ctx.model_called(model="scripted", started_s=now, input_tokens=read, output_tokens=written, error=None)

        role = Role(player, note)

        def begin() -> None:
            self._model.play(role)
            player.hear(ctx.meaning)

        return begin


def _remembers(graph: Any) -> bool:
    return getattr(graph, "checkpointer", None) not in (None, False, True)


async def _forget(graph: Any, threads: list[str]) -> None:
    for thread in dict.fromkeys(threads):
        try:
            await graph.checkpointer.adelete_thread(thread)
        except (AttributeError, NotImplementedError):
            return  # a saver that cannot delete


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
    given = {"tools": list(kit.tools), "model": model, "config": {"configurable": {}}}
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
