"""Whether an injection landed is read from the record, and a receipt alone is never believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.record import Exchange, HandOver, Reply, TrialRecord
from agentbench.witness import landings
from tests import records
from tests.records import DONE, DOWN, LOST, TOOLS, call, execution, fired, notified, paid, record, trial

GONE = Reply(failure="abandoned")
SHORT = Reply(status=200, body={"items": []})
REFUSED = Reply(status=422, body={"error": {"code": "validation_error"}})


def land(*calls, injections=("outage",), changes=(), **planned):
    """The landings of a trial with these faults in its plan, at every call unless it is planned otherwise."""
    planned = planned or {"lasts": "permanent"}
    of = trial(*({"fault": fault, **planned} for fault in injections))
    return landings(record(of, *calls, changes=changes), of, TOOLS)


def state(witness, *, changes=(), tool="transfer", **parts):
    """What becomes of one injection that fired on one call."""
    receipt = parts.pop("receipt", {})
    struck = call(tool, fired=[fired(witness, **receipt)], **parts)
    return land(struck, changes=changes)[0].state


CASES = [
    # told, executions, who changed what, and the state for each kind of witness
    ("unchanged", {}, (), "witnessed"),
    ("unchanged", {"told": DOWN, "done": [execution(DONE)]}, (), "unwitnessed"),
    ("unchanged", {"done": []}, (), "unwitnessed"),
    ("unchanged", {"told": GONE, "done": []}, (), "ineffective"),
    ("not_executed", {"told": DOWN, "done": []}, (), "witnessed"),
    ("not_executed", {"told": GONE, "done": []}, (), "witnessed"),
    ("not_executed", {"told": DOWN, "done": [execution(DONE)]}, (), "unwitnessed"),
    ("not_executed", {"told": DOWN, "done": []}, paid(), "unwitnessed"),
    ("not_executed", {"told": DONE, "done": []}, (), "unwitnessed"),
    ("committed_unanswered", {"told": LOST, "done": [execution()]}, paid(), "witnessed"),
    ("committed_unanswered", {"told": DOWN, "done": [execution()]}, paid(), "witnessed"),
    ("committed_unanswered", {"told": LOST, "done": [execution()], "tool": "list_payees"}, (), "witnessed"),
    ("committed_unanswered", {"told": LOST, "done": []}, (), "unwitnessed"),
    ("committed_unanswered", {"told": DONE, "done": [execution()]}, paid(), "unwitnessed"),
    ("committed_unanswered", {"told": LOST, "done": [execution(), execution()]}, paid(), "unwitnessed"),
    ("committed_unanswered", {"told": REFUSED, "done": [execution(REFUSED)]}, (), "ineffective"),
    ("committed_unanswered", {"told": LOST, "done": [execution()]}, (), "ineffective"),
    ("committed_unanswered", {"told": LOST, "done": [execution()]},
     [("call:c1", "INSERT INTO _idempotency VALUES ('k', '{}')")], "ineffective"),
    ("committed_unanswered", {"told": LOST, "done": [execution()]}, notified("c9"), "ineffective"),
    ("delayed", {"end_s": 20.2, "receipt": {"delay_s": 20.0}}, (), "witnessed"),
    ("delayed", {"end_s": 10.0, "receipt": {"delay_s": 20.0}}, (), "unwitnessed"),
    ("delayed", {"end_s": 20.0, "receipt": {"delay_s": 20.0}}, (), "unwitnessed"),
    ("delayed", {"end_s": 20.2}, (), "unwitnessed"),
    ("delayed", {"end_s": 20.2, "receipt": {"delay_s": True}}, (), "unwitnessed"),
    ("delayed", {"receipt": {"delay_s": 0.0}}, (), "ineffective"),
    ("delayed", {"end_s": 20.2, "told": DOWN, "done": [execution()], "receipt": {"delay_s": 20.0}}, (), "unwitnessed"),
    ("delayed", {"end_s": 5.0, "told": GONE, "done": [], "receipt": {"delay_s": 20.0}}, (), "witnessed"),
    ("delayed", {"end_s": 0.0, "told": GONE, "done": [], "receipt": {"delay_s": 20.0}}, (), "ineffective"),
    ("executed_twice", {"done": [execution(effects=[0, 1]), execution()]}, paid(), "witnessed"),
    ("executed_twice", {"done": [execution(effects=[0, 1]), execution(REFUSED)]}, paid(), "witnessed"),
    ("executed_twice", {"done": [execution(), execution()], "tool": "list_payees"}, (), "witnessed"),
    ("executed_twice", {"done": [execution(effects=[0])]}, paid(), "unwitnessed"),
    ("executed_twice", {"done": [execution(), execution(replica=True)]}, (), "unwitnessed"),
    ("executed_twice", {"told": REFUSED, "done": [execution(REFUSED), execution(REFUSED)]}, (), "ineffective"),
    ("executed_twice", {"done": [execution(), execution()]}, (), "ineffective"),
    ("executed_twice", {"done": [execution(effects=[0]), execution()]}, notified("c9"), "ineffective"),
    ("reply_changed", {"told": SHORT, "done": [execution()]}, (), "witnessed"),
    ("reply_changed", {"told": SHORT, "done": [execution(), execution(SHORT, replica=True)]}, (), "witnessed"),
    ("reply_changed", {}, (), "ineffective"),
    ("reply_changed", {"told": DONE, "done": [execution(), execution(SHORT, replica=True)]}, (), "ineffective"),
    ("reply_changed", {"told": GONE, "done": [execution()]}, (), "ineffective"),
    ("reply_changed", {"told": SHORT, "done": []}, (), "unwitnessed"),
    ("reply_changed", {"told": SHORT, "done": [execution(SHORT, replica=True)]}, (), "unwitnessed"),
    ("effect_missing", {"done": [execution(replica=True)]}, (), "witnessed"),
    ("effect_missing", {"done": []}, (), "witnessed"),
    ("effect_missing", {"done": []}, paid(), "unwitnessed"),
    ("effect_missing", {"told": DOWN, "done": []}, (), "unwitnessed"),
    ("effect_missing", {}, paid(), "ineffective"),
    ("effect_missing", {"done": [], "tool": "list_payees"}, (), "ineffective"),
    ("no_such_witness", {}, (), "unwitnessed"),
]  # fmt: skip


@pytest.mark.parametrize(("witness", "parts", "changes", "expected"), CASES)
def test_each_witness(witness, parts, changes, expected):
    """Each kind of witness confirms, contradicts or finds nothing changed, whatever the receipt says."""
    assert state(witness, changes=changes, **parts) == expected


def test_a_firing_without_a_witness_is_not_believed():
    """A receipt that names no witness is unwitnessed."""
    found = land(call(fired=[records.Firing(injection=0, fault="outage", at_s=0.0)]))
    assert (found[0].state, found[0].reason) == ("unwitnessed", "c1: the receipt names no witness")


def test_never_fired_is_not_reached():
    """An injection that met no call is not reached, and every planned injection has one landing."""
    found = land(call(), injections=("outage", "latency"), at={"tool": "freeze_card"})
    assert [(each.index, each.fault, each.state, each.fired) for each in found] == [
        (0, "outage", "not_reached", 0),
        (1, "latency", "not_reached", 0),
    ]


def test_a_firing_that_is_not_in_the_plan_is_unwitnessed():
    """A firing with another index or another fault than the plan's cannot be confirmed."""
    for odd in (fired("unchanged", injection=7), fired("unchanged", injection=-1), fired("unchanged", fault="latency")):
        found = land(call(fired=[odd]))
        assert [each.state for each in found] == ["not_reached", "unwitnessed"]


