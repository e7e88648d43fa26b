"""The trace of a trial: its tree, its marks, its bytes, and the agent's own spans in it."""

import base64
import json
import threading
from typing import Any

import msgspec
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from agentbench import otlp, semconv, tracing
from agentbench.collector import EPOCH_NS, OWN_SPANS_MAX
from agentbench.judgement import Judgement, Landing, Verdict
from agentbench.plan import Trial
from agentbench.record import (
    Call,
    Claim,
    Ending,
    Execution,
    Firing,
    ModelCall,
    Note,
    Reply,
    TrialRecord,
    Wall,
    WorldEvent,
)

TRIAL = Trial(
    id="naive/bank.rent/lost-write/0",
    agent="naive",
    scenario="bank.rent",
    faultload="lost-write",
    number=0,
    seed="5eed",
    injections=[],
    control="naive/bank.rent/none/0",
    attainable="success",
)


def call(number: int = 1, told: Reply | None = None, fired: list[Firing] | None = None) -> Call:
    """A transfer that was executed once and changed two rows."""
    done = Execution(at_s=1.0, end_s=1.2, arguments={"amount": 1}, reply=Reply(status=200), effects=[0, 1])
    return Call(
        id=f"c{number}",
        at_s=1.0,
        end_s=31.0,
        turn=0,
        tool="transfer",
        ordinal=number,
        asked={"amount": 1},
        done=[done],
        told=told or Reply(status=200, body={"id": "TRF-1"}),
        fired=fired or [],
    )


LOST = Firing(injection=0, fault="lost_reply", at_s=1.0, receipt={"witness": "committed_unanswered", "withheld": 200})


def record(*events: Any, **changes: Any) -> TrialRecord:
    """A finished record with these events."""
    made = TrialRecord(
        trial=TRIAL.id,
        attempt=0,
        seed=TRIAL.seed,
        clock="virtual",
        sandbox="process",
        ending=Ending(kind="finished"),
        end_s=40.0,
        events=list(events),
        ledger=[],
    )
    return msgspec.structs.replace(made, **changes)


def judgement(**changes: Any) -> Judgement:
    """A verdict on the trial."""
    made = Judgement(
        trial=TRIAL.id, agent="naive", scenario="bank.rent", faultload="lost-write", number=0, attempt=0, valid=True
    )
    return msgspec.structs.replace(made, **changes)


