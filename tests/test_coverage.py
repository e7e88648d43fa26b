"""The map and the weak points of a sweep, from made-up judgements."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbench import coverage, plugins, sweep
from agentbench.coverage import BY_HARM, STATES, Coverage, Reached
from agentbench.faultload import Faultload
from agentbench.judgement import Judgement, Landing
from agentbench.plan import Plan, PlannedAgent, Trial
from agentbench.sweep import Base, Spot

SCENARIO = "bank.rent_and_receipt"
TOOLS = ("list_payees", "transfer")
CALLS = [Reached(tool=tool, call=1, depth=0) for tool in TOOLS]


def planned(faults: str = "outage,lost_reply") -> Plan:
    """A control and a first round at one call of two tools."""
    start = sweep.start(
        name=SCENARIO, path=plugins.scenarios()[SCENARIO], agent=PlannedAgent(name="agent", ref="naive"),
        faults=sweep.fault_set(faults), trials=1, seed=1, clock="auto", sandbox="inprocess",
    )  # fmt: skip
    spots = {Spot(tool, 1): Base(0, "none", []) for tool in TOOLS}
    return sweep.extended(start, sweep.grow(start, spots, rounds=1, trials_max=1000).trials)


def judged(trial: Trial, outcome: str | None = "success", state: str = "witnessed", **more: Any) -> Judgement:
    """A judgement of a trial whose faults all ended in one state."""
    landings = [Landing(index=index, fault=each["fault"], state=state, reason=f"because {state}")  # type: ignore[arg-type]
                for index, each in enumerate(trial.injections)]  # fmt: skip
    return Judgement(
        trial=trial.id, agent=trial.agent, scenario=trial.scenario, faultload=trial.faultload, number=trial.number,
        attempt=1, valid=outcome is not None, invalid_reason="" if outcome else "broken", outcome=outcome,  # type: ignore[arg-type]
        landings=landings, pairing="control" if trial.control is None else "matched", end_s=2.0, **more,
    )  # fmt: skip


def covered(plan: Plan, found: Mapping[str, Judgement]) -> Coverage:
    """The coverage by these judgements; what is not among them is a success under a witnessed fault."""
    every = [found.get(trial.faultload) or judged(trial) for trial in plan.trials]
    return coverage.covered(plan, every, CALLS)


def by_name(plan: Plan) -> dict[str, Trial]:
    """The trials by the names of their faultloads."""
    return {trial.faultload: trial for trial in plan.trials}


def state_of(found: Coverage, tool: str, fault: str) -> tuple[str, str]:
    """State and reason of one place."""
    place = next(each for each in found.map if (each.tool, each.fault) == (tool, fault))
    return place.state, place.reason


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_place_has_exactly_one_state(data: st.DataObject) -> None:
    """Whatever became of the trials, each tool × fault is in the map once, and nothing is counted twice."""
    plan = planned()
    every = [
        judged(trial, data.draw(st.sampled_from([*BY_HARM, None])),
               data.draw(st.sampled_from(["witnessed", "ineffective", "not_reached"])))
        for trial in plan.trials if data.draw(st.booleans())
    ]  # fmt: skip
    found = coverage.covered(plan, every, CALLS)
    tools = plan.scenarios[SCENARIO].tools
    assert len(found.map) == len({(each.tool, each.fault) for each in found.map}) == len(tools) * 2
    assert sum(found.states.values()) == len(found.map)
    assert sum(each.trials for each in found.map) == len(plan.trials) - 1
    assert sum(found.trials[key] for key in ("valid", "invalid", "missing")) == found.trials["planned"]
    witnessed = sum(sum(each.outcomes.values()) for each in found.map)
    assert witnessed == sum(each.witnessed for each in found.map) == sum(each["witnessed"] for each in found.rounds)
    assert {each.trial for each in found.weak_points} <= {each.trial for each in every if each.valid}


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (("success", "witnessed"), ("success", "ineffective"), "witnessed"),
        (("success", "ineffective"), (None, "witnessed"), "invalid"),
        (("success", "ineffective"), ("success", "ineffective"), "ineffective"),
        (("success", "ineffective"), ("success", "not_reached"), "ineffective"),
        (("success", "not_reached"), ("success", "not_reached"), "not_reachable"),
    ],
)
def test_a_place_has_the_best_proof_of_its_trials(
    first: tuple[str | None, str], second: tuple[str | None, str], state: str
) -> None:
    """Of the transient and the permanent trial the one that proves more decides; an invalid one is not hidden."""
    plan = planned()
    trials = by_name(plan)
    names = ("outage.transfer.1.transient", "outage.transfer.1.permanent")
    found = {name: judged(trials[name], *each) for name, each in zip(names, (first, second), strict=True)}
    assert state_of(covered(plan, found), "transfer", "outage")[0] == state


def test_a_fault_without_effect_anywhere_is_uninformative() -> None:
    """Where it changed nothing at any call it says nothing about the agent, and the reason is kept."""
    plan = planned()
    trials = by_name(plan)
    found = {name: judged(each, state="ineffective") for name, each in trials.items() if name.startswith("outage")}
    state, reason = state_of(covered(plan, found), "transfer", "outage")
    assert state == "uninformative"
    assert "because ineffective" in reason
    del found["outage.list_payees.1.transient"]
    assert state_of(covered(plan, found), "transfer", "outage")[0] == "ineffective"


def test_what_was_not_called_and_what_was_not_tried_are_told_apart() -> None:
    """No call of the tool: not reachable; a call, but no finished trial: not tried."""
    plan = planned()
    assert state_of(covered(plan, {}), "freeze_card", "outage")[0] == "not_reachable"
    start = msgspec.structs.replace(plan, trials=plan.trials[:1])
    found = coverage.covered(start, [judged(plan.trials[0])], CALLS)
    assert state_of(found, "transfer", "outage") == ("not_tried", "left out by --rounds or --max-trials")
    found = coverage.covered(plan, [judged(plan.trials[0])], CALLS)
    assert state_of(found, "transfer", "outage") == ("not_tried", "planned, and not finished")


def test_weak_points_come_by_harm() -> None:
    """Harmful before false success before silence before honesty where better could be had."""
    plan = planned("outage,timeout,lost_reply,latency")
    trials = by_name(plan)
    names = ["outage", "timeout", "lost_reply", "latency"]
    outcomes = ["honest_failure", "silent_failure", "false_success", "harmful"]
    found = {
        f"{name}.transfer.1.transient": judged(trials[f"{name}.transfer.1.transient"], outcome)
        for name, outcome in zip(names, outcomes, strict=True)
    }
    points = covered(plan, found).weak_points
    assert [(each.fault, each.outcome) for each in points] == list(zip(names, outcomes, strict=True))[::-1]
    assert {each.before for each in points} == {"success"}
    assert {each.attainable for each in points} == {"success"}


@pytest.mark.parametrize(
    ("outcome", "attainable", "state", "control", "weak"),
    [
        ("honest_failure", "honest_failure", "witnessed", "success", False),
        ("degraded", "success", "witnessed", "success", True),
        ("silent_failure", "honest_failure", "witnessed", "success", True),
        ("harmful", "success", "ineffective", "success", False),
        ("harmful", "success", "not_reached", "success", False),
        ("silent_failure", "success", "witnessed", "silent_failure", False),
        ("harmful", "success", "witnessed", "silent_failure", True),
        (None, "success", "witnessed", "success", False),
    ],
)
def test_what_counts_as_weak(
    outcome: str | None, attainable: str, state: str, control: str, weak: bool
) -> None:  # fmt: skip
    """Only a valid trial with a witness counts, that ended worse than it could, and worse than without the fault."""
    plan = planned("outage")
    struck = by_name(plan)["outage.transfer.1.transient"]
    struck = msgspec.structs.replace(struck, attainable=attainable)
    trials = [struck if each.id == struck.id else each for each in plan.trials]
    plan = msgspec.structs.replace(plan, trials=trials)
    found = {struck.faultload: judged(struck, outcome, state), "none": judged(plan.trials[0], control)}
    assert bool(covered(plan, found).weak_points) == weak


def test_a_fault_behind_another_is_compared_with_that_other() -> None:
    """Harm that the first fault does alone is no weak point of the second."""
    plan = planned("outage")
    base = by_name(plan)["outage.transfer.1.transient"]
    spots = {Spot("instant_transfer", 1): Base(1, base.faultload, base.injections)}
    plan = sweep.extended(plan, sweep.grow(plan, spots, rounds=2, trials_max=1000).trials)
    trials = by_name(plan)
    second = next(each for name, each in trials.items() if sweep.THEN in name)
    both = {second.faultload: judged(second, "harmful"), base.faultload: judged(base, "harmful")}
    assert [each.trial for each in covered(plan, both).weak_points] == [base.id]
    points = covered(plan, {second.faultload: judged(second, "harmful")}).weak_points
    assert [(each.trial, each.before, each.tool) for each in points] == [(second.id, "success", "instant_transfer")]


def test_harm_that_no_agent_could_prevent_is_no_weak_point() -> None:
    """A write that arrives twice is the agent's matter only where it could have given an idempotency key."""
    plan = planned("duplicate_delivery")
    trials = by_name(plan)
    tools = plan.scenarios[SCENARIO].tools
    assert (tools["transfer"].idempotency_key, tools["send_message"].idempotency_key) == ("idempotency_key", None)
    struck = trials["duplicate_delivery.transfer.1.transient"]
    found = {struck.faultload: judged(struck, "harmful")}
    assert [each.tool for each in covered(plan, found).weak_points] == ["transfer"]
    keyless = msgspec.structs.replace(tools["transfer"], idempotency_key=None)
    entry = msgspec.structs.replace(plan.scenarios[SCENARIO], tools={**tools, "transfer": keyless})
    plan = msgspec.structs.replace(plan, scenarios={SCENARIO: entry})
    assert covered(plan, found).weak_points == []


