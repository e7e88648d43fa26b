"""The agent's own spans while it runs: ids that are known beforehand, the current context, and what collects them.

Invariant: ids and times come from the trial's id and the trial's clock, so a span that the agent's instrumentation
opens has its parent in the trace that `tracing` makes of the record later.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import trace as api
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanContext, TraceFlags

from agentbench import __version__, otlp, seeds, semconv

EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z: where 0 s of the trial's clock lies in a record's spans
TEXT_MAX = 65_536  # characters of one attribute
OWN_SPANS_MAX = 2_000  # spans of the agent's own that one trial may keep
RESOURCE = Resource({semconv.SERVICE_NAME: "agentbench", semconv.SERVICE_VERSION: __version__})

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)

# -- ids -----------------------------------------------------------------------------------------------


def trace_id(trial_id: str, started: str = "") -> int:
    """The 128-bit id of a trial's trace; never 0.

    While the trial runs, and in its record, the id follows from the trial alone; a written trace is told from
    those of other runs by the instant at which the trial started.
    """
    return int(seeds.digest("trace", trial_id, *([started] if started else []))[:32], 16) or 1


def root_span_id(trial_id: str) -> int:
    """The 64-bit id of the span `invoke_agent`, under which everything of the trial lies."""
    return span_id(trial_id, "root")


def tool_span_id(trial_id: str, call_id: str) -> int:
    """The 64-bit id of the span `execute_tool` of one call."""
    return span_id(trial_id, "tool", call_id)


def span_id(trial_id: str, *part: str | int) -> int:
    """The 64-bit id of any part of a trial; never 0."""
    return int(seeds.digest("span", trial_id, *part)[:16], 16) or 1


def span_context(trace: int, span: int) -> SpanContext:
    """The context of a span with these ids, sampled."""
    return SpanContext(trace, span, is_remote=False, trace_flags=_SAMPLED)


def parent_span(trial_id: str, call_id: str | None = None) -> api.NonRecordingSpan:
    """What stands for the trial's agent, or for one of its calls, while it runs."""
    span = root_span_id(trial_id) if call_id is None else tool_span_id(trial_id, call_id)
    return api.NonRecordingSpan(span_context(trace_id(trial_id), span))


@contextmanager
def current(trial_id: str, call_id: str | None = None) -> Iterator[None]:
    """While it lasts, spans that are opened here nest under the trial's agent, or under one of its calls."""
    token = contexts.attach(api.set_span_in_context(parent_span(trial_id, call_id)))
    try:
        yield
    finally:
        contexts.detach(token)


# -- collecting ----------------------------------------------------------------------------------------


class Collector(SpanProcessor, IdGenerator):
    """Takes the spans that the agent's own instrumentation makes, in the trial's clock and with ids of the trial.

    An exporter would see wall-clock times and random ids; here a span begins and ends at the instants of the
    trial's clock at which it is started and ended, and its events lie at its end. Spans of earlier trials that end
    late, and those beyond `OWN_SPANS_MAX` (`dropped` counts them), are left out.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._trial = ""
        self._trace = 0
        self._now_s: Callable[[], float] = lambda: 0.0
        self._numbers = itertools.count()
        self._open: dict[int, float] = {}
        self._closed: list[dict[str, Any]] = []

    def begin(self, trial_id: str, now_s: Callable[[], float]) -> None:
        """Start collecting for a trial, and make its root the current span of the calling task.

        `now_s` is the trial's clock, and may be asked from any thread.
        """
        contexts.attach(api.set_span_in_context(parent_span(trial_id)))
        self._trial, self._trace, self._now_s = trial_id, trace_id(trial_id), now_s
        self._numbers = itertools.count()
        self.drain()
        self.dropped = 0

    def drain(self) -> list[dict[str, Any]]:
        """The finished spans as OTLP/JSON objects, in the order in which they ended; forgets them and the open ones."""
        finished, self._closed, self._open = self._closed, [], {}
        return finished

    def generate_trace_id(self) -> int:
        """The trial's trace, so that a span without a parent is not lost."""
        return self._trace or 1

    def generate_span_id(self) -> int:
        """The next id of this trial."""
        return span_id(self._trial, "own", next(self._numbers))

    def on_start(self, span: ReadableSpan, parent_context: contexts.Context | None = None) -> None:
        """Note the instant."""
        context = span.get_span_context()
        if context is None or context.trace_id != self._trace:
            return
        if len(self._open) + len(self._closed) >= OWN_SPANS_MAX:
            self.dropped += 1
            return
        self._open[context.span_id] = self._now_s()

    def on_end(self, span: ReadableSpan) -> None:
        """Keep the span, unless it belongs to an earlier trial."""
        context = span.get_span_context()
        started = self._open.pop(context.span_id, None) if context and context.trace_id == self._trace else None
        if started is None:
            return
        end_ns = _trial_ns(self._now_s())
        events = [Event(each.name, each.attributes, end_ns) for each in span.events]
        data = otlp.span_data(span, _trial_ns(started), end_ns, events)
        data.setdefault("parentSpanId", api.format_span_id(root_span_id(self._trial)))
        if span.instrumentation_scope:
            scope = {"key": semconv.SCOPE_NAME, "value": {"stringValue": span.instrumentation_scope.name}}
            data["attributes"] = [*data.get("attributes", []), scope]
        self._closed.append(data)


def _trial_ns(seconds: float) -> int:
    return EPOCH_NS + round(seconds * 1e6) * 1000


def provider(collector: Collector) -> TracerProvider:
    """A tracer provider whose spans all end up in the collector; make it the global one, once per process."""
    made = TracerProvider(
        sampler=ALWAYS_ON,
        resource=RESOURCE,
        id_generator=collector,
        span_limits=SpanLimits(max_attribute_length=TEXT_MAX),
        shutdown_on_exit=False,
    )
    made.add_span_processor(collector)
    return made


@cache
def installed() -> Collector:
    """The collector of this process, behind the global tracer provider; an agent that sets its own keeps it."""
    collector = Collector()
    api.set_tracer_provider(provider(collector))
    return collector