def parsed(line: bytes) -> ExportTraceServiceRequest:
    """The line as protobuf reads it; OTLP/JSON ids are hex, where protobuf's own JSON wants base64."""
    data = json.loads(line)
    for scopes in data["resourceSpans"]:
        for scope in scopes["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return json_format.ParseDict(data, ExportTraceServiceRequest())


def attributes(span: Any) -> dict[str, Any]:
    """The attributes of a span or event as a plain dictionary."""
    return dict(span.attributes or {})


# -- the tree ------------------------------------------------------------------------------------------


def test_agent_holds_model_calls_and_tool_calls_in_order():
    """The agent's span is the root, and every call is its child with the conventions' name and kind."""
    model = ModelCall(at_s=0.0, end_s=1.0, turn=0, model="scripted", input_tokens=7, output_tokens=0)
    made = tracing.spans(TRIAL, record(model, call()))
    assert [(span.name, span.kind) for span in made] == [
        ("invoke_agent naive", SpanKind.INTERNAL),
        ("chat scripted", SpanKind.CLIENT),
        ("execute_tool transfer", SpanKind.INTERNAL),
    ]
    root = made[0].get_span_context()
    assert made[0].parent is None
    assert all(span.parent.span_id == root.span_id for span in made[1:])
    assert {span.get_span_context().trace_id for span in made} == {tracing.trace_id(TRIAL.id)}
    assert len({span.get_span_context().span_id for span in made}) == 3


def test_ids_are_those_announced_for_the_live_context():
    """What was current while the agent ran is what the written trace holds."""
    root, tool = tracing.spans(TRIAL, record(call(3)))
    assert root.get_span_context().span_id == tracing.root_span_id(TRIAL.id)
    assert tool.get_span_context().span_id == tracing.tool_span_id(TRIAL.id, "c3")
    with tracing.current(TRIAL.id, "c3"):
        from opentelemetry import trace

        live = trace.get_current_span().get_span_context()
    assert (live.trace_id, live.span_id) == (tool.get_span_context().trace_id, tool.get_span_context().span_id)
    assert live.trace_flags.sampled


def test_times_are_the_trials_clock_after_the_wall_start():
    """Instants of the trial's clock are added to the wall-clock start, or to a constant when there is none."""
    _, tool = tracing.spans(TRIAL, record(call(), wall=Wall(started="2026-11-22T16:00:00.250+00:00")))
    started_ns = 1_795_363_200_250_000_000
    assert (tool.start_time, tool.end_time) == (started_ns + 1_000_000_000, started_ns + 31_000_000_000)
    assert tracing.spans(TRIAL, record(call()))[0].start_time == EPOCH_NS


def test_attributes_are_the_conventions():
    """Root, chat and tool carry the GenAI attributes, with arguments and result as JSON."""
    model = ModelCall(at_s=0.0, end_s=1.0, turn=0, model="scripted", input_tokens=7, output_tokens=0)
    root, chat, tool = map(attributes, tracing.spans(TRIAL, record(model, call()), judgement(outcome="success")))
    assert root["gen_ai.operation.name"] == "invoke_agent"
    assert (root["gen_ai.agent.name"], root["gen_ai.conversation.id"]) == ("naive", TRIAL.id)
    assert (root["agentbench.scenario"], root["agentbench.faultload"]) == ("bank.rent", "lost-write")
    assert root["agentbench.outcome"] == "success"
    assert (chat["gen_ai.operation.name"], chat["gen_ai.request.model"]) == ("chat", "scripted")
    assert (chat["gen_ai.usage.input_tokens"], chat["gen_ai.usage.output_tokens"]) == (7, 0)
    assert (tool["gen_ai.operation.name"], tool["gen_ai.tool.name"]) == ("execute_tool", "transfer")
    assert tool["gen_ai.tool.call.id"] == "c1"
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"amount": 1}
    assert json.loads(tool["gen_ai.tool.call.result"]) == {"id": "TRF-1"}
    assert (tool["agentbench.tool.executions"], tool["agentbench.tool.effects"]) == (1, 2)


def test_tokens_that_nobody_counted_are_left_out():
    """Unknown is not 0."""
    _, chat = tracing.spans(TRIAL, record(ModelCall(at_s=0.0, end_s=1.0, turn=0, model="m")))
    assert not [name for name in attributes(chat) if "usage" in name]


def test_own_names_do_not_differ_from_the_conventions_package():
    """Every GenAI name that is used here exists in the conventions as Python ships them."""
    # Read as text, for the module warns of its deprecation: the names have moved to a repository of their own.
    from importlib.util import find_spec
    from pathlib import Path

    folder = Path(find_spec("opentelemetry.semconv").submodule_search_locations[0])
    known = "".join(path.read_text() for path in folder.glob("_incubating/**/gen_ai_*.py"))
    used = {value for name, value in vars(semconv).items() if name.isupper() and str(value).startswith("gen_ai.")}
    assert {name for name in used if f'"{name}"' not in known} <= {semconv.EVALUATION_RESULT}


# -- errors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "kind"), [(Reply(failure="timeout"), "timeout"), (Reply(status=503, body={"error": {}}), "503")]
)
def test_failed_call_is_an_error(told, kind):
    """A call that got no answer, or a bad one, has `error.type` and an error status."""
    tool = tracing.spans(TRIAL, record(call(told=told)))[1]
    assert (attributes(tool)["error.type"], tool.status.status_code) == (kind, StatusCode.ERROR)
    assert ("gen_ai.tool.call.result" in attributes(tool)) == (told.failure is None)


@pytest.mark.parametrize(
    ("error", "kind"), [("openai.RateLimitError: slow down", "openai.RateLimitError"), ("it broke", "_OTHER")]
)
def test_failed_model_call_has_a_type_of_low_cardinality(error, kind):
    """The exception's name is the type, and its text is the status."""
    chat = tracing.spans(TRIAL, record(ModelCall(at_s=0.0, end_s=1.0, turn=0, model="m", error=error)))[1]
    assert (attributes(chat)["error.type"], chat.status.description) == (kind, error)