def test_a_firing_at_a_turn_that_is_not_in_the_plan_is_unwitnessed():
    """What struck a user's turn, or a message between agents, is held to the plan as well."""
    odd = fired("said_twice", injection=7)
    turn = Exchange(at_s=0, end_s=1, turn=0, number=1, said="Pay.", heard=["Pay.", "Pay."], fired=[odd])
    message = HandOver(at_s=0, end_s=0, turn=0, channel="clerk", number=1, sent=1, received=[1, 1], fired=[odd])
    for event, name in ((turn, "turn 0"), (message, "clerk 1")):
        found = land(event, at={"tool": "freeze_card"})
        assert [(each.index, each.state) for each in found] == [(0, "not_reached"), (7, "unwitnessed")]
        assert found[1].reason == f"{name}: the plan has no such injection"


def test_a_fault_that_fires_where_it_was_not_due_is_unwitnessed():
    """Another tool, another count or another draw than the plan says: the injector cannot be trusted."""
    struck = call(id="c1", told=DOWN, done=[], fired=[fired("not_executed")])
    assert land(struck, at={"tool": "transfer"})[0].state == "witnessed"
    for at in ({"tool": "list_payees"}, {"call": 2}, {"every": 3}, {"probability": 0.0}, {"window": {"from_s": 60}}):
        found = land(struck, at=at)[0]
        assert (found.state, found.reason) == ("unwitnessed", "c1: it was not due at this call")


