"""The contracts of the plugin kinds: what a fault, an agent adapter and a sandbox must offer."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, ClassVar, Literal, NoReturn, Protocol, TypeAlias, runtime_checkable

from agentbench.calls import (
    Handler,
    Meaning,
    Message,
    MessageHandler,
    Spoken,
    ToolCall,
    ToolResult,
    ToolSpec,
    Turn,
    TurnHandler,
    Variation,
)
from agentbench.deeds import Deeds
from agentbench.record import TrialRecord

# -- faults --------------------------------------------------------------------------------------------

Site: TypeAlias = Literal["tool", "reply", "effect", "state", "content", "context", "user", "handover"]
Channel: TypeAlias = Literal["call", "turn", "message"]

# What a fault of each site strikes at, unless the fault itself says another `channel`.
CHANNELS: Mapping[str, Channel] = {
    "tool": "call",
    "reply": "call",
    "effect": "call",
    "state": "call",
    "content": "call",
    "context": "turn",
    "user": "turn",
    "handover": "message",
}

Phase: TypeAlias = Literal["none", "before", "after", "reply"]
Witness: TypeAlias = Literal[
    "unchanged",
    "not_executed",
    "committed_unanswered",
    "delayed",
    "executed_twice",
    "reply_changed",
    "effect_missing",
    "partly_committed",
    "misapplied",
    "visible_later",
    "swapped",
    "conflicting",
    "changed_before",
    "changed_later",
    "planted",
    # of what the user says and what agents hand over
    "kept_away",
    "put_off",
    "said_besides",
    "said_in_parts",
    "said_otherwise",
    "said_twice",
    "arrived_late",
    # of what the agent remembers, and of its process
    "forgotten",
    "restarted",
]
Plausible: TypeAlias = Literal["success", "error"]


@dataclass(slots=True, kw_only=True)
class _Offered:
    """What every fault may use: the trial's clock, a keyed generator, memory.

    `memory` lives as long as the injection in one trial. What is put into `receipt` is kept in the record.
    """

    now_s: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    generator: Callable[[], Random]
    memory: dict[str, Any]
    receipt: dict[str, Any] = field(default_factory=dict)
    _random: Random | None = field(default=None, init=False, repr=False)

    @property
    def random(self) -> Random:
        """The keyed generator of this occasion; made when it is asked for, as few faults draw."""
        if self._random is None:
            self._random = self.generator()
        return self._random


@dataclass(slots=True, kw_only=True)
class FaultContext(_Offered):
    """What a fault that strikes at a tool call may use besides: the tool's spec, an older snapshot, deeds, a crash.

    `replica(call)` answers a read from the state at the start of the trial. `crash()` ends the agent as SIGKILL ends a
    process, and never returns; the agent is started again on the same world.
    """

    spec: ToolSpec
    replica: Handler
    deeds: Deeds
    crash: Callable[[], NoReturn]


@dataclass(slots=True, kw_only=True)
class TurnContext(_Offered):
    """What a fault that strikes at a user turn may use besides: the agent's session.

    `session` is None before the first turn; where the adapter can reach the agent's memory of the conversation, its
    `history` is a `History`. `past` holds copies of that memory, as it was before each earlier turn (None: empty).
    `restart()` ends the agent between two turns and starts it again. `variations` are what the scenario lets the user
    say here instead, by the name of the fault.
    """

    session: Any
    restart: Callable[[], None]
    variations: Mapping[str, Variation] = field(default_factory=dict)
    past: Sequence[Any] = ()

    @property
    def history(self) -> "History | None":
        """The agent's memory of the conversation, None when it cannot be reached."""
        found: History | None = getattr(self.session, "history", None)
        return found


@dataclass(slots=True, kw_only=True)
class MessageContext(_Offered):
    """What a fault that strikes at a message between agents may use."""


class Fault(Protocol):
    """A frozen dataclass whose fields are its YAML parameters; *when*, *where* and *how long* are not its matter.

    `phase` says when it strikes relative to the effect: `before` (nothing happened), `after` (committed), `reply`
    (what comes back is changed), `none`. `explicit`: the agent is told that something went wrong. `blocking`:
    while it lasts the tool cannot do its work. `lasting` (False when left out): what it did stays, whatever an agent
    does afterwards. `witness`: what the record must show for it to count as landed.
    `plausible`: what a reply that it changed claims to be, and is held to by `agentbench.realism`: a `success` of the
    tool's own schema, an `error` as services tell it (or no reply at all), or None, deliberately malformed.

    `explicit` and `blocking` of the class are those of its default parameters; an instance says what holds for it.
    """

    site: ClassVar[Site]
    phase: ClassVar[Phase]
    explicit: ClassVar[bool]
    blocking: ClassVar[bool]
    witness: ClassVar[Witness]

    @property
    def plausible(self) -> Plausible | None:
        """A ClassVar; a property where it depends on a parameter."""
        ...

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Answer the call; `proceed(call)` is the rest of the chain and may be called never, once or twice."""
        ...


class TurnFault(Protocol):
    """A fault of the user or of the context: it strikes where the script lets the user speak.

    The rest of `proceed` is as for `Fault`: it lets the agent hear a message and returns the agent's answer.
    """

    site: ClassVar[Site]
    phase: ClassVar[Phase]
    explicit: ClassVar[bool]
    blocking: ClassVar[bool]
    witness: ClassVar[Witness]

    async def inject(self, turn: Turn, proceed: TurnHandler, ctx: TurnContext) -> str:
        """Return the answer to the turn, the empty text when the agent never heard of it."""
        ...


class MessageFault(Protocol):
    """A fault between agents: it strikes at what one hands over to another through a declared channel."""

    site: ClassVar[Site]
    phase: ClassVar[Phase]
    explicit: ClassVar[bool]
    blocking: ClassVar[bool]
    witness: ClassVar[Witness]

    async def inject(self, message: Message, proceed: MessageHandler, ctx: MessageContext) -> None:
        """Deliver the message never, once or twice, as it is or changed."""
        ...


@runtime_checkable
class Renaming(Protocol):
    """What a fault offers as well that gives tools other names."""

    def meant(self, name: str) -> str | None:
        """The tool's own name for a name that it may have now, None for any other text."""
        ...


