"""What a LangGraph agent remembers of the conversation, as faults of the context may read and change it.

Invariant: what is left is a history that a chat model accepts: no reply of a tool without its call, no call without
its reply.
"""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.constants import START
from langgraph.errors import InvalidUpdateError

from agentbench.abc import Remembered


def entries(messages: Sequence[BaseMessage]) -> list[Remembered]:
    """The messages as the testbed sees them."""
    return [_entry(message) for message in messages]


def paired(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The messages without replies that answer no call, and without calls that have no reply."""
    answered = {each.tool_call_id for each in messages if isinstance(each, ToolMessage)}
    made: set[str | None] = set()
    left: list[BaseMessage] = []
    for each in messages:
        if isinstance(each, ToolMessage):
            if each.tool_call_id in made:
                left.append(each)
            continue
        if isinstance(each, AIMessage) and each.tool_calls:
            kept = [call["id"] for call in each.tool_calls if call["id"] in answered]
            made.update(kept)
            if not kept and not each.text:
                continue
            each = each if len(kept) == len(each.tool_calls) else _trimmed(each, set(kept))
        left.append(each)
    return left


class ListHistory:
    """The history of a graph without a checkpointer: the list that its adapter feeds it with."""

    def __init__(self, messages: list[BaseMessage], changed: Callable[[], None]) -> None:
        self.messages = messages
        self._changed = changed

    async def read(self) -> list[Remembered]:
        """The entries, the oldest first."""
        return entries(self.messages)

    async def keep(self, places: Sequence[int]) -> None:
        """Forget all but these."""
        self.messages = paired([self.messages[place] for place in places])
        self._changed()

    async def save(self) -> Any:
        """A copy."""
        return list(self.messages)

    async def restore(self, saved: Any) -> None:
        """Go back to a copy."""
        self.messages = list(saved or ())
        self._changed()


class ThreadHistory:
    """The history of a graph with a checkpointer: the state of its thread.

    `config` is that of the next invocation, in which an older checkpoint is named to go back to it.
    """

    def __init__(self, graph: Any, config: dict[str, Any], changed: Callable[[], None]) -> None:
        self._graph = graph
        self._config = config
        self._changed = changed

    async def messages(self) -> list[BaseMessage]:
        """The messages of the thread."""
        state = await self._graph.aget_state(self._config)
        return list(state.values.get("messages") or ())

    async def read(self) -> list[Remembered]:
        """The entries, the oldest first."""
        return entries(await self.messages())

    async def keep(self, places: Sequence[int]) -> None:
        """Forget all but these, by a checkpoint on top of the last one."""
        before = await self.messages()
        left = paired([before[place] for place in places])
        ids = {each.id for each in left}
        gone: list[BaseMessage] = [RemoveMessage(id=each.id) for each in before if each.id and each.id not in ids]
        changes = {"messages": [*gone, *(each for each in left if each not in before)]}
        try:
            made = await self._graph.aupdate_state(self._config, changes, as_node=START)
        except InvalidUpdateError:  # a graph of another build has no such node; LangGraph then takes the last one
            made = await self._graph.aupdate_state(self._config, changes)
        self._go_to(made)

    async def save(self) -> Any:
        """The checkpoint that is the latest now; None on a thread without one."""
        state = await self._graph.aget_state(self._config)
        return state.config if state.values else None

    async def restore(self, saved: Any) -> None:
        """Go on from that checkpoint; what came after it stays in the store, on a branch that is left."""
        if saved is None:
            self.released()
            await self._graph.checkpointer.adelete_thread(self._config["configurable"]["thread_id"])
            self._changed()
        else:
            self._go_to(saved)

    def released(self) -> None:
        """From now on the latest checkpoint is the one to go on from."""
        self._config["configurable"].pop("checkpoint_id", None)

    def _go_to(self, checkpoint: Any) -> None:
        self._config["configurable"]["checkpoint_id"] = checkpoint["configurable"]["checkpoint_id"]
        self._changed()


def _entry(message: BaseMessage) -> Remembered:
    text = str(message.text)
    if isinstance(message, HumanMessage):
        return Remembered(role="user", text=text)
    if isinstance(message, AIMessage):
        return Remembered(role="agent", text=text, calls=tuple(call["id"] or "" for call in message.tool_calls))
    if isinstance(message, ToolMessage):
        return Remembered(role="tool", text=text, calls=(message.tool_call_id,))
    return Remembered(role="other", text=text)


def _trimmed(message: AIMessage, kept: set[str | None]) -> AIMessage:
    """The message with these of its calls only, wherever a provider's format repeats them."""

    def stays(part: Any) -> bool:
        return not isinstance(part, dict) or part.get("type") not in ("tool_use", "tool_call") or part.get("id") in kept

    content = (
        [part for part in message.content if stays(part)] if isinstance(message.content, list) else message.content
    )
    more = dict(message.additional_kwargs)
    if "tool_calls" in more:
        more["tool_calls"] = [call for call in more["tool_calls"] if call.get("id") in kept]
    calls = [call for call in message.tool_calls if call["id"] in kept]
    return message.model_copy(update={"content": content, "additional_kwargs": more, "tool_calls": calls})