def test_the_injections_are_a_faultload_file() -> None:
    """What a weak point is written as parses as a faultload with the very injections of the trial."""
    plan = planned("default")
    for trial in plan.trials[1:]:
        text = coverage.as_yaml(trial)
        made = Faultload.model_validate(yaml.safe_load(text))
        again = [each.model_dump(mode="json", by_alias=True, exclude_defaults=True) for each in made.injections]
        assert again == trial.injections
        assert text.index("fault:") < text.index("at:")


def test_survived_is_what_landed_and_ended_as_well_as_could_be() -> None:
    """Only single faults with a witness in every trial count; an honest failure does where no more can be had."""
    plan = planned("outage")
    trials = by_name(plan)
    names = [name for name in trials if name != "none"]
    found = {
        names[0]: judged(trials[names[0]], "honest_failure"),
        names[1]: judged(trials[names[1]], state="ineffective"),
    }
    every = [found.get(trial.faultload) or judged(trial) for trial in plan.trials]
    assert coverage.survived(plan, every) == names[2:]
    assert coverage.survived(plan, []) == []


def test_an_ordinary_run_has_no_coverage() -> None:
    """A plan that sweeps nothing is refused."""
    plan = msgspec.structs.replace(planned(), profile={"name": "none", "version": 1, "hash": ""})
    with pytest.raises(ValueError, match="sweeps nothing"):
        coverage.covered(plan, [], [])


def test_the_states_are_documented() -> None:
    """Each state of the map is on docs/sweep.md."""
    from pathlib import Path

    text = (Path(__file__).parent.parent / "docs" / "sweep.md").read_text("utf-8")
    for state in STATES:
        assert f"| `{state}` |" in text, state
