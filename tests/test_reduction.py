"""Hits from a record, whatever made them fire, and simpler parameters, each asked for before it is kept."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from agentbench.faultload import Injection
from agentbench.record import Exchange
from agentbench.reduction import simplified, struck, together, valid
from tests import notes, records


@pytest.fixture(autouse=True)
def _notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)


WEATHER = [
    {"fault": "outage", "with": {"status": 502}, "at": {"probability": 0.5}},
    {"fault": "latency", "with": {"delay_s": 5.0}, "at": {"effect": "read"}, "lasts": "permanent"},
    {"fault": "timeout", "at": {"tool": "rate"}},
]


async def busy(message: str, tools: Any) -> str:
    """Make eight calls, whatever comes of them."""
    for number in range(4):
        for call in (tools.list_notes, lambda number=number: tools.add_note(text=f"note {number + 10}")):
            with contextlib.suppress(Exception):
                await call()
    return "Done."


def test_weather_becomes_the_calls_that_it_struck() -> None:
    """The hits strike exactly the calls that probability and permanence struck, and the same is told."""
    before = notes.run(busy, injections=WEATHER)
    hits = struck(before, WEATHER)
    fired = [(firing.fault, call.tool, call.ordinal) for call in before.calls for firing in call.fired]
    assert sorted((hit["fault"], hit["at"]["tool"], hit["at"]["call"]) for group in hits[:2] for hit in group) == (
        sorted(fired)
    )
    assert len(fired) > 4
    again = notes.run(busy, injections=[hit for group in hits for hit in group])
    assert [call.told.status for call in again.calls] == [call.told.status for call in before.calls]
    assert [(firing.fault, call.tool, call.ordinal) for call in again.calls for firing in call.fired] == fired


def test_hits_keep_parameters_and_nothing_else() -> None:
    """A hit is transient and at one call; what never fired stays whole."""
    hits = struck(notes.run(busy, injections=WEATHER), WEATHER)
    assert hits[1]  # the outermost fault keeps some calls from the other
    for hit in hits[1]:
        assert hit == {
            "fault": "latency",
            "with": {"delay_s": 5.0},
            "at": {"tool": "list_notes", "call": hit["at"]["call"]},
        }
    assert hits[2] == [WEATHER[2]]
    assert all(Injection.model_validate(hit).lasts == "transient" for group in hits for hit in group)


def test_two_injections_on_one_call_keep_their_order() -> None:
    """The first injection is the outermost, in the hits as in the faultload."""
    both = records.call(fired=[records.fired("delayed", injection=0), records.fired("delayed", injection=1)])
    made = records.record(records.trial({"fault": "latency"}), both)
    hits = struck(made, [{"fault": "latency", "with": {"delay_s": 1}}, {"fault": "latency", "with": {"delay_s": 2}}])
    assert [hit["with"]["delay_s"] for group in hits for hit in group] == [1, 2]


def test_what_strikes_elsewhere_stays_whole() -> None:
    """An injection that fired at a turn of the user is no call's, and is kept as it was written."""
    whole = {"fault": "noop", "at": {"turn": 1}}
    said = Exchange(at_s=0.0, end_s=0.0, turn=0, number=1, said="Pay.", heard=[], fired=[records.fired("kept_away")])
    made = records.record(records.trial(whole), said, records.call(fired=[records.fired("kept_away")]))
    assert struck(made, [whole]) == [[whole]]


def test_conditions_become_fewer() -> None:
    """A window, a limit or a narrowing that does not matter is gone; one that does stays."""
    given = {"fault": "outage", "at": {"effect": "read", "window": {"from_s": 1}, "every": 2}, "max": 3, "id": "it"}
    needs_reads = simplified(given, lambda each: "effect" in each["at"])
    assert needs_reads == {"fault": "outage", "at": {"effect": "read", "every": 2}}


def test_what_refers_to_another_needs_it() -> None:
    """Injections without the one that arms them are no faultload."""
    armed = {"fault": "outage", "at": {"armed_by": "first"}}
    assert together([{"fault": "timeout", "id": "first"}, armed])
    assert not together([armed])
    assert not together([])


def test_a_whim_of_the_record_is_no_hit() -> None:
    """A firing of an injection that the plan does not know is left out."""
    made = records.record(records.trial({"fault": "outage"}), records.call(fired=[records.fired("x", injection=7)]))
    assert struck(made, [{"fault": "outage"}]) == [[{"fault": "outage"}]]


@pytest.mark.parametrize(
    ("injection", "fails", "expected"),
    [
        # A parameter that does not matter goes to its default, by being left out.
        ({"fault": "outage", "with": {"status": 502}}, lambda each: True, {"fault": "outage"}),
        # A number is brought as near to its default as it may be.
        ({"fault": "latency", "with": {"delay_s": 64}}, lambda each: each.get("with", {}).get("delay_s", 0) >= 31,
         {"fault": "latency", "with": {"delay_s": 31}}),
        # A list loses what does not matter.
        ({"fault": "wrong_value", "with": {"fields": ["a", "b", "c"]}},
         lambda each: "b" in each.get("with", {}).get("fields", ()),
         {"fault": "wrong_value", "with": {"fields": ["b"]}}),
        # So does a duration.
        ({"fault": "outage", "lasts": "permanent"}, lambda each: True, {"fault": "outage"}),
        ({"fault": "outage", "lasts": {"calls": 9}},
         lambda each: isinstance(each.get("lasts"), dict) and each["lasts"]["calls"] >= 3,
         {"fault": "outage", "lasts": {"calls": 3}}),
        # Where everything matters, everything stays.
        ({"fault": "lost_reply", "with": {"as": "reset"}, "lasts": "permanent"}, lambda each: False,
         {"fault": "lost_reply", "with": {"as": "reset"}, "lasts": "permanent"}),
    ],
)  # fmt: skip
def test_parameters_become_simpler(injection: dict[str, Any], fails: Any, expected: dict[str, Any]) -> None:
    """Defaults first, then numbers by halving, lists by leaving out."""
    assert simplified(injection, fails) == expected


def test_only_valid_injections_are_asked_for() -> None:
    """A parameter that is needed is never left out, and a number never leaves its bounds."""
    asked: list[dict[str, Any]] = []

    def fails(changed: dict[str, Any]) -> bool:
        asked.append(changed)
        return True

    simplified({"fault": "wrong_value", "with": {"by": 0.5, "least": 1000}}, fails)
    assert asked
    assert all(valid(each) for each in asked)
    assert not valid({"fault": "wrong_value", "with": {"by": 0}})
    assert not valid({"fault": "no_such_fault"})
    assert not valid({"fault": "outage", "at": {"nowhere": 1}})
