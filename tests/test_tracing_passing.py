"""What strikes between the calls stands in the trace as well: at turns, and between agents."""

from typing import Any

from agentbench import tracing
from agentbench.record import Exchange, Firing, HandOver
from tests import records


def attributes(event: Any) -> dict[str, Any]:
    """What an event carries."""
    return dict(event.attributes)


def test_exchanges_and_hand_overs_are_events_of_the_root():
    """A fault at a turn or on a channel has its event there, and every hand-over shows both of its sides."""
    fired = Firing(injection=1, fault="struck", at_s=2.0, receipt={"witness": "forgotten", "forgets": 3})
    events = [
        Exchange(at_s=2.0, end_s=3.0, turn=1, number=2, said="Go on.", heard=["Go on."], fired=[fired]),
        HandOver(at_s=4.0, end_s=4.0, turn=1, channel="boss", number=1, sent={"do": 1}, received=[]),
        HandOver(at_s=5.0, end_s=5.0, turn=1, channel="boss", number=2, sent=1, received=[1], fired=[fired]),
    ]
    found = tracing.spans(records.trial(), records.record(records.trial(), *events))[0].events
    assert [event.name for event in found] == [
        "agentbench.fault.injected", "agentbench.handover", "agentbench.handover", "agentbench.fault.injected",
    ]  # fmt: skip
    assert attributes(found[0]) == {
        "agentbench.fault.name": "struck", "agentbench.fault.index": 1, "agentbench.fault.witness": "forgotten",
        "agentbench.fault.receipt": '{"forgets":3}', "agentbench.turn": 1,
    }  # fmt: skip
    assert attributes(found[1])["agentbench.handover.received"] == "[]"
    assert attributes(found[3])["agentbench.handover.channel"] == "boss"
