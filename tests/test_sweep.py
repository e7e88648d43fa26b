"""Which faults a sweep tries at which calls, and how its plan grows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbench import plugins, sweep
from agentbench.errors import UsageError
from agentbench.plan import Plan, PlannedAgent
from agentbench.record import Call, Ending, Reply, TrialRecord
from agentbench.sweep import Base, Spot

SCENARIO = "bank.rent_and_receipt"
CALLS = ["list_payees", "get_account", "transfer", "list_transfers", "send_message"]


def planned(faults: str = "outage,lost_reply", trials: int = 1) -> Plan:
    """The control plan of a sweep."""
    return sweep.start(
        name=SCENARIO,
        path=plugins.scenarios()[SCENARIO],
        agent=PlannedAgent(name="careful", ref="careful"),
        faults=sweep.fault_set(faults),
        trials=trials,
        seed=1,
        clock="auto",
        sandbox="inprocess",
    )


def recorded(trial: str, tools: Sequence[str], ending: str = "finished") -> TrialRecord:
    """A record of a trial that made these calls."""
    events: list[Any] = [
        Call(id=f"c{place + 1}", at_s=float(place), end_s=place + 0.5, turn=0, tool=tool,
             ordinal=list(tools[: place + 1]).count(tool), asked={}, done=[], told=Reply(status=200))
        for place, tool in enumerate(tools)
    ]  # fmt: skip
    return TrialRecord(
        trial=trial, attempt=1, seed="s", clock="virtual", sandbox="inprocess", end_s=1.0,
        ending=Ending(kind=ending), events=events, ledger=[],
    )  # fmt: skip


def control(tools: Sequence[str] = CALLS) -> TrialRecord:
    """The record of the control trial."""
    return recorded(f"careful/{SCENARIO}/none/0", tools)


def spots(plan: Plan, *records: TrialRecord) -> dict[Spot, Base]:
    """What these records reached."""
    return sweep.reached(plan, records)


def grown(plan: Plan, *records: TrialRecord, rounds: int = 3, trials_max: int = 10_000) -> sweep.Growth:
    """What the plan gets after these records."""
    return sweep.grow(plan, spots(plan, *records), rounds=rounds, trials_max=trials_max)


# -- the faults ----------------------------------------------------------------------------------------


def test_all_is_every_fault_of_a_tool_call() -> None:
    """`all` is what `list faults` knows, without the null object; what has no place at a call is listed apart."""
    found = sweep.fault_set("all")
    named = {each.fault for each in found.variants} | {each.fault for each in found.not_swept}
    assert named == set(plugins.names("faults")) - {"noop"}
    for each in found.variants:
        assert plugins.fault_class(each.fault).phase == each.phase


def test_a_profile_gives_its_distinct_faults_with_their_parameters() -> None:
    """Two faultloads with the same fault count once, and the same fault with other parameters counts again."""
    found = sweep.fault_set("default").variants
    assert len({each.label for each in found}) == len(found)
    limits = [(each.label, each.parameters) for each in found if each.fault == "rate_limit"]
    assert limits == [("rate_limit-20", {"retry_after_s": 20}), ("rate_limit-null", {"retry_after_s": None})]
    assert [each.label for each in found if each.fault == "outage"] == ["outage"]


def test_equal_faults_in_other_words_are_one(tmp_path: Path) -> None:
    """A parameter that is written out and has its default makes no second fault."""
    path = tmp_path / "mine.yaml"
    path.write_text("injections:\n  - fault: outage\n  - fault: outage\n    with: {status: 503}\n  - fault: noop\n")
    assert [each.label for each in sweep.fault_set(str(path)).variants] == ["outage"]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("outtage", "there is no fault or profile 'outtage'; did you mean 'outage'?"),
        ("outage,", "there is no fault or profile ''"),
        ("defalt", "did you mean 'default'?"),
        ("none", "'none' has no fault that strikes a tool call"),
        ("noop", "'noop' has no fault that strikes a tool call"),
        ("gone.yaml", "gone.yaml: there is no such file"),
    ],
)
def test_a_wrong_set_is_refused(chosen: str, words: str) -> None:
    """What is no fault, profile or file is said, with what was meant."""
    with pytest.raises(UsageError) as caught:
        sweep.fault_set(chosen)
    assert words in str(caught.value)


def test_a_fault_that_strikes_no_call_is_listed_and_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of another site, and one that needs a parameter, are said not to be swept, with the reason."""
    folder = tmp_path / "plugins" / "faults"
    folder.mkdir(parents=True)
    text = (
        '"""A fault."""\nfrom dataclasses import dataclass\nfrom typing import ClassVar\n\n@dataclass(frozen=True)\n'
        "class Made:\n    {field}\n    site: ClassVar = '{site}'\n    phase: ClassVar = 'before'\n"
        "    explicit: ClassVar = True\n    blocking: ClassVar = True\n    witness: ClassVar = 'not_executed'\n\n"
        "fault = Made\n"
    )
    (folder / "silent_user.py").write_text(text.format(field="", site="user"))
    (folder / "needy.py").write_text(text.format(field="word: str", site="tool"))
    monkeypatch.setenv("AGENTBENCH_PATH", str(tmp_path / "plugins"))
    found = sweep.fault_set("outage,silent_user,needy")
    assert [each.label for each in found.variants] == ["outage"]
    reasons = {each.fault: each.reason for each in found.not_swept}
    assert reasons["silent_user"] == "it strikes a turn, not a tool call"
    assert "'word'" in reasons["needy"]


