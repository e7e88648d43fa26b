"""The record of a trial: everything that was observed, and the only input of judging.

Invariant: apart from `wall`, a record is a function of the plan, so that one seed gives equal bytes.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

RECORD_VERSION = 1

ClaimStatus: TypeAlias = Literal["done", "partial", "failed"]


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One committed change of one row. `author` is `call:<id>`, `world:<index>` or `fault:<index>`.

    `before` and `after` hold only what changed; `at_s` is in the trial's clock.
    """

    at_s: float
    author: str
    table: str
    op: Literal["insert", "update", "delete"]
    key: dict[str, Any]
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool's reply as recorded: an HTTP `status` with `body` and `headers`, or a `failure` with none of them."""

    status: int | None = None
    body: Any = None
    headers: dict[str, str] = {}
    failure: str | None = None

    @property
    def ok(self) -> bool:
        """Whether this reply says that the call worked."""
        return self.failure is None and self.status is not None and 200 <= self.status < 300


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a call reached the environment, as the recorder behind the faults saw it.

    `effects` are indices into the record's ledger; `replica` marks an answer from an older snapshot.
    """

    at_s: float
    end_s: float
    arguments: dict[str, Any]
    reply: Reply
    effects: list[int] = []
    replica: bool = False


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """The injector's receipt: injection `injection` of the trial acted on this call. Never proof by itself."""

    injection: int
    fault: str
    at_s: float
    receipt: dict[str, Any] = {}


class Call(msgspec.Struct, frozen=True, kw_only=True, tag="call"):
    """One tool call: what was asked, what was done (0, 1 or more executions), and what the agent was told."""

    id: str
    at_s: float
    end_s: float
    turn: int
    tool: str
    ordinal: int
    asked: dict[str, Any]
    done: list[Execution]
    told: Reply
    fired: list[Firing] = []


class UserTurn(msgspec.Struct, frozen=True, kw_only=True, tag="user"):
    """What the user said; turns count from 0."""

    at_s: float
    turn: int
    text: str


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag="answer"):
    """What the agent said to the user at the end of a turn."""

    at_s: float
    turn: int
    text: str


class WorldEvent(msgspec.Struct, frozen=True, kw_only=True, tag="world"):
    """A change of the world that the script made; `effects` are indices into the ledger."""

    at_s: float
    index: int
    effects: list[int]


class ModelCall(msgspec.Struct, frozen=True, kw_only=True, tag="model"):
    """One call of a chat model, as far as the adapter can see it; tokens are None when nobody counted them."""

    at_s: float
    end_s: float
    turn: int
    model: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None


class Claim(msgspec.Struct, frozen=True, kw_only=True, tag="claim"):
    """What the agent says that it achieved; the last claim of a trial counts."""

    at_s: float
    turn: int
    status: ClaimStatus
    summary: str = ""
    missing: list[str] = []


class Note(msgspec.Struct, frozen=True, kw_only=True, tag="note"):
    """Something about the trial that a reader must know, such as `blocking_sleep`."""

    at_s: float
    kind: str
    detail: str = ""


Event: TypeAlias = UserTurn | Answer | Call | WorldEvent | ModelCall | Claim | Note

EndingKind: TypeAlias = Literal["finished", "limit", "crashed", "killed", "testbed"]


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How the trial ended, by where it ended: in the agent, at a limit, or in the testbed.

    `finished`: the agent answered every turn. `limit`: `detail` names the limit. `crashed`: the agent raised, or
    took its process with it. `killed`: the deadline was enforced from outside. `testbed`: agentbench itself
    failed, and the trial is invalid.
    """

    kind: EndingKind
    detail: str = ""


class Wall(msgspec.Struct, frozen=True, kw_only=True):
    """Wall-clock facts, the one part that differs between two executions of the same trial."""

    started: str = ""
    duration_s: float = 0.0
    pid: int = 0


class TrialRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One finished attempt at one trial of the plan.

    `end_s` is the trial's clock at its end. `spans` are the agent's own OpenTelemetry spans, as OTLP/JSON.
    """

    version: int = RECORD_VERSION
    trial: str
    attempt: int
    seed: str
    clock: Literal["virtual", "real"]
    sandbox: str
    ending: Ending
    end_s: float
    events: list[Event]
    ledger: list[Effect]
    spans: list[dict[str, Any]] = []
    wall: Wall = Wall()

    @property
    def calls(self) -> list[Call]:
        """The tool calls, in the order in which the agent made them."""
        return [event for event in self.events if isinstance(event, Call)]

    @property
    def claim(self) -> Claim | None:
        """The last claim, or None when the agent made none."""
        return next((event for event in reversed(self.events) if isinstance(event, Claim)), None)

    @property
    def answer(self) -> str:
        """Everything the agent said to the user, turn by turn."""
        return "\n".join(event.text for event in self.events if isinstance(event, Answer))


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(TrialRecord)


def encode(record: TrialRecord) -> bytes:
    """The record as one line of JSON, the same bytes for equal records."""
    return _encoder.encode(record)


def decode(line: bytes | str) -> TrialRecord:
    """The record of one line; raises `msgspec.ValidationError` for anything else."""
    return _decoder.decode(line)


def comparable(record: TrialRecord) -> bytes:
    """The record without what may differ between two executions of one trial."""
    return _encoder.encode(msgspec.structs.replace(record, wall=Wall(), attempt=0))


def reply_digest(reply: Reply) -> bytes:
    """What two replies are compared by."""
    return _encoder.encode(reply)


def copied(value: Any) -> Any:
    """A deep copy of a JSON value, at the speed of the codec; what is not JSON goes through `plain`."""
    try:
        return msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return plain(value)


def plain(value: Any) -> Any:
    """A JSON-able copy of anything an agent may hand over, so that hostile arguments can be kept.

    Mappings, sequences and scalars stay; non-finite floats, huge integers, lone surrogates and other objects
    become text.
    """
    return _plain(value, 0)


def _plain(value: Any, depth: int) -> Any:
    if depth > 40:
        return "<nested too deeply>"
    match value:
        case None | bool():
            return value
        case int():
            return value if -(2**63) <= value < 2**63 else f"{value:.6e}" if abs(value) < 10**300 else "<huge integer>"
        case float():
            return value if value - value == 0 else repr(value)
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case Mapping():
            return {str(_plain(str(name), depth)): _plain(item, depth + 1) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item, depth + 1) for item in value]
        case _:
            return f"<{type(value).__name__}>"