@pytest.mark.parametrize(
    ("ending", "outcome", "kind"),
    [
        ("finished", "success", None),
        ("finished", "degraded", None),
        ("finished", "false_success", "false_success"),
        ("crashed", "silent_failure", "crashed"),
        ("limit", "success", "limit"),
    ],
)
def test_failed_trial_is_an_error_of_the_root(ending, outcome, kind):
    """How the agent ended comes first, then what it did not deliver."""
    root = tracing.spans(TRIAL, record(ending=Ending(kind=ending, detail="why")), judgement(outcome=outcome))[0]
    assert attributes(root).get("error.type") == kind
    assert (root.status.status_code is StatusCode.ERROR) == (kind is not None)


# -- marks ---------------------------------------------------------------------------------------------


def test_fault_is_an_event_with_its_witness_and_state():
    """The call that was hit says by what, and what became of it once that is judged."""
    landing = Landing(index=0, fault="lost_reply", state="witnessed", fired=1, witnessed=1)
    tool = tracing.spans(TRIAL, record(call(fired=[LOST])), judgement(landings=[landing]))[1]
    (event,) = tool.events
    assert (event.name, event.timestamp) == ("agentbench.fault.injected", EPOCH_NS + 1_000_000_000)
    assert attributes(event) == {
        "agentbench.fault.name": "lost_reply",
        "agentbench.fault.index": 0,
        "agentbench.fault.witness": "committed_unanswered",
        "agentbench.fault.witnessed": "witnessed",
        "agentbench.fault.receipt": '{"withheld":200}',
    }
    unjudged = tracing.spans(TRIAL, record(call(fired=[LOST])))[1]
    assert "agentbench.fault.witnessed" not in attributes(unjudged.events[0])


def test_control_trial_shows_no_fault():
    """The null fault of control trials leaves no mark."""
    noop = Firing(injection=0, fault="noop", at_s=1.0, receipt={"witness": "unchanged"})
    assert tracing.spans(TRIAL, record(call(fired=[noop])))[1].events == ()


def test_verdict_is_an_evaluation_of_the_root():
    """The outcome comes first, then every check, at the end of the trial; an unknown check has no score."""
    checks = [Verdict(name="paid", result="pass"), Verdict(name="receipt", result="unknown", reason="no such table")]
    judged = judgement(outcome="degraded", utility=0.6, reason="no receipt", checks=checks)
    root = tracing.spans(TRIAL, record(), judged)[0]
    assert {(event.name, event.timestamp) for event in root.events} == {
        ("gen_ai.evaluation.result", EPOCH_NS + 40_000_000_000)
    }
    outcome, paid, receipt = map(attributes, root.events)
    assert outcome == {
        "gen_ai.evaluation.name": "agentbench.outcome",
        "gen_ai.evaluation.score.label": "degraded",
        "gen_ai.evaluation.score.value": 0.6,
        "gen_ai.evaluation.explanation": "no receipt",
    }
    assert paid["gen_ai.evaluation.score.value"] == 1.0
    assert "gen_ai.evaluation.score.value" not in receipt


def test_invalid_trial_has_no_score():
    """Undefined is not 0."""
    root = tracing.spans(TRIAL, record(), judgement(valid=False, invalid_reason="the testbed broke"))[0]
    (event,) = map(attributes, root.events)
    assert event["gen_ai.evaluation.score.label"] == "invalid"
    assert event["gen_ai.evaluation.explanation"] == "the testbed broke"
    assert "gen_ai.evaluation.score.value" not in event


def test_world_events_claims_and_notes_are_events_of_the_root():
    """What happened beside the calls has its instant on the agent's span."""
    events = [
        WorldEvent(at_s=2.0, index=1, effects=[0]),
        Claim(at_s=3.0, turn=0, status="partial", missing=["receipt"]),
        Note(at_s=4.0, kind="blocking_sleep", detail="1 s"),
    ]
    found = tracing.spans(TRIAL, record(*events))[0].events
    assert [event.name for event in found] == ["agentbench.world.changed", "agentbench.claim", "agentbench.note"]
    assert attributes(found[1]) == {"agentbench.claim.status": "partial", "agentbench.claim.missing": ("receipt",)}


def bare(found: dict[Any, Any]) -> ReadableSpan:
    """A span with these attributes, as no record would give it."""
    (root,) = tracing.spans(TRIAL, record())
    scope = root.instrumentation_scope
    return ReadableSpan(
        "bare", root.get_span_context(), attributes=found, resource=root.resource, instrumentation_scope=scope
    )


# -- bytes ---------------------------------------------------------------------------------------------


