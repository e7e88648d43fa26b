"""OTLP/JSON: spans as the bytes that OpenTelemetry's protocol prescribes, and back.

Invariant: one line is one `ExportTraceServiceRequest`: hex ids, nanoseconds as strings, enumerations as numbers.
"""

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

_encoder = msgspec.json.Encoder(order="deterministic")


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A span's status: 0 unset, 1 ok, 2 error."""

    code: int = 0
    message: str = ""


class SpanEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something at an instant of a span."""

    name: str
    timeUnixNano: int
    attributes: list[dict[str, Any]] = []


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A span as read back from OTLP/JSON; unknown members are ignored."""

    traceId: str
    spanId: str
    name: str
    startTimeUnixNano: int
    endTimeUnixNano: int
    parentSpanId: str = ""
    kind: int = 1
    attributes: list[dict[str, Any]] = []
    events: list[SpanEvent] = []
    status: Status = Status()


def line(spans: Sequence[ReadableSpan]) -> bytes:
    """The spans of one trial as one JSON object without a line break; all of them have the first one's resource."""
    scopes: dict[tuple[str, str], dict[str, Any]] = {}
    for span in spans:
        scope = span.instrumentation_scope
        name, version = (scope.name, scope.version or "") if scope else ("", "")
        entry = scopes.get((name, version))
        if entry is None:
            entry = {"scope": {"name": name, "version": version}, "spans": []}
            if scope and scope.schema_url:
                entry["schemaUrl"] = scope.schema_url
            scopes[name, version] = entry
        entry["spans"].append(span_data(span, span.start_time or 0, span.end_time or 0))
    resource = {"attributes": _attributes(spans[0].resource.attributes)} if spans else {}
    return _encoder.encode({"resourceSpans": [{"resource": resource, "scopeSpans": list(scopes.values())}]})


def span_data(span: ReadableSpan, start_ns: int, end_ns: int, events: Sequence[Event] | None = None) -> dict[str, Any]:
    """One span as an OTLP/JSON object, with these times in place of its own."""
    context = span.get_span_context()
    assert context is not None  # a span that was started has one
    data: dict[str, Any] = {
        "traceId": format_trace_id(context.trace_id),
        "spanId": format_span_id(context.span_id),
        "name": _clean(span.name),
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(end_ns),
    }
    if span.parent is not None:
        data["parentSpanId"] = format_span_id(span.parent.span_id)
    if span.attributes:
        data["attributes"] = _attributes(span.attributes)
    happened = span.events if events is None else events
    if happened:
        data["events"] = [
            {"timeUnixNano": str(each.timestamp), "name": _clean(each.name), "attributes": _attributes(each.attributes)}
            for each in happened
        ]
    if span.status.status_code is not StatusCode.UNSET:
        data["status"] = {"code": span.status.status_code.value, "message": _clean(span.status.description or "")}
    return data


def read_span(data: Mapping[str, Any]) -> Span:
    """The span of an OTLP/JSON object; raises `msgspec.ValidationError` for anything else."""
    return msgspec.convert(data, Span, strict=False)


def read_attributes(entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The attributes of a list of OTLP key-value pairs."""
    return {str(each.get("key", "")): _read_value(each.get("value")) for each in entries}


def _attributes(attributes: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    return [
        # Most are ASCII texts, and there are a hundred in a trial.
        {"key": name, "value": {"stringValue": value}}
        if type(value) is str and value.isascii() and name.isascii()
        else {"key": _clean(str(name)), "value": _value(value)}
        for name, value in (attributes or {}).items()
    ]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case str():
            return {"stringValue": _clean(value)}
        case bool():
            return {"boolValue": value}
        case int():
            # Beyond 64 bits OTLP has no integers.
            return {"intValue": str(value)} if -(2**63) <= value < 2**63 else {"stringValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else _NOT_FINITE[str(value)]}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case Mapping():
            return {"kvlistValue": {"values": _attributes(value)}}
        case Sequence():
            return {"arrayValue": {"values": [_value(each) for each in value]}}
        case None:
            return {}
        case _:
            return {"stringValue": _clean(str(value))}


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _read_value(value: Any) -> Any:
    match value:
        case {"stringValue": str(text)}:
            return text
        case {"boolValue": bool(flag)}:
            return flag
        case {"intValue": str() | int() as number}:
            return int(number)
        case {"doubleValue": str() | int() | float() as number}:
            return float(number)
        case {"bytesValue": str(text)}:
            return base64.b64decode(text)
        case {"arrayValue": {"values": list(values)}}:
            return [_read_value(each) for each in values]
        case {"kvlistValue": {"values": list(values)}}:
            return read_attributes(values)
        case {"arrayValue": _}:
            return []
        case _:
            return None


def _clean(text: str) -> str:
    """The text without lone surrogates, which JSON has no way to carry."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
