"""At which occasions an injection strikes, and that no order of calls decides it."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbench import seeds
from agentbench.calls import ToolSpec
from agentbench.faultload import Faultload, Injection
from agentbench.schedule import Occasion, Schedule

READ = ToolSpec(name="list_payees", description="", parameters={}, effect="read")
WRITE = ToolSpec(name="transfer", description="", parameters={}, effect="write", idempotency_key="key")
PLAIN = ToolSpec(name="send_message", description="", parameters={}, effect="write")


@dataclass
class Trial:
    """What a schedule sees of a trial, as a test sets it."""

    clock_s: float = 0.0
    calls: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    true: set[str] = field(default_factory=set)
    fired: set[str] = field(default_factory=set)

    def now_s(self) -> float:
        return self.clock_s

    def made(self) -> int:
        return self.calls

    def successes(self, tool: str) -> int:
        return self.answered[tool]

    def holds(self, sql: str) -> bool:
        return sql in self.true

    def struck(self, injection: str) -> bool:
        return injection in self.fired


def schedule(key: tuple[Any, ...] = ("seed", "scenario", 0, 0), span_s: float = 0.0, **injection: Any) -> Schedule:
    """The schedule of an injection as YAML would give it."""
    return Schedule(Injection.model_validate({"fault": "noop", **injection}), key, span_s=span_s)


def call(number: int, repeat: int = 0, spec: ToolSpec = READ) -> Occasion:
    """The call that is told from others by `number` and `repeat`."""
    return Occasion("call", spec.name, f"key-{number}", repeat, spec)


def hits(made: Schedule, count: int, spec: ToolSpec = READ, step_s: float = 0.0) -> list[int]:
    """Which of the first `count` calls are struck (from 1), with `step_s` between them."""
    return [n for n in range(1, count + 1) if made.strikes(call(n, spec=spec), Trial((n - 1) * step_s, calls=n - 1))]


def test_calls_of_other_tools_are_not_counted():
    """The n-th call is the n-th one that the injection looks at."""
    made = schedule(at={"effect": "write", "call": 2})
    struck = [made.strikes(call(n, spec=spec), Trial()) for n, spec in enumerate([READ, WRITE, READ, PLAIN, WRITE])]
    assert struck == [False, False, False, True, False]


# -- when and how long -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("injection", "expected"),
    [
        ({}, [1]),
        ({"at": {"call": 3}}, [3]),
        ({"at": {"every": 1}}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"at": {"every": 3}}, [3, 6]),
        ({"at": {"from": 3}}, [3]),
        ({"at": {"from": 3, "for": 4}}, [3, 4, 5, 6]),
        ({"at": {"call": 6}, "lasts": "permanent"}, [6, 7, 8]),
        ({"lasts": "permanent"}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"at": {"call": 2}, "lasts": {"calls": 3}}, [2, 3, 4]),
        ({"at": {"call": 2}, "lasts": {"calls": 1}}, [2]),
        ({"at": {"call": 2}, "lasts": {"seconds": 3}}, [2, 3, 4]),
        ({"at": {"call": 2}, "lasts": {"seconds": 2.5}}, [2, 3, 4]),
        ({"at": {"call": 2}, "lasts": {"probability": 1}}, [2, 3, 4, 5, 6, 7, 8]),
        ({"at": {"call": 2}, "lasts": {"probability": 0}}, [2]),
        ({"at": {"probability": 0}}, []),
        ({"at": {"probability": 1}}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"at": {"probability": 1}, "lasts": "permanent"}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"at": {"probability": 1}, "lasts": {"calls": 3}}, [1, 2, 3]),
    ],
)
def test_trigger_and_duration_say_which_calls(injection, expected):
    """Of eight calls, one second apart, exactly these are struck."""
    assert hits(schedule(**injection), 8, step_s=1.0) == expected


def test_probability_with_a_duration_begins_at_a_drawn_call_and_then_goes_on():
    """A drawn beginning with `permanent` is one unbroken stretch to the end."""
    found = hits(schedule(at={"probability": 0.2}, lasts="permanent"), 40)
    assert found
    assert found == list(range(found[0], 41))
    assert found[0] > 1


def test_intermittent_fault_comes_and_goes():
    """With `lasts: {probability}` the first call is struck, and later ones at about that rate."""
    found = hits(schedule(lasts={"probability": 0.5}), 1001)
    assert found[0] == 1
    assert 430 < len(found) < 570


@given(began=st.floats(0, 1e4), seconds=st.sampled_from([0.1, 1, 7.3, 20, 60]), before_s=st.floats(1e-5, 0.09))
def test_window_is_over_exactly_at_its_end(began, seconds, before_s):
    """A caller who waits as long as the window lasts is past it, whatever floating-point sums round to."""
    started = round(began, 6)
    made = schedule(lasts={"seconds": seconds})
    assert made.strikes(call(1), Trial(started))
    assert made.strikes(call(2), Trial(started + seconds - before_s))
    assert not made.strikes(call(3), Trial(round(started + seconds, 6)))


# -- keyed decisions -------------------------------------------------------------------------------------

names = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), unique=True, max_size=40)
shares = st.floats(0, 1)


def struck(made: Schedule, order: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """Which of the calls, made in this order, are struck."""
    return {name for name in order if made.strikes(call(*name), Trial())}


@given(order=names, share=shares, data=st.data())
def test_order_of_calls_does_not_decide_who_is_hit(order, share, data):
    """Parallel calls that arrive in another order are hit all the same."""
    other = data.draw(st.permutations(order))
    assert struck(schedule(at={"probability": share}), order) == struck(schedule(at={"probability": share}), other)


@given(order=names, other=names, share=shares)
def test_more_calls_do_not_change_the_fate_of_the_others(order, other, share):
    """An agent that calls more often meets the same faults on the calls that it shares with another."""
    few = struck(schedule(at={"probability": share}), order)
    many = struck(schedule(at={"probability": share}), [*(each for each in other if each not in order), *order])
    assert few == many & set(order)


@given(order=names, one=shares, two=shares)
def test_larger_probability_only_adds_faults(order, one, two):
    """The calls hit under a smaller λ are hit under a larger one too."""
    low, high = sorted((one, two))
    assert struck(schedule(at={"probability": low}), order) <= struck(schedule(at={"probability": high}), order)


def test_probability_is_the_share_of_calls_that_are_hit():
    """Over many calls the share is λ, within four standard deviations."""
    for share in (0.05, 0.3, 0.8):
        count = len(hits(schedule(at={"probability": share}), 4000))
        assert abs(count - 4000 * share) < 4 * (4000 * share * (1 - share)) ** 0.5


def test_repeat_of_a_call_is_decided_anew():
    """A retry with the same arguments is not bound to share the fate of the first try."""
    order = [(0, repeat) for repeat in range(200)]
    assert 60 < len(struck(schedule(at={"probability": 0.5}), order)) < 140


def test_key_decides_the_weather():
    """Equal keys give equal weather; another seed, trial or injection gives another."""
    order = [(number, 0) for number in range(200)]
    base = ("seed", "scenario", 0, 0)
    seen = [
        frozenset(struck(schedule(key, at={"probability": 0.5}), order))
        for key in (base, ("other", "scenario", 0, 0), ("seed", "scenario", 1, 0), ("seed", "scenario", 0, 1))
    ]
    assert len(set(seen)) == 4
    assert seen[0] == struck(schedule(base, at={"probability": 0.5}), order)


@settings(max_examples=500)
@given(order=st.permutations(range(12)), share=shares)
def test_parallel_calls_in_any_order_of_arrival_meet_the_same_faults(order, share):
    """Twelve calls in flight at once, in 500 orders: a probability and a burst hit the same of them."""
    for at in ({"probability": share}, {"burst": {"begins": 0.5, "ends": 0.5, "hits": share, "otherwise": share / 2}}):
        names = [(number, 0) for number in range(12)]
        shuffled = [names[place] for place in order]
        assert struck(schedule(at=at), shuffled) == struck(schedule(at=at), names)


# -- bursts ----------------------------------------------------------------------------------------------


def test_burst_hits_in_spells_of_the_stated_length():
    """Bad spells last 1 / ends steps on average, and cover begins / (begins + ends) of the time."""
    found = set(hits(schedule(at={"burst": {"begins": 0.05, "ends": 0.25}}), 20_000, step_s=1.0))
    spells = sum(n in found and n - 1 not in found for n in range(1, 20_001))
    assert 0.14 < len(found) / 20_000 < 0.19
    assert 3.5 < len(found) / spells < 4.5


def test_burst_hits_a_share_of_the_calls_in_each_state():
    """`hits` is the chance in a bad spell and `otherwise` the one in a good one."""
    always_bad = schedule(at={"burst": {"begins": 1, "ends": 0, "hits": 0.3}})
    always_good = schedule(at={"burst": {"begins": 0, "ends": 1, "hits": 1, "otherwise": 0.1}})
    assert 0.26 < len(hits(always_bad, 4000)) / 4000 < 0.34
    assert 0.07 < len(hits(always_good, 4000)) / 4000 < 0.13


def test_calls_of_one_moment_share_the_spell():
    """Whether it is a bad moment does not depend on who calls, nor on how many called before."""
    burst = {"burst": {"begins": 0.3, "ends": 0.3, "every_s": 2.0}}
    for second in range(60):
        alone = schedule(at=burst).strikes(call(7), Trial(second))
        late = schedule(at=burst)
        assert [late.strikes(call(n), Trial(second)) for n in range(5)] == [alone] * 5


# -- conditions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"from_s": 2, "to_s": 4}, [3, 4]),
        ({"from_s": 5}, [6, 7, 8]),
        ({"to_s": 2}, [1, 2]),
        ({"from_percent": 25, "to_percent": 50}, [3, 4]),
        ({"from_percent": 75}, [7, 8]),
    ],
)
def test_window_is_the_part_of_the_trial_in_which_it_strikes(window, expected):
    """Eight calls one second apart, under a reference that takes eight seconds."""
    assert hits(schedule(span_s=8.0, at={"every": 1, "window": window}), 8, step_s=1.0) == expected


def test_calls_count_from_when_the_conditions_hold():
    """The first call `after` a tool has answered is the first one since then."""
    made = schedule(at={"effect": "write", "after": {"tool": "list_payees", "call": 2}, "call": 2})
    trial = Trial()
    assert not made.strikes(call(1, spec=WRITE), trial)
    trial.answered["list_payees"] = 2
    assert [made.strikes(call(n, spec=WRITE), trial) for n in (2, 3, 4)] == [False, True, False]


def test_predicate_is_asked_at_each_call_that_is_looked_at():
    """It strikes while the world is so, and not before or after."""
    made = schedule(at={"when": "SELECT poor"}, lasts="permanent")
    trial = Trial()
    seen = []
    for true in (set(), {"SELECT poor"}, {"SELECT poor"}, set(), {"SELECT poor"}):
        trial.true = true
        seen.append(made.strikes(call(len(seen)), trial))
    assert seen == [False, True, True, False, True]


def test_armed_injection_waits_for_the_one_that_arms_it():
    """It strikes at the first call after the other has struck."""
    made = schedule(at={"armed_by": "first"})
    trial = Trial()
    assert not made.strikes(call(1), trial)
    trial.fired.add("first")
    assert [made.strikes(call(n), trial) for n in (2, 3)] == [True, False]


# -- how long, how often ---------------------------------------------------------------------------------


def test_attempts_fail_so_often_for_each_call():
    """Each call, told by its arguments, works at the third attempt."""
    made = schedule(lasts={"attempts": 2})
    order = [(1, 0), (1, 1), (2, 0), (1, 2), (2, 1), (2, 2)]
    assert [made.strikes(call(*each), Trial()) for each in order] == [True, True, True, False, True, False]


@pytest.mark.parametrize("until", [{"sql": "SELECT paid"}, {"tool": "get_status", "call": 2}])
def test_release_ends_it_for_good(until):
    """It lasts until the condition has become true, and does not come back when that changes again."""
    made = schedule(lasts={"until": until})
    trial = Trial()
    assert made.strikes(call(1), trial)
    assert made.strikes(call(2), trial)
    trial.true, trial.answered["get_status"] = {"SELECT paid"}, 2
    assert not made.strikes(call(3), trial)
    trial.true, trial.answered["get_status"] = set(), 0
    assert not made.strikes(call(4), trial)


def test_maximum_bounds_how_often_it_strikes():
    """After `max` hits it is over."""
    assert hits(schedule(at={"every": 2}, max=2), 12) == [2, 4]


def test_it_rests_after_each_hit():
    """With a cool-down of 2.5 s and a call each second, every third call is hit."""
    assert hits(schedule(lasts="permanent", cooldown_s=2.5), 8, step_s=1.0) == [1, 4, 7]


@pytest.mark.parametrize(
    ("quiet", "expected"), [({"calls": 3}, [1, 2, 3]), ({"seconds": 2}, [1, 2]), ({"percent": 50}, [1, 2, 3, 4])]
)
def test_nothing_strikes_in_the_quiet_phase(quiet, expected):
    """What is permanent ends there too, so that recovery can be seen."""
    load = Faultload.model_validate({"quiet": quiet, "injections": [{"fault": "noop", "lasts": "permanent"}]})
    made = Schedule(load.scheduled()[0], ("key",), span_s=8.0)
    assert hits(made, 8, step_s=1.0) == expected


# -- turns and messages ----------------------------------------------------------------------------------


def test_channels_do_not_mix():
    """A fault of user turns is not asked at calls or messages, and the other way round."""
    occasions = [call(1), Occasion("turn", "user", "t1", 0), Occasion("message", "planner", "m1", 0)]
    for channel, expected in (("call", 0), ("turn", 1), ("message", 2)):
        made = Schedule(Injection.model_validate({"fault": "noop", "lasts": "permanent"}), ("k",), channel=channel)
        assert [made.strikes(each, Trial()) for each in occasions].index(True) == expected


def test_messages_are_chosen_by_channel():
    """A glob over the declared names decides which messages are counted."""
    injection = Injection.model_validate({"fault": "noop", "at": {"channel": "plan*", "message": 2}})
    made = Schedule(injection, ("k",), channel="message")
    order = ["planner", "critic", "planner", "planner"]
    struck_at = [made.strikes(Occasion("message", name, seeds.digest(n), 0), Trial()) for n, name in enumerate(order)]
    assert struck_at == [False, False, True, False]


# -- the page about it -----------------------------------------------------------------------------------


def test_picture_of_the_documents_is_true():
    """Each line of the picture is what this schedule does to ten calls, a second apart."""
    page = (Path(__file__).parent.parent / "docs" / "faultloads.md").read_text("utf-8")
    lines = page.partition("```text\ncalls ")[2].partition("```")[0].splitlines()[1:]
    assert len(lines) == 11
    for line in lines:
        written, drawn = line[:59].strip(), line[59:].split()
        written = written.replace("and the faultload's ", "").replace(": {", ": { ")
        injection = yaml.safe_load("{" + written + "}")
        found = hits(schedule(**injection), 10, step_s=1.0)
        assert [n for n, mark in enumerate(drawn, 1) if mark == "x"] == found, written
