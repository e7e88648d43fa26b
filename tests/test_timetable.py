"""At which calls injections were due is worked out again from plan and record, and agrees with what really happens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbench import record as records_of
from agentbench import timetable
from agentbench.plan import PlannedTool
from agentbench.record import Call
from tests import notes, records

TOOLS = {
    "list_notes": PlannedTool(effect="read"),
    "get_note": PlannedTool(effect="read"),
    "add_note": PlannedTool(effect="write", idempotency_key="key"),
    "rate": PlannedTool(effect="write"),
}
ats = st.one_of(
    st.just({}),
    st.builds(lambda n: {"call": n}, st.integers(1, 4)),
    st.builds(lambda n: {"every": n}, st.integers(1, 4)),
    st.builds(lambda n, k: {"from": n, "for": k}, st.integers(1, 4), st.integers(1, 4)),
    st.builds(lambda p: {"probability": p}, st.floats(0, 1)),
    st.builds(lambda p, q: {"burst": {"begins": p, "ends": q}}, st.floats(0.1, 1), st.floats(0.1, 1)),
    st.just({"window": {"from_s": 2, "to_s": 5}}),
    st.just({"armed_by": "first"}),
)
lasts = st.sampled_from(["transient", "permanent", {"calls": 2}, {"seconds": 3}, {"attempts": 1}, {"probability": 0.5}])
narrow = st.sampled_from([{}, {"tool": "add_note"}, {"effect": "read"}, {"idempotent": True}])


@st.composite
def injections(draw):
    """Two injections of a fault that changes little; the second may be armed by the first."""
    found = []
    for number in range(2):
        at = draw(ats)
        if number == 0 and "armed_by" in at:
            at = {}
        free = not {"every", "from", "burst"} & set(at)
        each = {"fault": "latency", "at": {**at, **draw(narrow)}, "lasts": draw(lasts) if free else "transient"}
        if number == 0:
            each["id"] = "first"
        if draw(st.booleans()):
            each["max"] = draw(st.integers(1, 3))
        if draw(st.booleans()):
            each["cooldown_s"] = draw(st.sampled_from([0.5, 2.0]))
        found.append(each)
    return found


async def busy(message, tools):
    """Calls this and that, some of it twice."""
    for number in range(3):
        await tools.list_notes()
        await tools.result("add_note", {"text": f"note {number}"})
        await tools.result("get_note", {"id": "NOTE-1"})
    await tools.result("no_such_tool", {})
    await tools.result("rate", {"id": "NOTE-1", "stars": 2.0})
    return "Done."


@pytest.fixture(autouse=True)
def _world(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        notes.install(tmp_path_factory.mktemp("world"), patch)
        yield


@settings(max_examples=60, deadline=None)
@given(injections())
def test_timetable_agrees_with_what_struck(planned):
    """For every schedule that can be told from the record, the calls that were struck are those that were due."""
    record = notes.run(busy, injections=planned)
    assert record.ending.kind == "finished", record.ending
    of = records.trial(*planned, scenario="notes.milk")
    of = records_of.msgspec.structs.replace(of, seed=record.seed)
    due = timetable.due(record, of, TOOLS)
    known = [call for call in record.calls if call.tool in TOOLS]
    for call in known:
        struck = {firing.injection for firing in call.fired}
        assert {index for index in range(2) if due[index, call.id]} == struck


@pytest.mark.parametrize(
    "planned",
    [
        {"at": {"after": {"tool": "add_note"}}},
        {"at": {"when": "SELECT 1"}},
        {"at": {"window": {"from_percent": 10}}},
        {"lasts": {"until": {"tool": "add_note"}}},
    ],
)
def test_what_hangs_on_the_world_or_on_answers_is_left_alone(planned):
    """Nothing is said of calls that might be due; of those that cannot be, it is."""
    of = records.trial({"fault": "latency", **planned, "at": {**planned.get("at", {}), "effect": "write"}})
    record = records.record(of, records.call("list_payees", id="c1"), records.call("transfer", id="c2"))
    assert timetable.due(record, of, records.TOOLS) == {(0, "c1"): False}
    assert all(isinstance(event, Call | records_of.UserTurn) for event in record.events)
