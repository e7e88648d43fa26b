"""One trial with a LangGraph graph: its turns, its death and its resumption, and the part its scripted model plays.

Invariant: what a process of an agent leaves to the next one is what a checkpointer stored, or else what the chat keeps.
"""

import asyncio
import weakref
from collections.abc import Callable
from typing import Any

from langchain_core.messages import HumanMessage

from agentbench.abc import AgentContext, Session
from agentbench.adapters._history import ListHistory, ThreadHistory
from agentbench.adapters._langchain import (
    Recorder,
    ToolKit,
    answer_to,
    last_said,
    recorded,
    transcribed,
    turns_of,
    untraced,
    user_message,
)
from agentbench.agents._memory import Memory
from agentbench.agents._model import Role, ScriptedModel, number_of
from agentbench.agents._obedience import Obedient
from agentbench.agents._player import Player
from agentbench.agents._policy import Policy
from agentbench.calls import Meaning

RECURSION_LIMIT = 120


class _Conversation:
    """One process of an agent in one trial."""

    def __init__(
        self,
        graph: Any,
        kit: ToolKit,
        ctx: AgentContext,
        part: "_Part | None",
        recorder: Recorder,
        over: list[str],
    ) -> None:
        self._graph = graph
        self._kit = kit
        self._ctx = ctx
        self._part = part
        self._recorder = recorder
        self._over = over
        self._turns = -1  # not known yet
        limit = (getattr(graph, "config", None) or {}).get("recursion_limit", RECURSION_LIMIT)
        self._config: dict[str, Any] = {"recursion_limit": limit}
        self._list: ListHistory | None = None
        self._stored: ThreadHistory | None = None
        if remembers(graph):
            self._config["configurable"] = {"thread_id": ctx.trial}
            self._stored = ThreadHistory(graph, self._config, self._lose)
        else:
            self._list = ListHistory([], self._lose)

    @property
    def history(self) -> ListHistory | ThreadHistory:
        """What faults of the context may change."""
        found = self._stored or self._list
        assert found is not None
        return found

    async def __call__(self, message: str) -> str:
        return await self._heard(message, self._ctx.message_number)

    async def _heard(self, message: str, number: int) -> str:
        if self._turns < 0:
            await self._begin()
        said = user_message(message, self._turns, number)
        self._turns += 1
        self._hear(number)
        history = [said] if self._list is None else [*self._list.messages, said]
        return await self._answered({"messages": history}, said)

    async def resume(self, message: str) -> str:
        """Take up the turn in which an earlier process died: from the last checkpoint, where there is one of it."""
        number = self._ctx.message_number
        if self._stored is None:
            return await self._heard(message, number)
        state = await self._graph.aget_state(self._config)
        messages = list(state.values.get("messages") or ())
        said = last_said(messages)
        if not state.next or said is None or number_of(said) != number:
            return await self._heard(message, number)
        await self._begin()
        self._hear(number)
        self._config["configurable"]["resumed_at"] = messages[-1].id
        try:
            return await self._answered(None, said)
        finally:
            del self._config["configurable"]["resumed_at"]

    async def _begin(self) -> None:
        """Find what an earlier process has left, if there was one."""
        self._turns = 0
        if self._list is not None:
            self._list.messages = transcribed(self._ctx.transcript)
            self._turns = turns_of(self._list.messages)
        elif self._stored is not None:
            await self._forget()
            if self._ctx.resumes:
                self._turns = turns_of(await self._stored.messages())
        if self._ctx.resumes:
            self._lose()

    async def _forget(self) -> None:
        """Delete what the checkpointer holds of trials that are over, and of this one if it has only begun."""
        ended = [trial for trial in self._over if trial != self._ctx.trial]
        self._over.clear()
        if not self._ctx.resumes:
            ended.append(self._ctx.trial)  # a checkpointer on disk may know it from another run
        for trial in dict.fromkeys(ended):
            try:
                await self._graph.checkpointer.adelete_thread(trial)
            except (AttributeError, NotImplementedError):
                return  # a saver that cannot delete

    def _hear(self, number: int) -> None:
        self._kit.loop = asyncio.get_running_loop()
        self._kit.context = self._ctx
        if self._part:
            self._part.hear(number, self._ctx.meaning)

    def _lose(self) -> None:
        if self._part:
            self._part.lose()

    async def _answered(self, given: Any, said: HumanMessage) -> str:
        with untraced(), recorded(self._recorder):
            result = await self._graph.ainvoke(given, self._config)
        messages = result["messages"]
        if self._list is not None:
            self._list.messages = messages
        elif self._stored is not None:
            self._stored.released()
        return answer_to(said, messages)


def opener(graph: Any, kit: ToolKit, cast: "Cast | None") -> Callable[[AgentContext], Session]:
    """Opens a session with a graph for each trial; what its checkpointer holds of an earlier trial is deleted."""
    over: list[str] = []  # processes of agents that have ended, by trial, whose threads the checkpointer may hold

    def opened(ctx: AgentContext) -> Session:
        conversation = _Conversation(graph, kit, ctx, cast.part(ctx, kit) if cast else None, Recorder(ctx), over)
        if remembers(graph):
            weakref.finalize(conversation, over.append, ctx.trial)
        return conversation

    return opened


class Cast:
    """The scripted model of a graph, and the policy by which it plays."""

    def __init__(self, model: ScriptedModel, policy: Policy) -> None:
        self._model = model
        self._policy = policy

    def part(self, ctx: AgentContext, kit: ToolKit) -> "_Part":
        """The part in a trial."""

        def cast(memory: Memory | None) -> Player:
            made = Obedient if self._policy.obeys else Player
            return made(ctx.reference, kit.specs, self._policy, memory)

        def note(read: int, written: int) -> None:
            now = ctx.now_s()
            ctx.model_called(model="scripted", started_s=now, input_tokens=read, output_tokens=written, error=None)

        return _Part(self._model, Role(cast, note))


class _Part:
    """The model and the role that it plays in this trial."""

    def __init__(self, model: ScriptedModel, role: Role) -> None:
        self._model = model
        self._role = role
        self.lose = role.lose

    def hear(self, number: int, meaning: Meaning) -> None:
        """Begin a turn."""
        self._model.play(self._role)
        self._role.hear(number, meaning)


def remembers(graph: Any) -> bool:
    """Whether the graph has a checkpointer."""
    return getattr(graph, "checkpointer", None) not in (None, False, True)