# -- how the plan grows --------------------------------------------------------------------------------


def test_the_first_plan_is_the_control_alone() -> None:
    """Before anything ran nobody knows which calls there are; the set of faults is part of the plan and its hash."""
    plan = planned()
    assert [trial.control for trial in plan.trials] == [None]
    assert sweep.faults_of(plan) == sweep.fault_set("outage,lost_reply")
    assert plan.hash != planned("outage").hash


def test_the_first_round_is_every_fault_at_every_call_for_both_durations() -> None:
    """One trial for each fault, call and duration, with the seed of the control and the call in its trigger."""
    plan = planned()
    growth = grown(plan, control(["list_payees", "transfer", "list_payees"]))
    assert len(growth.trials) == 2 * 3 * 2
    assert len({trial.id for trial in growth.trials}) == 12
    assert {trial.seed for trial in growth.trials} == {plan.trials[0].seed}
    assert {trial.control for trial in growth.trials} == {plan.trials[0].id}
    at = [(each["fault"], each["at"], each.get("lasts", "transient")) for t in growth.trials for each in t.injections]
    for fault in ("outage", "lost_reply"):
        for tool, call in (("list_payees", 1), ("transfer", 1), ("list_payees", 2)):
            for lasts in ("transient", "permanent"):
                assert at.count((fault, {"tool": tool, "call": call}, lasts)) == 1
    assert growth.left == {}


def test_every_trial_number_has_its_own_seed_and_control() -> None:
    """With several trials per cell each faulted trial is paired with the control of its number."""
    plan = planned("outage", trials=3)
    growth = grown(plan, control(["transfer"]))
    controls = {trial.id: trial for trial in plan.trials}
    assert len(growth.trials) == 2 * 3
    for trial in growth.trials:
        assert trial.control is not None
        assert (controls[trial.control].number, controls[trial.control].seed) == (trial.number, trial.seed)


def test_a_call_that_a_fault_leads_to_is_tried_behind_that_fault() -> None:
    """The second round injects both: what leads to the call, and the fault there."""
    plan = planned("outage")
    first = grown(plan, control(["transfer"]))
    plan = sweep.extended(plan, first.trials)
    led = recorded(f"careful/{SCENARIO}/outage.transfer.1.transient/0", ["transfer", "transfer", "instant_transfer"])
    growth = grown(plan, control(["transfer"]), led)
    assert {trial.faultload for trial in growth.trials} == {
        f"outage.transfer.1.transient,outage.{tool}.{lasts}"
        for tool in ("transfer.2", "instant_transfer.1")
        for lasts in ("transient", "permanent")
    }
    assert [len(trial.injections) for trial in growth.trials] == [2] * 4
    assert grown(plan, control(["transfer"]), led, rounds=1) == sweep.Growth([], {"rounds": 4})


def test_a_fault_for_good_does_not_lead_to_further_calls_of_its_tool() -> None:
    """Repeats of a tool that is struck each time are no place for a second fault; another tool's calls are."""
    plan = sweep.extended(planned("outage"), grown(planned("outage"), control(["transfer"])).trials)
    led = recorded(f"careful/{SCENARIO}/outage.transfer.1.permanent/0", ["transfer", "transfer", "instant_transfer"])
    assert set(spots(plan, control(["transfer"]), led)) == {Spot("transfer", 1), Spot("instant_transfer", 1)}


def test_what_the_testbed_broke_and_tools_that_there_are_not_lead_nowhere() -> None:
    """An attempt that the testbed failed says nothing about calls, and a tool that is made up cannot be struck."""
    plan = planned()
    broken = recorded(plan.trials[0].id, ["transfer"], ending="testbed")
    assert spots(plan, broken) == {}
    assert list(spots(plan, control(["transfer", "made_up"]))) == [Spot("transfer", 1)]