def test_line_is_what_the_protocol_prescribes():
    """Protobuf's own reader takes the line, and finds ids, kinds, times, events and status in it."""
    judged = judgement(outcome="harmful", reason="paid twice")
    made = tracing.spans(TRIAL, record(call(fired=[LOST], told=Reply(failure="timeout"))), judged)
    (resource,) = parsed(tracing.otlp_line(made)).resource_spans
    assert {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"] == "agentbench"
    (scope,) = resource.scope_spans
    assert (scope.scope.name, scope.schema_url) == ("agentbench", semconv.SCHEMA_URL)
    root, tool = scope.spans
    assert (root.kind, root.status.code, root.status.message) == (1, 2, "paid twice")
    assert tool.trace_id == tracing.trace_id(TRIAL.id).to_bytes(16)
    assert (tool.span_id, tool.parent_span_id) == (tracing.tool_span_id(TRIAL.id, "c1").to_bytes(8), root.span_id)
    assert tool.end_time_unix_nano - tool.start_time_unix_nano == 30_000_000_000
    assert [event.name for event in tool.events] == ["agentbench.fault.injected"]


def test_equal_records_give_equal_bytes():
    """The trace is a function of the record, and the wall clock only moves it."""
    one, two = (tracing.otlp_line(tracing.spans(TRIAL, record(call(fired=[LOST])))) for _ in range(2))
    later = record(call(fired=[LOST]), wall=Wall(started="2026-11-22T16:00:00+00:00", pid=7))
    assert one == two
    assert tracing.otlp_line(tracing.spans(TRIAL, later)) != one


def test_hostile_text_stays_one_line_of_utf8():
    """Line breaks, lone surrogates, huge and non-finite numbers neither break the line nor the reader."""
    told = Reply(status=200, body={"text": "a\nb\u2028", "number": 1e308})
    made = tracing.spans(TRIAL, record(call(told=told), ending=Ending(kind="crashed", detail="x\ud800\ny")))
    strange = {"nan": float("nan"), "inf": float("-inf"), "huge": 2**70, "bad": "\udfff", "none": None, "odd": {1: ()}}
    line = tracing.otlp_line([*made, bare(strange)])
    assert b"\n" not in line
    spans = parsed(line).resource_spans[0].scope_spans[0].spans
    assert spans[0].status.message == "x\\ud800\ny"
    found = {each.key: each.value for each in spans[2].attributes}
    assert found["nan"].double_value != found["nan"].double_value
    assert found["inf"].double_value == float("-inf")
    assert found["huge"].string_value == str(2**70)


texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)


@given(st.dictionaries(texts, scalars | st.lists(scalars) | st.binary() | st.dictionaries(texts, scalars)))
def test_attributes_survive_the_way_there_and_back(given_attributes):
    """Reading what was written gives the same values, of the same types."""
    line = tracing.otlp_line([bare(given_attributes)])
    parsed(line)
    data = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    found = otlp.read_attributes(data.get("attributes", []))
    assert found == given_attributes
    assert [type(each) for each in found.values()] == [type(each) for each in given_attributes.values()]


# -- the agent's own spans -----------------------------------------------------------------------------


class Live:
    """A collector with a clock that the test moves."""

    def __init__(self, trial: str = TRIAL.id) -> None:
        self.now = 0.0
        self.collector = tracing.Collector()
        self.collector.begin(trial, lambda: self.now)
        self.tracer = tracing.provider(self.collector).get_tracer("my.instrumentation", "1.2")


@pytest.fixture
def live() -> Live:
    """A fresh collector for the trial."""
    return Live()


def test_own_spans_nest_under_the_trial_and_its_calls(live):
    """The agent's spans have the trial's trace, the right parents, the trial's clock and ids of the trial."""
    with tracing.current(TRIAL.id):
        with live.tracer.start_as_current_span("plan", attributes={"step": 1}):
            live.now = 1.0
            with tracing.current(TRIAL.id, "c1"), live.tracer.start_as_current_span("http"):
                live.now = 3.5
            live.now = 4.0
    made = tracing.spans(TRIAL, record(call(), spans=live.collector.drain()))
    named = {span.name: span for span in made}
    http, plan = named["http"], named["plan"]
    assert [span.name for span in made] == ["invoke_agent naive", "execute_tool transfer", "http", "plan"]
    assert plan.parent.span_id == tracing.root_span_id(TRIAL.id)
    assert http.parent.span_id == tracing.tool_span_id(TRIAL.id, "c1")
    assert (http.start_time - EPOCH_NS, http.end_time - EPOCH_NS) == (1_000_000_000, 3_500_000_000)
    assert attributes(plan) == {"step": 1}
    request = parsed(tracing.otlp_line(made))
    assert [each.scope.name for each in request.resource_spans[0].scope_spans] == ["agentbench", "my.instrumentation"]


