"""When, where and how long an injection strikes, and that no order of calls decides it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agentbench import plugins
from agentbench.calls import ToolCall, ToolSpec
from agentbench.errors import UsageError
from agentbench.faultload import Faultload, Injection, Lasts, Profile, Schedule, Where

READ = ToolSpec(name="list_payees", description="", parameters={}, effect="read")
WRITE = ToolSpec(name="transfer", description="", parameters={}, effect="write", idempotency_key="key")
PLAIN = ToolSpec(name="send_message", description="", parameters={}, effect="write")


def schedule(key: tuple[Any, ...] = ("seed", "scenario", 0, 0), **injection: Any) -> Schedule:
    """The schedule of an injection as YAML would give it."""
    return Schedule(Injection.model_validate({"fault": "noop", **injection}), key)


def call(number: int, repeat: int = 0, spec: ToolSpec = READ) -> ToolCall:
    """The call that is told from others by `number` and `repeat`."""
    return ToolCall(id=f"c{number}.{repeat}", tool=spec.name, arguments={}, key=f"key-{number}", repeat=repeat)


def hits(made: Schedule, count: int, spec: ToolSpec = READ, step_s: float = 0.0) -> list[int]:
    """Which of the first `count` calls are struck (from 1), with `step_s` between them."""
    return [n for n in range(1, count + 1) if made.strikes(call(n, spec=spec), spec, (n - 1) * step_s)]


# -- where ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ({}, {"list_payees", "transfer", "send_message"}),
        ({"tool": "transfer"}, {"transfer"}),
        ({"tool": "*e*"}, {"list_payees", "transfer", "send_message"}),
        ({"tool": "l[ai]st_*"}, {"list_payees"}),
        ({"tool": "Transfer"}, set()),
        ({"effect": "write"}, {"transfer", "send_message"}),
        ({"effect": "read"}, {"list_payees"}),
        ({"idempotent": True}, {"transfer"}),
        ({"effect": "write", "idempotent": False}, {"send_message"}),
        ({"tool": "send_*", "effect": "read"}, set()),
    ],
)
def test_place_narrows_by_name_effect_and_idempotency(at, expected):
    """All of the conditions must hold; names are globs and their case counts."""
    assert {spec.name for spec in (READ, WRITE, PLAIN) if Where.model_validate(at).matches(spec)} == expected


def test_calls_of_other_tools_are_not_counted():
    """The n-th call is the n-th one that the injection looks at."""
    made = schedule(at={"effect": "write", "call": 2})
    struck = [made.strikes(call(n, spec=spec), spec, 0) for n, spec in enumerate([READ, WRITE, READ, PLAIN, WRITE])]
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
    assert made.strikes(call(1), READ, started)
    assert made.strikes(call(2), READ, started + seconds - before_s)
    assert not made.strikes(call(3), READ, round(started + seconds, 6))


# -- keyed decisions -------------------------------------------------------------------------------------

names = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), unique=True, max_size=40)
shares = st.floats(0, 1)


def struck(made: Schedule, order: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """Which of the calls, made in this order, are struck."""
    return {name for name in order if made.strikes(call(*name), READ, 0)}


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


# -- what a faultload may say ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("injection", "message"),
    [
        ({"at": {"call": 1, "every": 2}}, "two triggers"),
        ({"at": {"call": 1, "probability": 0.5}}, "two triggers"),
        ({"at": {"from": 1, "every": 2}}, "'every' and 'from' are two triggers"),
        ({"at": {"for": 3}}, "'for' needs a beginning"),
        ({"at": {"call": 0}}, "greater than or equal to 1"),
        ({"at": {"probability": 1.5}}, "less than or equal to 1"),
        ({"at": {"tools": "x"}}, "Extra inputs"),
        ({"at": {"every": 2}, "lasts": "permanent"}, "remove 'lasts'"),
        ({"at": {"from": 2}, "lasts": {"calls": 2}}, "remove 'lasts'"),
        ({"lasts": {}}, "exactly one"),
        ({"lasts": {"calls": 2, "seconds": 3}}, "exactly one"),
        ({"lasts": {"seconds": 0}}, "greater than 0"),
        ({"lasts": "forever"}, "'transient' or 'permanent'"),
    ],
)
def test_contradictions_are_refused(injection, message):
    """What could be read in two ways is a mistake, and the message says what to write."""
    with pytest.raises(ValidationError, match=message):
        Injection.model_validate({"fault": "noop", **injection})


def test_faultload_needs_an_injection_and_a_plain_name():
    """An empty faultload or a name that would not do in an id is refused."""
    with pytest.raises(ValidationError):
        Faultload.model_validate({"name": "x", "injections": []})
    with pytest.raises(ValidationError):
        Faultload.model_validate({"name": "Lost Transfer", "injections": [{"fault": "noop"}]})


def test_injection_survives_the_plan():
    """What the plan stores of an injection reads back as the same injection."""
    injection = Injection.model_validate(
        {"fault": "outage", "with": {"as": "reset"}, "at": {"from": 2, "for": 3, "effect": "write"}}
    )
    stored = injection.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    assert stored["at"] == {"from": 2, "for": 3, "effect": "write"}
    assert Injection.model_validate(stored) == injection
    assert Injection.model_validate({"fault": "noop", "lasts": {"calls": 2}}).lasts == Lasts(calls=2)


def test_hash_of_a_profile_names_its_content():
    """Equal content has an equal hash; a changed parameter has another."""
    one, two = (
        Profile(
            name="p", faultloads=[Faultload(injections=[Injection.model_validate({"fault": "timeout", "with": w})])]
        )
        for w in ({"after_s": 30}, {"after_s": 31})
    )
    assert one.hash == one.model_copy().hash
    assert one.hash != two.hash
    assert len(one.hash) == 12


# -- the built-in profiles -------------------------------------------------------------------------------


def test_profiles_are_those_that_are_promised():
    """`none` holds nothing, and the names of the others are their files'."""
    profiles = {name: plugins.profile(name) for name in ("none", "default", "severe", "explicit", "implicit")}
    assert {name: made.name for name, made in profiles.items()} == {name: name for name in profiles}
    assert profiles["none"].faultloads == []
    for made in profiles.values():
        injections = [tuple(map(str, load.injections)) for load in made.faultloads]
        assert len(set(injections)) == len(injections)


