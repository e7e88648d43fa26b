"""What a person may write about when, where and how long a fault strikes, and the profiles that are built in."""

import pytest
from pydantic import ValidationError

from agentbench import plugins
from agentbench.calls import ToolSpec
from agentbench.errors import UsageError
from agentbench.faultload import Faultload, Injection, Lasts, Profile, Where

READ = ToolSpec(name="list_payees", description="", parameters={}, effect="read")
WRITE = ToolSpec(name="transfer", description="", parameters={}, effect="write", idempotency_key="key")
PLAIN = ToolSpec(name="send_message", description="", parameters={}, effect="write")


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
        ({"at": {"toolz": "x"}}, "Extra inputs"),
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
    profiles = {
        name: plugins.profile(name) for name in ("none", "default", "severe", "explicit", "implicit", "lost-effects")
    }
    assert {name: made.name for name, made in profiles.items()} == {name: name for name in profiles}
    assert profiles["none"].faultloads == []
    for made in profiles.values():
        injections = [tuple(map(str, load.injections)) for load in made.faultloads]
        assert len(set(injections)) == len(injections)


@pytest.mark.parametrize("name", ["default", "severe", "explicit", "implicit", "lost-effects"])
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
