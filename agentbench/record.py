"""The record of a trial: everything that was observed, and the only input of judging.

Invariant: apart from `wall`, a record is a function of the plan, so that one seed gives equal bytes.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

RECORD_VERSION = 1

# Bounds of one value that an agent or a tool hands over; far above what a real call or page holds.
DEPTH_MAX = 40
TEXT_MAX = 64 * 1024  # characters of one text
TEXT_TOTAL_MAX = 4_000_000
VALUES_MAX = 100_000
FLAT_MAX = 20  # entries of a dictionary that is copied without counting

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


class Exchange(msgspec.Struct, frozen=True, kw_only=True, tag="exchange"):
    """What became of a place of the script where faults acted: what was `said`, and what of it the agent `heard`.

    `turn` is the first turn that it could begin, `number` the place in the script (from 1). Each message heard also
    is a `UserTurn`.
    """

    at_s: float
    end_s: float
    turn: int
    number: int
    said: str
    heard: list[str]
    fired: list[Firing]


class HandOver(msgspec.Struct, frozen=True, kw_only=True, tag="handover"):
    """One message between agents: what was `sent` on a declared channel, and what was `received`, if anything."""

    at_s: float
    end_s: float
    turn: int
    channel: str
    number: int
    sent: Any
    received: list[Any]
    fired: list[Firing] = []


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


def copied(value: Any) -> Any:
    """A deep copy of a JSON value, at the speed of the codec; what is not JSON goes through `plain`."""
    try:
        return msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return plain(value)


def plain(value: Any) -> Any:
    """A JSON-able copy of anything an agent may hand over, so that hostile values can be kept.

    Mappings, sequences and scalars stay; non-finite floats, huge integers, lone surrogates and other objects
    become text. What is too deep, too long or too much is cut, with a mark where it was.
    """
    if type(value) is str and len(value) <= TEXT_MAX and value.isascii():
        return value
    flat = _flat(value)
    return _Copy().of(value, 0) if flat is None else flat


def examine(value: Any) -> tuple[Any, str]:
    """The plain copy, and what about the value is not JSON or too large ('' when the copy is the value)."""
    flat = _flat(value)
    if flat is not None:
        return flat, ""
    copy = _Copy()
    return copy.of(value, 0), copy.problem


def _flat(value: Any) -> dict[str, Any] | None:
    """A copy of what most calls hold, a small dictionary of plain ASCII texts and numbers; None for anything else."""
    if type(value) is not dict or len(value) > FLAT_MAX:
        return None
    for name, item in value.items():
        kind = type(item)
        if type(name) is not str or len(name) > TEXT_MAX or not name.isascii():
            return None
        if kind is str:
            if len(item) > TEXT_MAX or not item.isascii():
                return None
        elif kind is int:
            if not -(2**63) <= item < 2**63:
                return None
        elif item is not None and kind is not bool:
            return None
    return dict(value)


class _Copy:
    """Makes one plain copy; all of it together is bounded, so that a small value cannot unfold into a huge one."""

    def __init__(self) -> None:
        self.problem = ""
        self._values = VALUES_MAX
        self._text = TEXT_TOTAL_MAX

    def of(self, value: Any, depth: int) -> Any:
        self._values -= 1
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return self._string(value)
        try:
            return self._other(value, depth)
        except Exception:  # noqa: BLE001 - trust boundary: an agent's own type may raise in any of its methods
            return self._instead(f"<{kind.__name__}>", f"it holds a {kind.__name__}, which cannot be read")

    def _other(self, value: Any, depth: int) -> Any:
        if isinstance(value, int):
            return self._integer(int.__index__(value))
        if isinstance(value, float):
            number = float.__float__(value)
            return number if number - number == 0 else self._instead(repr(number), f"{number!r} is not a JSON number")
        if isinstance(value, str):
            return self._string(str.__str__(value))
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            if depth >= DEPTH_MAX:
                return self._instead("<nested too deeply>", f"it is nested more than {DEPTH_MAX} levels deep")
            if isinstance(value, Mapping):
                return self._mapping(value, depth)
            copied = self._sequence(value, depth)
            return copied if isinstance(value, list | tuple) else sorted(copied, key=repr)
        name = type(value).__name__
        return self._instead(f"<{name}>", f"it holds a {name}, which is not JSON")

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        copied: dict[str, Any] = {}
        for name, item in value.items():
            if self._values <= 0:
                copied["<more>"] = self._instead("<too many values>", f"it holds more than {VALUES_MAX:,} values")
                break
            key = self.of(name, depth + 1)
            copied[key if isinstance(key, str) else str(key)[:TEXT_MAX]] = self.of(item, depth + 1)
        return copied

    def _sequence(self, value: Iterable[Any], depth: int) -> list[Any]:
        copied: list[Any] = []
        for item in value:
            if self._values <= 0:
                copied.append(self._instead("<too many values>", f"it holds more than {VALUES_MAX:,} values"))
                break
            copied.append(self.of(item, depth + 1))
        return copied

    def _integer(self, value: int) -> Any:
        if -(2**63) <= value < 2**63:
            return value
        shown = f"{value:.6e}" if abs(value) < 10**300 else "<huge integer>"
        return self._instead(shown, "it holds an integer of more than 64 bits")

    def _string(self, value: str) -> str:
        allowed = min(TEXT_MAX, max(self._text, 0))
        if len(value) > allowed:
            more = len(value) - allowed
            value = f"{value[:allowed]}<{more} more characters>"
            self.problem = self.problem or f"it holds a text of more than {allowed:,} characters"
        self._text -= len(value)
        if value.isascii():
            return value
        clean = value.encode("utf-8", "backslashreplace").decode("utf-8")
        if clean != value:
            self.problem = self.problem or "it holds text that is not Unicode"
        return clean

    def _instead(self, shown: str, problem: str) -> str:
        self.problem = self.problem or problem
        return shown
