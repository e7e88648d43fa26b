"""A trial as an OpenTelemetry trace, made from its record and judgement.

Invariant: a pure function of them: equal records give equal traces, the wall-clock start aside.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, Status, StatusCode

from agentbench import __version__, otlp, semconv
from agentbench.collector import (
    EPOCH_NS,
    RESOURCE,
    TEXT_MAX,
    Collector,
    current,
    provider,
    root_span_id,
    span_context,
    span_id,
    tool_span_id,
    trace_id,
)
from agentbench.judgement import Judgement, Landing
from agentbench.otlp import line as otlp_line
from agentbench.plan import Trial
from agentbench.record import (
    Call,
    Claim,
    Exchange,
    Firing,
    HandOver,
    ModelCall,
    Note,
    Reply,
    TrialRecord,
    WorldEvent,
)

__all__ = [
    "Collector",
    "current",
    "epoch_ns",
    "otlp_line",
    "provider",
    "root_span_id",
    "spans",
    "tool_span_id",
    "trace_id",
]

_SCOPE = InstrumentationScope("agentbench", __version__, semconv.SCHEMA_URL)
_OK = Status(StatusCode.UNSET)
_DELIVERED = (None, "success", "degraded")
_json = msgspec.json.Encoder(order="deterministic")


def epoch_ns(record: TrialRecord) -> int:
    """Nanoseconds since 1970 at which the trial's clock stood at 0: its wall-clock start, or `EPOCH_NS`."""
    try:
        started = datetime.fromisoformat(record.wall.started)
    except ValueError:
        return EPOCH_NS
    since = (started if started.tzinfo else started.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1) * 1000


def spans(trial: Trial, record: TrialRecord, judgement: Judgement | None = None) -> list[ReadableSpan]:
    """The trace of a trial, the agent's span first; the agent's own spans last."""
    build = _Build(trial, record, judgement)
    made = [build.root()]
    chats = itertools.count()
    for event in record.events:
        if isinstance(event, Call):
            made.append(build.tool(event))
        elif isinstance(event, ModelCall):
            made.append(build.chat(event, next(chats)))
    made.extend(span for each in record.spans if (span := build.own(each)) is not None)
    return made


