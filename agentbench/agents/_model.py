"""A chat model with no LLM behind it: it calls the tools and says the texts that a player decides on.

Invariant: what it learns of a call is what the graph's message history holds of it, as for any chat model.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult, LLMResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

from agentbench.agents import _outcome
from agentbench.agents._memory import WAIT, Call, Memory, Reply, Wait
from agentbench.agents._outcome import Outcome
from agentbench.agents._player import Player
from agentbench.calls import Meaning

_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4

_playing: ContextVar["Role | None"] = ContextVar("playing", default=None)
_unheard: ContextVar[bool] = ContextVar("unheard", default=False)


@contextmanager
def unheard() -> Iterator[None]:
    """While it lasts, nothing need listen to the models that are called: there are none but ours, which tell."""
    token = _unheard.set(True)
    try:
        yield
    finally:
        _unheard.reset(token)


def is_unheard() -> bool:
    """Whether the caller is inside `unheard`."""
    return _unheard.get()


class Role:
    """A player in the hands of the model, for one trial: counts the messages, for ids that are always the same.

    `cast(memory)` makes a player, with what is left of an earlier play if there was one. `note(input_tokens,
    output_tokens)` is told of each message of the model.
    """

    def __init__(
        self,
        cast: Callable[[Memory | None], Player],
        note: Callable[[int, int], None] = lambda read, written: None,
    ) -> None:
        self.player = cast(None)
        self.note = note
        self.messages = 0
        self.call_id = ""
        self._cast = cast
        self._heard = 0  # the number of the last message of the user's
        self._meaning = Meaning()
        self._lost = False

    def hear(self, number: int, meaning: Meaning = Meaning()) -> None:  # noqa: B008 - it is frozen
        """Begin a turn with the user's message of this number, which means this."""
        self._meaning = meaning
        if number != self._heard:
            self.player.hear(meaning)
        elif not self.player.policy.counts_messages:
            self.player.hear_again()
        self._heard = number

    def lose(self) -> None:
        """What the player knew is lost: from now on it is what the history holds that the model is shown."""
        self._lost = True

    def act(self, messages: Sequence[BaseMessage], tools: Sequence[Any]) -> AIMessage:
        """The next message: a tool call, or the answer."""
        if self._lost:
            self._recollect(messages)
        outcome = self._outcome(messages) if self.player.pending else None
        action = self.player.next(outcome)
        can_wait = any(tool["function"]["name"] == WAIT for tool in tools)
        while isinstance(action, Wait) and not can_wait:
            action = self.player.next(None)
        self.messages += 1
        message_id = f"msg_{self.messages}"
        match action:
            case Reply(text):
                return AIMessage(content=text, id=message_id)
            case Call(tool, arguments):
                pass
            case Wait(seconds):
                tool, arguments = WAIT, {"seconds": seconds}
        self.call_id = f"call_{self.messages}"
        call = {"name": tool, "args": arguments, "id": self.call_id, "type": "tool_call"}
        return AIMessage(content="", tool_calls=[call], id=message_id)

    def _recollect(self, messages: Sequence[BaseMessage]) -> None:
        """Take up the play where the history is: what it holds is remembered, and what it lacks never was."""
        self._lost = False
        told = {each.tool_call_id: _told(each) for each in messages if isinstance(each, ToolMessage)}
        spoken = [each for each in messages if isinstance(each, AIMessage)]
        made = [call for each in spoken for call in each.tool_calls if call["id"] in told]
        self.player = self._cast(Memory((call["name"], call["args"], told[call["id"] or ""]) for call in made))
        heard = [number_of(each) for each in messages if isinstance(each, HumanMessage)]
        numbers = [number for number in heard if number is not None]
        turns = max(numbers, default=1) if self.player.policy.counts_messages else len(set(numbers)) or len(heard)
        self.player.hear(self._meaning, turns)
        self._heard = max(numbers, default=self._heard)
        # Ids go on where they were.
        self.messages = max([self.messages, *(_count(each.id) for each in spoken)])

    def _outcome(self, messages: Sequence[BaseMessage]) -> Outcome:
        for message in reversed(messages):
            if isinstance(message, ToolMessage) and message.tool_call_id == self.call_id:
                return _told(message)
        return Outcome(ok=False, text="the history holds no reply")


def _told(message: ToolMessage) -> Outcome:
    return _outcome.of_text(str(message.text), error=message.status == "error")


def number_of(message: HumanMessage) -> int | None:
    """The number that the chat gave a message of the user's; None for what the graph itself says as a user."""
    number = message.additional_kwargs.get("message_number")
    return number if isinstance(number, int) else None


def _count(message_id: str | None) -> int:
    number = (message_id or "").removeprefix("msg_")
    return int(number) if number.isdecimal() else 0


class ScriptedModel(BaseChatModel):
    """Plays whichever trial the current context belongs to; one instance serves all trials of a graph.

    Works in any graph that binds tools to it and feeds their results back as tool messages. Asked without tools
    (by a node that plans or sums up, say) it answers with a sentence and the play stands still.
    """

    # Fields would be serialised on every call.
    _latest: Role | None = PrivateAttr(default=None)
    _converted: tuple[list[Any], list[dict[str, Any]]] = PrivateAttr(default_factory=lambda: ([], []))

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def play(self, role: Role) -> None:
        """Play this trial, in this context and what is started from it."""
        _playing.set(role)
        self._latest = role

    def bind_tools(
        self, tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool], **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with these tools; a choice of tool is accepted and left to the player."""
        kwargs.pop("tool_choice", None)
        known, schemas = self._converted
        # `create_agent` binds the same tools before every call.
        if len(known) != len(tools) or any(one is not other for one, other in zip(known, tools, strict=True)):
            schemas = [convert_to_openai_tool(tool) for tool in tools]
            self._converted = (list(tools), schemas)
        return self.bind(tools=schemas, **kwargs)

    def generate(self, *args: Any, **kwargs: Any) -> LLMResult:
        """As any chat model's, but it tells of the call itself: to have it heard costs more than to answer."""
        with unheard():
            return self._told(super().generate(*args, **kwargs))

    async def agenerate(self, *args: Any, **kwargs: Any) -> LLMResult:
        """As `generate`."""
        with unheard():
            return self._told(await super().agenerate(*args, **kwargs))

    def _told(self, result: LLMResult) -> LLMResult:
        role = self._role()
        for (answer,) in result.generations:
            message = answer.message if isinstance(answer, ChatGeneration) else None
            if role and isinstance(message, AIMessage) and message.usage_metadata:
                role.note(message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"])
        return result

    def _role(self) -> Role | None:
        # A graph that calls the model in a thread of its own has lost the context.
        return _playing.get() or self._latest

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        role = self._role()
        tools = kwargs.get("tools") or ()
        message = role.act(messages, tools) if role and tools else AIMessage(content="I will do what you ask for.")
        message.usage_metadata = _usage(messages, message)
        message.response_metadata = {"model_name": self._llm_type}
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, None, **kwargs)


def _usage(messages: Sequence[BaseMessage], answer: AIMessage) -> UsageMetadata:
    """An estimate by length, the same on every machine."""
    read = sum(_tokens(message) for message in messages)
    written = _tokens(answer)
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


def _tokens(message: BaseMessage) -> int:
    length = len(message.content)
    if isinstance(message, AIMessage):
        length += sum(len(call["name"]) + len(str(call["args"])) for call in message.tool_calls)
    return _TOKENS_PER_MESSAGE + length // _CHARACTERS_PER_TOKEN