@pytest.mark.parametrize("name", ["default", "severe", "explicit", "implicit"])
def test_faultloads_say_what_they_stand_for(name):
    """Every faultload has a name of its own and a summary, and every fault takes its parameters."""
    loads = plugins.profile(name).faultloads
    assert len({load.name for load in loads}) == len(loads) >= 9
    assert all(load.summary.endswith(".") for load in loads)


def test_default_covers_the_first_faults_and_every_duration():
    """Explicit and implicit, transient, intermittent and permanent, before and after the effect."""
    injections = [each for load in plugins.profile("default").faultloads for each in load.injections]
    assert {each.fault for each in injections} == {
        "outage", "timeout", "lost_reply", "latency", "rate_limit", "duplicate_delivery", "truncate", "stale",
        "silent_noop",
    }  # fmt: skip
    assert any(each.lasts == "permanent" for each in injections)
    assert any(isinstance(each.lasts, Lasts) for each in injections)
    assert any(each.at.probability for each in injections)
    assert {plugins.fault_class(each.fault).explicit for each in injections} == {True, False}


@pytest.mark.parametrize(("name", "told"), [("explicit", True), ("implicit", False)])
def test_explicit_tells_and_implicit_does_not(name, told):
    """Every fault of the one tells the agent of a failure, and none of the other does."""
    injections = [each for load in plugins.profile(name).faultloads for each in load.injections]
    assert {plugins.fault_class(each.fault).explicit for each in injections} == {told}


def test_severe_strikes_several_times_or_for_long():
    """No faultload of it is a single transient injection."""
    for load in plugins.profile("severe").faultloads:
        alone = len(load.injections) == 1 and load.injections[0]
        assert not alone or alone.lasts != "transient" or alone.at.every


def test_parameters_are_checked_when_a_profile_is_read(tmp_path):
    """A parameter that the fault does not have is named with its line, and so is a wrong value."""
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ninjections:\n  - fault: lost_reply\n    with: {as: timeout, after: 3}\n")
    with pytest.raises(UsageError, match=r"mine\.yaml:4.*no parameter 'after'"):
        plugins.profile(str(path))
    path.write_text("name: mine\ninjections:\n  - fault: lost_reply\n    with: {as: never}\n")
    with pytest.raises(UsageError, match=r"mine\.yaml:4.*parameter 'as'.*'timeout' or 'reset'"):
        plugins.profile(str(path))