def test_growing_ends_and_repeats_nothing() -> None:
    """When the records show no new call, the plan stays as it is."""
    plan = planned()
    plan = sweep.extended(plan, grown(plan, control()).trials)
    records = [recorded(trial.id, CALLS) for trial in plan.trials]
    assert grown(plan, *records) == sweep.Growth([], {})


@settings(max_examples=40, deadline=None)
@given(bound=st.integers(0, 60), order=st.permutations(range(21)))
def test_growth_depends_on_no_order_and_a_larger_bound_only_adds(bound: int, order: list[int]) -> None:
    """Records may come in any order, a bound cuts the end off, and what is left out is counted."""
    plan = planned()
    plan = sweep.extended(plan, grown(plan, control()).trials)
    led = [recorded(trial.id, [*CALLS, "list_accounts"]) for trial in plan.trials]
    whole = grown(plan, *led).trials
    there = len(plan.trials) - 1
    cut = grown(plan, *[led[place] for place in order], trials_max=there + bound)
    assert cut.trials == whole[:bound]
    assert cut.left.get("trials", 0) == len(whole) - len(cut.trials)


@pytest.mark.parametrize(
    ("injections", "expected"),
    [
        ([("outage", "transfer", 1, "transient")], "success"),
        ([("outage", "send_message", 1, "permanent")], "degraded"),
        ([("outage", "list_payees", 1, "permanent")], "success"),
        ([("lost_reply", "transfer", 1, "permanent")], "success"),
        ([("outage", "list_payees", 1, "transient"), ("outage", "send_message", 1, "permanent")], "degraded"),
        ([("outage", "send_message", 1, "transient"), ("outage", "send_message", 2, "permanent")], "degraded"),
        ([("outage", "send_message", 2, "permanent")], "success"),
    ],
)
def test_the_best_attainable_counts_what_was_struck_before(
    injections: list[tuple[str, str, int, str]], expected: str
) -> None:
    """A fault that begins for good at the second call, after the first was struck, bars the tool as at its first."""
    plan = planned()
    base = [
        sweep.single(sweep.fault_set(fault).variants[0], Spot(tool, call), lasts)[1]  # type: ignore[arg-type]
        for fault, tool, call, lasts in injections
    ]
    variant = sweep.fault_set("latency").variants[0]
    found = sweep.grow(
        sweep.start(
            name=SCENARIO, path=plugins.scenarios()[SCENARIO], agent=plan.agents[0],
            faults=sweep.FaultSet(chosen="latency", variants=[variant]), trials=1, seed=1, clock="auto", sandbox="none",
        ),
        {Spot("get_account", 1): Base(len(base), "before", base)}, rounds=9, trials_max=9,
    )  # fmt: skip
    assert found.trials[0].attainable == expected


# -- pairs ---------------------------------------------------------------------------------------------


def test_pairs_are_of_two_calls_and_bounded() -> None:
    """Two faults at one call are no pair; with a bound some are drawn, always the same, and the rest counted."""
    plan = planned()
    plan = sweep.extended(plan, grown(plan, control()).trials)
    survived = [trial.faultload for trial in plan.trials if trial.control]
    every = sweep.pairs(plan, survived, trials_max=10_000)
    assert len(every.trials) == (20 * 19 - 5 * 4 * 3) // 2
    assert all(len({sweep.spot_of(each) for each in trial.injections}) == 2 for trial in every.trials)
    assert all(sweep.paired(trial) for trial in every.trials)
    some = sweep.pairs(plan, survived, trials_max=20 + 7)
    assert some == sweep.pairs(plan, survived, trials_max=20 + 7)
    assert len(some.trials) == 7
    assert some.left == {"trials": len(every.trials) - 7}
    after = sweep.pairs(sweep.extended(plan, some.trials), survived, trials_max=20 + 7)
    assert (after.trials, after.left) == ([], some.left)


def test_pairs_lead_to_no_further_calls() -> None:
    """Calls that only a pair makes do not let the plan grow."""
    plan = planned()
    plan = sweep.extended(plan, grown(plan, control()).trials)
    pairs = sweep.pairs(plan, [trial.faultload for trial in plan.trials if trial.control], trials_max=30)
    plan = sweep.extended(plan, pairs.trials)
    assert Spot("get_payee", 1) not in spots(plan, control(), recorded(pairs.trials[0].id, ["get_payee"]))


def test_a_plan_begins_with_those_it_grew_from() -> None:
    """A stored plan is known as a later state of the same sweep, and of no other."""
    plan = planned()
    longer = sweep.extended(plan, grown(plan, control()).trials)
    assert longer.begins_with(plan)
    assert longer.begins_with(longer)
    assert not plan.begins_with(longer)
    assert not longer.begins_with(planned("outage"))