class _Build:
    """Makes the spans of one trial."""

    def __init__(self, trial: Trial, record: TrialRecord, judgement: Judgement | None) -> None:
        self.trial = trial
        self.record = record
        self.judgement = judgement
        self.epoch = epoch_ns(record)
        # Two runs of one plan are two traces: a store of traces would join them under one id.
        self.trace = trace_id(trial.id, record.wall.started)
        self.parent = span_context(self.trace, root_span_id(trial.id))
        self.landings: dict[int, Landing] = {each.index: each for each in judgement.landings} if judgement else {}

    def ns(self, seconds: float) -> int:
        return self.epoch + round(seconds * 1e6) * 1000

    def span(
        self,
        name: str,
        number: int,
        times: tuple[float, float],
        attributes: dict[str, Any],
        *,
        error: tuple[str, str] | None = None,
        events: Sequence[Event] = (),
        kind: SpanKind = SpanKind.INTERNAL,
        root: bool = False,
    ) -> ReadableSpan:
        status = _OK
        if error:
            attributes[semconv.ERROR_TYPE] = error[0]
            status = Status(StatusCode.ERROR, error[1])
        return ReadableSpan(
            name,
            context=span_context(self.trace, number),
            parent=None if root else self.parent,
            resource=RESOURCE,
            attributes=attributes,
            events=events,
            kind=kind,
            status=status,
            start_time=self.ns(times[0]),
            end_time=self.ns(times[1]),
            instrumentation_scope=_SCOPE,
        )

    def root(self) -> ReadableSpan:
        trial, record, judgement = self.trial, self.record, self.judgement
        attributes: dict[str, Any] = {
            semconv.OPERATION_NAME: semconv.INVOKE_AGENT,
            semconv.AGENT_NAME: trial.agent,
            semconv.CONVERSATION_ID: trial.id,
            semconv.SCENARIO: trial.scenario,
            semconv.FAULTLOAD: trial.faultload,
            semconv.TRIAL_NUMBER: trial.number,
            semconv.TRIAL_ATTEMPT: record.attempt,
            semconv.TRIAL_CLOCK: record.clock,
            semconv.TRIAL_SEED: record.seed,
            semconv.ENDING: record.ending.kind,
        }
        if judgement is not None and judgement.outcome is not None:
            attributes[semconv.OUTCOME] = judgement.outcome
        return self.span(
            f"{semconv.INVOKE_AGENT} {trial.agent}",
            self.parent.span_id,
            (0.0, record.end_s),
            attributes,
            error=self._failure(),
            events=[*self._happenings(), *self._verdicts()],
            root=True,
        )

    def tool(self, call: Call) -> ReadableSpan:
        told = call.told
        attributes: dict[str, Any] = {
            semconv.OPERATION_NAME: semconv.EXECUTE_TOOL,
            semconv.TOOL_NAME: call.tool,
            semconv.TOOL_TYPE: "function",
            semconv.TOOL_CALL_ID: call.id,
            semconv.TOOL_CALL_ARGUMENTS: _text(call.asked),
            semconv.TURN: call.turn,
            semconv.TOOL_EXECUTIONS: sum(not each.replica for each in call.done),
            semconv.TOOL_EFFECTS: sum(len(each.effects) for each in call.done),
        }
        if told.failure is None:
            attributes[semconv.TOOL_CALL_RESULT] = _text(told.body)
        return self.span(
            f"{semconv.EXECUTE_TOOL} {call.tool}",
            tool_span_id(self.trial.id, call.id),
            (call.at_s, call.end_s),
            attributes,
            error=None if told.ok else _reply_error(told),
            events=list(self._faults(call.fired)),
        )

    def chat(self, call: ModelCall, number: int) -> ReadableSpan:
        attributes: dict[str, Any] = {
            semconv.OPERATION_NAME: semconv.CHAT,
            semconv.REQUEST_MODEL: call.model,
            semconv.TURN: call.turn,
        }
        if call.input_tokens is not None:
            attributes[semconv.INPUT_TOKENS] = call.input_tokens
        if call.output_tokens is not None:
            attributes[semconv.OUTPUT_TOKENS] = call.output_tokens
        return self.span(
            f"{semconv.CHAT} {call.model}",
            span_id(self.trial.id, "chat", number),
            (call.at_s, call.end_s),
            attributes,
            error=None if call.error is None else (_error_type(call.error), call.error),
            kind=SpanKind.CLIENT,
        )

    def own(self, data: Mapping[str, Any]) -> ReadableSpan | None:
        """A span of the agent's own instrumentation; None for one that is not a span of this trial."""
        try:
            kept = otlp.read_span(data)
            parent = int(kept.parentSpanId, 16) if kept.parentSpanId else self.parent.span_id
            number = int(kept.spanId, 16)
            attributes = otlp.read_attributes(kept.attributes)
            happened = [(each, otlp.read_attributes(each.attributes)) for each in kept.events]
            if int(kept.traceId, 16) != trace_id(self.trial.id) or not number:
                return None
        except (msgspec.ValidationError, ValueError):
            return None
        shift = self.epoch - EPOCH_NS
        scope = InstrumentationScope(
            str(attributes.pop(semconv.SCOPE_NAME, "agent")), str(attributes.pop(semconv.SCOPE_VERSION, ""))
        )
        return ReadableSpan(
            kept.name,
            context=span_context(self.trace, number),
            parent=span_context(self.trace, parent),
            resource=RESOURCE,
            attributes=attributes,
            events=[Event(each.name, found, each.timeUnixNano + shift) for each, found in happened],
            kind=SpanKind(min(max(kept.kind - 1, 0), 4)),
            status=Status(StatusCode.ERROR, kept.status.message) if kept.status.code == 2 else _OK,
            start_time=kept.startTimeUnixNano + shift,
            end_time=kept.endTimeUnixNano + shift,
            instrumentation_scope=scope,
        )

    def _failure(self) -> tuple[str, str] | None:
        """The low-cardinality type of what went wrong with the whole trial, and its reason."""
        ending, judgement = self.record.ending, self.judgement
        if ending.kind != "finished":
            return ending.kind, ending.detail
        if judgement is not None and judgement.outcome not in _DELIVERED:
            return str(judgement.outcome), judgement.reason
        return None

    def _faults(self, fired: Sequence[Firing], **where: Any) -> Iterator[Event]:
        for firing in fired:
            witness = firing.receipt.get("witness")
            if witness == "unchanged":  # the fault of control trials, which is none
                continue
            attributes: dict[str, Any] = {
                semconv.FAULT_NAME: firing.fault,
                semconv.FAULT_INDEX: firing.injection,
                **where,
            }
            if witness:
                attributes[semconv.FAULT_WITNESS] = witness
            if firing.injection in self.landings:
                attributes[semconv.FAULT_WITNESSED] = self.landings[firing.injection].state
            rest = {name: value for name, value in firing.receipt.items() if name != "witness"}
            if rest:
                attributes[semconv.FAULT_RECEIPT] = _text(rest)
            yield Event(semconv.FAULT_INJECTED, attributes, self.ns(firing.at_s))

    def _happenings(self) -> Iterator[Event]:
        for event in self.record.events:
            match event:
                case WorldEvent():
                    yield Event(semconv.WORLD_CHANGED, {semconv.WORLD_INDEX: event.index}, self.ns(event.at_s))
                case Claim():
                    said = {semconv.CLAIM_STATUS: event.status, semconv.CLAIM_MISSING: tuple(event.missing)}
                    yield Event(semconv.CLAIM, said, self.ns(event.at_s))
                case Exchange():
                    yield from self._faults(event.fired, **{semconv.TURN: event.turn})
                case HandOver():
                    yield from self._handed_over(event)
                case Note():
                    noted: dict[str, Any] = {semconv.NOTE_KIND: event.kind, semconv.NOTE_DETAIL: event.detail}
                    yield Event(semconv.NOTE, noted, self.ns(event.at_s))

    def _handed_over(self, event: HandOver) -> Iterator[Event]:
        where: dict[str, Any] = {semconv.HANDOVER_CHANNEL: event.channel, semconv.HANDOVER_NUMBER: event.number}
        passed = {semconv.HANDOVER_SENT: _text(event.sent), semconv.HANDOVER_RECEIVED: _text(event.received)}
        yield Event(semconv.HANDOVER, {**where, **passed}, self.ns(event.at_s))
        yield from self._faults(event.fired, **where)

    def _verdicts(self) -> Iterator[Event]:
        judgement = self.judgement
        if judgement is None:
            return
        end = self.ns(self.record.end_s)
        label = judgement.outcome or "invalid"
        # An invalid trial has no score: undefined is not 0.
        scored = {"success": 1.0, "degraded": judgement.utility}.get(label, 0.0) if judgement.outcome else None
        reason = judgement.reason if judgement.valid else judgement.invalid_reason
        yield Event(semconv.EVALUATION_RESULT, _evaluation(semconv.OUTCOME_EVALUATION, label, scored, reason), end)
        for verdict in judgement.checks:
            passed = {"pass": 1.0, "fail": 0.0}.get(verdict.result)
            attributes = _evaluation(verdict.name, verdict.result, passed, verdict.reason)
            yield Event(semconv.EVALUATION_RESULT, attributes, end)


def _evaluation(name: str, label: str, value: float | None, reason: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {semconv.EVALUATION_NAME: name, semconv.EVALUATION_LABEL: label}
    if value is not None:
        attributes[semconv.EVALUATION_VALUE] = value
    if reason:
        attributes[semconv.EVALUATION_EXPLANATION] = reason
    return attributes


def _reply_error(told: Reply) -> tuple[str, str]:
    if told.failure is not None:
        return told.failure, f"no reply: {told.failure}"
    return str(told.status), f"HTTP {told.status}"


def _error_type(text: str) -> str:
    """The exception's name at the head of `Name: message`; `_OTHER`, as the conventions say, without one."""
    name = text.partition(":")[0].strip()
    return name if name.replace(".", "_").isidentifier() else "_OTHER"


def _text(value: Any) -> str:
    return _json.encode(value).decode()[:TEXT_MAX]