def test_a_fault_that_fires_twice_is_unwitnessed():
    """One receipt too many, on the same call or on the next."""
    firing = fired("not_executed")
    twice = call(id="c1", told=DOWN, done=[], fired=[firing, firing])
    assert land(twice)[0].reason == "c1: it fired 2 times on this call"
    both = [call(id=name, told=DOWN, done=[], fired=[firing], ordinal=int(name[1])) for name in ("c1", "c2")]
    assert land(*both, at={"call": 1})[0].reason == "c2: it was not due at this call"


def test_a_fault_that_was_due_and_did_nothing_is_unwitnessed():
    """An injector that keeps silent does not get away as not reached, unless another fault was in its way."""
    assert land(call(id="c1"))[0].reason == "c1: it was due at this call and did nothing"
    down = call(id="c1", told=DOWN, done=[], fired=[fired("not_executed")])
    assert [each.state for each in land(down, injections=("outage", "latency"))] == ["witnessed", "not_reached"]
    gone = call(id="c1", told=GONE, done=[])
    assert land(gone)[0].state == "not_reached"


def test_one_contradiction_outweighs_every_confirmation():
    """Two firings confirmed and one contradicted make the injection unwitnessed, and name the call."""
    down = [
        call(id=f"c{number}", told=DOWN, done=[], fired=[fired("not_executed")], ordinal=number) for number in (1, 2)
    ]
    found = land(*down)[0]
    assert (found.state, found.fired, found.witnessed, found.first_call) == ("witnessed", 2, 2, "c1")
    found = land(*down, call(id="c3", told=DONE, fired=[fired("not_executed")]))[0]
    assert (found.state, found.fired, found.witnessed) == ("unwitnessed", 3, 2)
    assert found.reason == "c3: the call was executed"


def test_one_confirmation_outweighs_what_was_left_unchanged():
    """An injection that changed one reply of two is witnessed, by the call whose reply it changed."""
    same = call("list_payees", id="c1", fired=[fired("reply_changed")])
    cut = call("list_payees", id="c2", told=SHORT, done=[execution()], fired=[fired("reply_changed")])
    found = land(same, cut)[0]
    assert (found.state, found.fired, found.witnessed, found.first_call) == ("witnessed", 2, 1, "c2")


