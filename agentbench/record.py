"""The record of a trial: everything that was observed, and the only input of judging.

Invariant: apart from `wall`, a record is a function of the plan, so that one seed gives equal bytes.
"""

from typing import Any, Literal, TypeAlias

import msgspec

# What a record holds of an agent's own values is such a copy; who needs a record needs these.
from agentbench.copying import copied, examine, plain

__all__ = ["copied", "examine", "plain"]

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

    `effects` are indices into the record's ledger; `replica` marks an answer that did nothing to the world: from
    an older snapshot, or from a rehearsal.
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
    """One tool call: what was asked, what was done (0, 1 or more executions), and what the agent was told.

    `request` is the id by which the agent's model asked for it, None when there is none: a call that a framework
    repeats by itself has the same one again.
    """

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
    request: str | None = None


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


class MemoryEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of what an agent remembers, its text cut short; `calls` are ids of tool calls made or answered."""

    role: str
    text: str
    calls: list[str] = []


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent remembered of the conversation, the oldest first; `digests` are of the whole entries."""

    entries: list[MemoryEntry]
    digests: list[str]


class Exchange(msgspec.Struct, frozen=True, kw_only=True, tag="exchange"):
    """What became of a place of the script where faults acted: what was `said`, and what of it the agent `heard`.

    `turn` is the first turn that it could begin, `number` the place in the script (from 1). Each message heard also
    is a `UserTurn`. `remembered` is the agent's memory before any fault acted, `left` what there was of it at the
    first hearing; both None where the adapter cannot read it.
    """

    at_s: float
    end_s: float
    turn: int
    number: int
    said: str
    heard: list[str]
    fired: list[Firing]
    remembered: Memory | None = None
    left: Memory | None = None


class HandOver(msgspec.Struct, frozen=True, kw_only=True, tag="handover"):
    """One message between agents: what was `sent` on a declared channel, and what was `received`, if anything.

    `abandoned`: the sender stopped waiting before there was an end to it.
    """

    at_s: float
    end_s: float
    turn: int
    channel: str
    number: int
    sent: Any
    received: list[Any]
    fired: list[Firing] = []
    abandoned: bool = False


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


Event: TypeAlias = UserTurn | Answer | Call | Exchange | HandOver | WorldEvent | ModelCall | Claim | Note

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
        """The tool calls, in the order in which the agent made them (events stand in the order of their ends)."""
        calls = [event for event in self.events if isinstance(event, Call)]
        return sorted(calls, key=lambda call: (call.at_s, len(call.id), call.id))

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


def timeless(value: Any) -> Any:
    """Data without the readings of a clock; a real one never repeats itself."""
    if isinstance(value, dict):
        return {name: timeless(item) for name, item in value.items() if name not in ("at_s", "end_s")}
    return [timeless(item) for item in value] if isinstance(value, list) else value