def test_own_spans_move_with_the_wall_clock_start(live):
    """They lie where the trial's other spans lie."""
    with tracing.current(TRIAL.id), live.tracer.start_as_current_span("plan"):
        live.now = 2.0
    wall = Wall(started="2026-11-22T16:00:00+00:00")
    root, plan = tracing.spans(TRIAL, record(wall=wall, spans=live.collector.drain()))
    assert plan.start_time == root.start_time
    assert plan.end_time - root.start_time == 2_000_000_000


def test_exceptions_of_own_spans_are_kept(live):
    """An error that the instrumentation recorded stays an error, with its event at the span's end."""

    def pay() -> None:
        with live.tracer.start_as_current_span("plan"):
            live.now = 2.0
            raise ValueError("no such payee")

    with tracing.current(TRIAL.id), pytest.raises(ValueError):
        pay()
    plan = tracing.spans(TRIAL, record(spans=live.collector.drain()))[1]
    assert plan.status.status_code is StatusCode.ERROR
    assert [(event.name, event.timestamp) for event in plan.events] == [("exception", EPOCH_NS + 2_000_000_000)]
    assert attributes(plan.events[0])["exception.message"] == "no such payee"


def test_two_executions_give_equal_spans():
    """Neither random ids nor wall-clock times get into a record."""

    def once() -> list[dict[str, Any]]:
        live = Live()
        with tracing.current(TRIAL.id):
            for number in range(3):
                with live.tracer.start_as_current_span(f"step {number}"):
                    live.now += 1
        return live.collector.drain()

    assert once() == once()
    assert len({each["spanId"] for each in once()}) == 3


def test_spans_without_a_parent_hang_on_the_root(live):
    """A thread that lost the context still belongs to the trial."""

    def work() -> None:
        live.tracer.start_span("orphan").end()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    (data,) = live.collector.drain()
    assert int(data["traceId"], 16) == tracing.trace_id(TRIAL.id)
    assert int(data["parentSpanId"], 16) == tracing.root_span_id(TRIAL.id)


def test_late_spans_of_an_earlier_trial_are_left_out(live):
    """What a leftover task ends during the next trial belongs to neither."""
    with tracing.current(TRIAL.id):
        late = live.tracer.start_span("late")
        live.tracer.start_span("unfinished")
    live.collector.begin("another/trial", lambda: 0.0)
    late.end()
    assert live.collector.drain() == []


def test_endless_spans_are_bounded_and_counted(live):
    """An agent in a loop fills no memory, and it is said how much is missing."""
    with tracing.current(TRIAL.id):
        for _ in range(OWN_SPANS_MAX + 5):
            live.tracer.start_span("again").end()
    assert (len(live.collector.drain()), live.collector.dropped) == (OWN_SPANS_MAX, 5)


@pytest.mark.parametrize(
    "junk",
    [
        {},
        {"name": "x"},
        {"traceId": "zz", "spanId": "1", "name": "x", "startTimeUnixNano": "1", "endTimeUnixNano": "2"},
        {"traceId": "1" * 32, "spanId": "1" * 16, "name": "x", "startTimeUnixNano": "1", "endTimeUnixNano": "2"},
    ],
)
def test_what_is_no_span_of_the_trial_is_left_out(junk):
    """A record with foreign or broken spans still gives its trace."""
    assert len(tracing.spans(TRIAL, record(spans=[junk]))) == 1


def test_two_executions_of_one_trial_are_two_traces():
    """A store of traces must not join the nights of a run under one id; within a run the spans hang together."""
    traces = []
    for started in ("2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00"):
        made = tracing.spans(TRIAL, record(call(), wall=Wall(started=started)), judgement())
        ids = {span.get_span_context().trace_id for span in made if span.get_span_context()}
        assert len(ids) == 1
        traces.append(ids.pop())
    assert traces[0] != traces[1]