AnyFault: TypeAlias = Fault | TurnFault | MessageFault


# -- agents --------------------------------------------------------------------------------------------

Session: TypeAlias = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """One entry of what an agent remembers; `calls` are the ids of the tool calls that it makes or answers."""

    role: Literal["user", "agent", "tool", "other"]
    text: str
    calls: tuple[str, ...] = ()


class History(Protocol):
    """What an agent remembers of the conversation between turns: the attribute `history` of a session that has it."""

    async def read(self) -> list[Remembered]:
        """The entries, the oldest first."""
        ...

    async def keep(self, places: Sequence[int]) -> None:
        """Forget all entries but those at these places."""
        ...

    async def save(self) -> Any:
        """A copy of it, for `restore`."""
        ...

    async def restore(self, saved: Any) -> None:
        """Go back to a copy; None is the memory of an agent that has heard nothing yet."""
        ...


class Tools(Protocol):
    """The tools of the trial that is being run; stays the same object from trial to trial in one worker."""

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The tools an agent is given, `report_outcome` among them."""
        ...

    async def call(self, name: str, arguments: Mapping[str, Any], *, call_id: str | None = None) -> ToolResult:
        """Call a tool; never raises for what the tool or a fault does, see `ToolResult.unwrap`."""
        ...


class AgentContext(Protocol):
    """What an adapter may know and tell about the current trial."""

    @property
    def trial(self) -> str:
        """The trial's id, for thread ids and logs; holds nothing about faults."""
        ...

    @property
    def seed(self) -> str:
        """The trial's seed, for agents that want one."""
        ...

    @property
    def reference(self) -> Sequence[Mapping[str, Any]]:
        """The scenario's reference solution; only the scripted model and the oracle may read it."""
        ...

    @property
    def meaning(self) -> Meaning:
        """What the message that is being answered means; only the scripted model and the oracle may read it."""
        ...

    @property
    def resumes(self) -> bool:
        """Whether an earlier process of this agent died in this trial: what it has stored must be kept."""
        ...

    @property
    def transcript(self) -> Sequence[Spoken]:
        """What the user said and was answered, turn by turn, as the chat keeps it; no death of the agent ends it."""
        ...

    @property
    def message_number(self) -> int:
        """The number that the chat gives the user's message in hand, from 1; one that is delivered twice keeps it."""
        ...

    async def hand_over(self, channel: str, content: Any) -> list[Any]:
        """Send a JSON-able message from one agent to another; returns what arrives: nothing, it, or it twice."""
        ...

    def model_called(
        self,
        *,
        model: str,
        started_s: float,
        input_tokens: int | None,
        output_tokens: int | None,
        error: str | None,
    ) -> None:
        """Enter a chat-model call that began at `started_s` of the trial's clock and ends now."""
        ...

    def now_s(self) -> float:
        """The trial's clock."""
        ...


class Adapter(Protocol):
    """How a kind of agent is reached. One file of `adapters/` offers one as `adapter`."""

    def accepts(self, target: Any) -> bool:
        """Whether this adapter can drive the object; must not import the framework to find out."""
        ...

    def connect(self, target: Any, tools: Tools) -> Callable[[AgentContext], Session]:
        """Prepare the agent once per worker and set of tools; the result opens a session for each trial.

        A session is called with each user message in turn and returns the agent's answer. One that can take up a turn
        in which an earlier process died offers `async resume(message)`; else it is called with the message again.
        """
        ...


# -- sandboxes -----------------------------------------------------------------------------------------


class Sandbox(Protocol):
    """Where agents run. One file of `sandboxes/` offers a class as `Sandbox`."""

    isolation: ClassVar[str]

    def __init__(self, *, workers: int, scratch: Path) -> None:
        """Prepare for `workers` trials at a time; `scratch` is a folder for logs and journals."""
        ...

    def check(self, refs: Sequence[str], environments: Sequence[str], mode: Literal["virtual", "real"]) -> None:
        """Load and connect every agent to every environment; raises `UsageError` for one that cannot be."""
        ...

    def run(self, orders: Iterator["Order"]) -> Iterator[tuple["Order", TrialRecord]]:
        """Execute trials as workers become free; yields each record as it is finished, in any order."""
        ...

    def close(self) -> None:
        """End every process that was started; safe to call twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One attempt at one trial, as JSON-able data that crosses into a worker.

    `follow` is an encoded record: the trial is ended at the first event that is not the one recorded there.
    """

    trial: Mapping[str, Any]
    scenario: Mapping[str, Any]
    agent: Mapping[str, Any]
    attempt: int
    clock: Literal["virtual", "real"]
    deadline_s: float
    follow: bytes = b""