PAIRS = [
    # latency around an outage: judged by time alone
    (("delayed", {"delay_s": 20.0}), ("not_executed", {}), {"told": DOWN, "done": [], "end_s": 20.2}, (),
     ["witnessed", "witnessed"]),
    (("delayed", {"delay_s": 20.0}), ("not_executed", {}), {"told": DOWN, "done": [], "end_s": 1.0}, (),
     ["ineffective", "witnessed"]),
    # the same request delivered twice, and both times its answer is lost
    (("executed_twice", {}), ("committed_unanswered", {}),
     {"told": LOST, "done": [execution(effects=[0, 1]), execution()]}, paid(), ["witnessed", "witnessed"]),
    # an outage leaves nothing to be delivered twice, and no reply to be cut
    (("executed_twice", {}), ("not_executed", {}), {"told": DOWN, "done": []}, (), ["ineffective", "witnessed"]),
    (("reply_changed", {}), ("not_executed", {}), {"told": DOWN, "done": []}, (), ["ineffective", "witnessed"]),
    # a lost reply hides that it had been cut before
    (("committed_unanswered", {}), ("reply_changed", {}), {"told": LOST, "done": [execution()]}, paid(),
     ["witnessed", "ineffective"]),
    # a silent no-op whose answer is lost proves neither
    (("committed_unanswered", {}), ("effect_missing", {}), {"told": LOST, "done": []}, (),
     ["ineffective", "ineffective"]),
    # two faults of which neither is confirmed, and one is refuted
    (("not_executed", {}), ("reply_changed", {}), {}, (), ["unwitnessed", "ineffective"]),
]  # fmt: skip


@pytest.mark.parametrize(("outer", "inner", "parts", "changes", "states"), PAIRS)
def test_two_faults_on_one_call(outer, inner, parts, changes, states):
    """Where two faults meet on a call, what one hid of the other is ineffective, not a broken injector."""
    firings = [
        fired(witness, injection=index, fault=f"f{index}", **receipt)
        for index, (witness, receipt) in enumerate((outer, inner))
    ]
    found = land(call(fired=firings, **parts), injections=("f0", "f1"), changes=changes)
    assert [each.state for each in found] == states


def test_the_noop_excuses_nothing():
    """A no-op on the same call is no reason for a fault to lack its witness."""
    firings = [fired("unchanged", fault="noop"), fired("committed_unanswered", injection=1, fault="lost_reply")]
    found = land(call(fired=firings, told=LOST, done=[]), injections=("noop", "lost_reply"))
    assert [each.state for each in found] == ["ineffective", "unwitnessed"]


replies = st.sampled_from([DONE, DOWN, LOST, GONE, SHORT, REFUSED])
kinds = st.sampled_from([case[0] for case in CASES])
firings = st.builds(
    lambda kind, index, delay: fired(kind, injection=index, fault=f"f{index}", delay_s=delay),
    kinds,
    st.integers(-1, 3),
    st.none() | st.floats(allow_nan=True) | st.text(max_size=2),
)
calls = st.builds(
    lambda told, done, struck, end_s, tool: call(tool, told=told, done=done, fired=struck, end_s=end_s),
    replies,
    st.lists(st.builds(execution, replies, effects=st.lists(st.integers(-2, 9), max_size=3), replica=st.booleans())),
    st.lists(firings, max_size=4),
    st.floats(0, 40),
    st.sampled_from([*TOOLS, "unknown"]),
)


@given(st.lists(calls, max_size=4), st.booleans())
def test_any_record_has_one_state_per_planned_injection(made, wrote):
    """However odd a record is, each planned injection has exactly one state, with counts that fit it."""
    of = trial(*({"fault": f"f{index}"} for index in range(3)))
    odd: TrialRecord = record(of, *made, changes=paid() if wrote else ())
    found = landings(odd, of, TOOLS)
    assert [each.index for each in found[:3]] == [0, 1, 2]
    for each in found[:3]:
        assert 0 <= each.witnessed <= each.fired
        assert each.state != "not_reached" or each.fired == 0
        assert each.state != "witnessed" or each.witnessed > 0
        assert each.state == "witnessed" or each.reason
    assert all(each.state == "unwitnessed" for each in found[3:])
