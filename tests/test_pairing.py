"""Pairs that are equal until the first fault, whatever it strikes at."""

import msgspec
import pytest
from hypothesis import given

from agentbench.pairing import same_start, start, trail
from agentbench.record import Answer, Call, Exchange, Firing, HandOver, ModelCall, UserTurn
from tests import records
from tests.records import DOWN, call, claim, fired, record, trial

OUTAGE = {"fault": "outage"}


def noop(event):
    """The same event as a control has it."""
    return (
        msgspec.structs.replace(event, fired=[fired("unchanged", fault="noop")]) if isinstance(event, Call) else event
    )


def model(at_s, end_s):
    """A model call of some length."""
    return ModelCall(at_s=at_s, end_s=end_s, turn=0, model="m")


def paired(control, faulted, **parts):
    """Whether two lists of events start alike."""
    one, other = record(trial(), *control, **parts), record(trial(OUTAGE), *faulted, **parts)
    return same_start(trail(one), start(other))


FIRST = [model(0, 1), call("list_payees", id="c1", at_s=1, end_s=1.2), model(1.2, 2.2)]
SECOND = call(id="c2", at_s=2.2, end_s=2.4, asked={"cents": 5})
STRUCK = msgspec.structs.replace(
    SECOND, told=DOWN, done=[], fired=[fired("not_executed", at_s=2.2)], end_s=9.0
)  # fmt: skip


def test_a_pair_that_is_equal_until_the_first_fault_matches():
    """What comes after the fault may differ, and the controls' no-ops do not count."""
    control = [*map(noop, FIRST), noop(SECOND), claim("done")]
    assert paired(control, [*FIRST, STRUCK, claim("failed"), model(9, 10)])


@pytest.mark.parametrize(
    "control",
    [
        [*FIRST[:2], model(1.2, 3.0), SECOND],
        [*FIRST, msgspec.structs.replace(SECOND, asked={"cents": 6})],
        [*FIRST, msgspec.structs.replace(SECOND, tool="send_message")],
        [*FIRST[1:], SECOND],
        FIRST,
        [],
    ],
)
def test_a_pair_that_differs_before_the_fault_does_not_match(control):
    """Another event before the fault, or another request that met it, is no deterministic pair."""
    assert not paired(control, [*FIRST, STRUCK])


def test_a_pair_without_any_firing_must_be_equal_to_the_end():
    """When no fault fired, the two trials must be equal, their endings too."""
    assert paired([*map(noop, FIRST)], FIRST)
    assert not paired([*FIRST, claim("done")], FIRST)
    of, faulted = trial(), record(trial(OUTAGE), *FIRST)
    assert not same_start(trail(record(of, *FIRST, ending="limit")), start(faulted))


def test_calls_that_overlap_the_struck_one_do_not_matter():
    """Events are entered as they end: a parallel call that ended after the fault began is left out."""
    beside = call("send_message", id="c3", at_s=2.2, end_s=2.4)
    assert paired([*FIRST, SECOND, beside], [*FIRST, beside, STRUCK])


def test_a_real_clock_does_not_spoil_a_pair():
    """Under a real clock the readings of the clock are left out of the comparison, and nothing else is."""
    later = [model(0, 1.1), call("list_payees", id="c1", at_s=1.3, end_s=1.7), model(1.8, 2.2)]
    assert paired([*FIRST, SECOND], [*later, STRUCK], clock="real")
    assert not paired([*FIRST, SECOND], [*later, STRUCK])
    assert not paired([*FIRST[:2], SECOND], [*later, STRUCK], clock="real")


@given(records.events)
def test_a_trial_starts_like_itself(made):
    """Any record whose calls have ids of their own matches itself."""
    own = [
        msgspec.structs.replace(event, id=f"c{place}") if isinstance(event, Call) else event
        for place, event in enumerate(made)
    ]
    whole = record(trial(OUTAGE), *own)
    assert same_start(trail(whole), start(whole))


# -- turns and messages ----------------------------------------------------------------------------------

HEARD = [UserTurn(at_s=3.0, turn=1, text="Yes."), Answer(at_s=3.5, turn=1, text="Done.")]
SENT = HandOver(at_s=3.0, end_s=3.0, turn=0, channel="clerk", number=1, sent={"do": 1}, received=[{"do": 1}])
MARK = [Firing(injection=0, fault="made", at_s=3.0, receipt={})]


def exchange(*heard, said="Yes."):
    """A struck turn: what the agent heard, and the exchange that is entered behind it."""
    turns = [UserTurn(at_s=3.0, turn=1 + place, text=text) for place, text in enumerate(heard)]
    return [*turns, Exchange(at_s=3.0, end_s=3.5, turn=1, number=2, said=said, heard=list(heard), fired=MARK)]


@pytest.mark.parametrize("heard", [(), ("YES.",), ("Yes.", "Yes.")])
def test_what_a_fault_makes_of_a_turn_is_not_compared(heard):
    """The pair is equal until the user would have spoken, and what the agent heard instead does not spoil it."""
    assert paired([*FIRST, *HEARD], [*FIRST, *exchange(*heard)])


def test_turn_before_which_the_trials_differ_does_not_match():
    """Another call before the struck turn, or another line of the user there, makes a pair that is none."""
    other = call("list_payees", id="c1", at_s=1, end_s=1.3)
    assert not paired([*FIRST, *HEARD], [FIRST[0], other, FIRST[2], *exchange("YES.")])
    assert not paired([*FIRST, *HEARD], [*FIRST, *exchange("YES.", said="No.")])


def test_message_between_agents_is_compared_by_what_was_sent():
    """What arrived is the fault's doing; what was sent must be the same."""
    struck = msgspec.structs.replace(SENT, received=[], fired=MARK)
    assert paired([*FIRST, SENT], [*FIRST, struck])
    assert not paired([*FIRST, SENT], [*FIRST, msgspec.structs.replace(struck, sent={"do": 2})])
