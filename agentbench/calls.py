"""What an agent asks of a tool and what it is told, what the user says, what agents hand over to each other.

Invariant: these are the only shapes that environment, faults and recorders share.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

Failure: TypeAlias = Literal["timeout", "refused", "reset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """What an agent may know of a tool, and what the testbed needs to know of it.

    `parameters` is a JSON Schema. `idempotency_key` names the parameter that makes a repeat safe, if there is
    one. `latency_s` is how long the tool takes in the trial's clock when nothing is wrong. `returns` is the JSON
    Schema of the body of a success, None when the tool declares none; adapters do not show it to agents.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    effect: Literal["read", "write"]
    idempotency_key: str | None = None
    latency_s: float = 0.2
    declares: Callable[[], Mapping[str, Any] | None] | None = field(default=None, repr=False, compare=False)

    @property
    def returns(self) -> Mapping[str, Any] | None:
        """See above; worked out when it is asked for, as trials do not need it."""
        return self.declares() if self.declares else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call. `ordinal` is the how-many-th call of this tool in the trial (from 1), by arrival.

    `repeat` is the how-many-th call with these very arguments (from 0); `key` digests tool and arguments. `alias` is
    the name by which the tool was asked for, if that is not its own.
    """

    id: str
    tool: str
    arguments: Mapping[str, Any]
    ordinal: int = 1
    repeat: int = 0
    key: str = ""
    alias: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The reply as an HTTP API would give it, or the way in which no reply came (`failure`).

    `status` is an HTTP status, None when `failure` is set. `body` is JSON-able.
    """

    status: int | None = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def ok(self) -> bool:
        """Whether the caller was told that it worked."""
        return self.failure is None and self.status is not None and 200 <= self.status < 300

    def unwrap(self) -> Any:
        """The body, or the exception that a Python client of such an API would meet.

        Raises `TimeoutError`, `ConnectionRefusedError`, `ConnectionResetError` or `ToolError`.
        """
        if self.failure is not None:
            raise failure_exception(self.failure)
        if not self.ok:
            raise ToolError(self.status or 0, self.body, self.headers)
        return self.body


class ToolError(Exception):
    """A tool answered with an HTTP error: `status`, `body` and `headers` are what it sent."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = dict(headers or {})
        super().__init__(f"HTTP {status}: {error_text(body)}")


def failure_exception(failure: Failure) -> Exception:
    """The standard exception for a call that got no reply."""
    return {
        "timeout": TimeoutError("The read operation timed out"),
        "refused": ConnectionRefusedError(111, "Connection refused"),
        "reset": ConnectionResetError(104, "Connection reset by peer"),
    }[failure]


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, such as the body of a reply, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from texts(part)


def error_text(body: Any) -> str:
    """The human part of an error body of the shape `{"error": {"code", "message"}}`, or the body itself."""
    if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping):
        error = body["error"]
        return f"{error.get('code', 'error')}: {error.get('message', '')}"
    return str(body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a reader takes from a message of the user; only agents that are scripted, and cannot read, may know it.

    `gives`: `all` of what the script says here, a `part` of it, or `nothing` of it; two things that `clash`; or that
    `nobody` is there to say it. `steps` is what is left to do where it is no longer what the reference solution has.
    `wishes` name what is asked for besides and cannot be done. `line` is which of the user's lines it belongs to, from
    1, or 0 for the one that is due.
    """

    gives: Literal["all", "part", "nothing", "clash", "nobody"] = "all"
    steps: tuple[Mapping[str, Any], ...] | None = None
    wishes: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the user says at one place of the script; `number` counts the user's lines from 1.

    `answers`: the script lets the user say it only in answer to the agent.
    """

    text: str
    number: int
    answers: bool = False
    means: Meaning = Meaning()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """What a scenario lets the user say instead of a line: `say`, and `settles` where `say` leaves something open.

    `steps` are then left to do; `name` is what the scenario calls it.
    """

    name: str
    say: str
    settles: str = ""
    steps: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one agent hands over to another through a declared channel; `number` counts per channel, from 1."""

    channel: str
    content: Any
    number: int


class Spoken(NamedTuple):
    """One turn of the conversation; `number` is that of `abc.AgentContext.message_number`."""

    number: int
    message: str
    answer: str


Handler: TypeAlias = Callable[[ToolCall], Awaitable[ToolResult]]
TurnHandler: TypeAlias = Callable[[Turn], Awaitable[str]]  # lets the agent hear it; returns the agent's answer
MessageHandler: TypeAlias = Callable[[Message], Awaitable[None]]  # lets the other side have it
