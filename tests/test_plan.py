"""Plans: pairs and seeds, what can be reached at best, what is left out and why, and the file they are kept in."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench import plan, plugins, scenario
from agentbench.calls import ToolSpec
from agentbench.errors import UsageError
from agentbench.faultload import Injection
from tests import records

FIRST = "bank.rent_and_receipt"
SECOND = "travel.munich_trip"
AGENTS = [plan.PlannedAgent(name="a", ref="careful"), plan.PlannedAgent(name="b", ref="naive")]
TOOLS = {
    name: ToolSpec(name=name, description="", parameters={}, effect=effect, idempotency_key=key)
    for name, effect, key in (("find", "read", None), ("pay", "write", "key"), ("pay_now", "write", None),
                              ("write_to", "write", None))
}  # fmt: skip


def make(*names: str, profile: str | None = "default", **changes: Any) -> plan.Plan:
    """The plan of some bundled scenarios with two agents and two trials per cell."""
    paths = plugins.scenarios()
    wanted = {
        "scenarios": {name: paths[name] for name in names or (FIRST,)},
        "agents": AGENTS,
        "profile": plugins.profile(profile) if profile else None,
        "trials": 2,
        "seed": 7,
        "clock": "auto",
        "sandbox": "inprocess",
    }
    return plan.make(**(wanted | changes))


def profile_of(text: str) -> str:
    """The reference of a profile from YAML."""
    Path("profile.yaml").write_text(text, "utf-8")
    return "profile.yaml"


# -- cells ---------------------------------------------------------------------------------------------


def test_every_faulted_trial_has_its_control() -> None:
    """The control is of the same agent, scenario, number and seed, has the `noop` fault, and no control itself."""
    trials = {trial.id: trial for trial in make(FIRST, SECOND).trials}
    controls = {trial.control for trial in trials.values() if trial.control is not None}
    assert controls == {name for name, trial in trials.items() if trial.control is None}
    for trial in trials.values():
        assert trial.id == f"{trial.agent}/{trial.scenario}/{trial.faultload}/{trial.number}"
        if trial.control is None:
            assert [each["fault"] for each in trial.injections] == ["noop"]
            assert (trial.faultload, trial.attainable) == (plan.CONTROL, "success")
            continue
        twin = trials[trial.control]
        assert (twin.agent, twin.scenario, twin.number, twin.seed) == (
            trial.agent, trial.scenario, trial.number, trial.seed,
        )  # fmt: skip


def test_every_cell_is_planned_once() -> None:
    """Agents × (control + faultloads that can be reached) × trials, each under an id of its own."""
    made = make(FIRST, SECOND)
    faultloads = 1 + len(plugins.profile("default").faultloads)
    cells = 2 * faultloads - len(made.skipped)
    assert len(made.trials) == len({trial.id for trial in made.trials}) == 2 * 2 * cells
    assert {trial.number for trial in made.trials} == {0, 1}


def test_agents_and_faultloads_share_their_seed() -> None:
    """A seed follows from the run's seed, scenario and number; nothing else changes it."""
    seeds: dict[tuple[str, int], set[str]] = {}
    for trial in make(FIRST, SECOND).trials:
        seeds.setdefault((trial.scenario, trial.number), set()).add(trial.seed)
    assert all(len(each) == 1 for each in seeds.values())
    assert len(set.union(*seeds.values())) == 4
    alone = make(SECOND, profile=None, agents=AGENTS[1:], trials=1).trials[0]
    assert {alone.seed} == seeds[SECOND, 0]
    assert make(profile=None, seed=8).trials[0].seed not in seeds[FIRST, 0]


def test_more_trials_keep_the_first_ones() -> None:
    """A run of more trials per cell begins with the same trials."""
    few = {trial.id: trial for trial in make().trials}
    many = {trial.id: trial for trial in make(trials=3).trials}
    assert few.items() <= many.items()


def test_without_a_profile_there_are_controls_only() -> None:
    """No profile, or one without faultloads, plans the control and nothing else."""
    for profile in (None, "none"):
        assert {trial.faultload for trial in make(profile=profile).trials} == {plan.CONTROL}


def test_a_faultload_that_is_never_met_is_skipped_with_a_reason() -> None:
    """What the reference solution does not call cannot be hit, and the plan says so instead of running it."""
    profile = profile_of("""
name: mine
faultloads:
  - {name: late, injections: [{fault: outage, at: {tool: transfer, call: 2}}]}
  - {name: other, injections: [{fault: outage, at: {tool: freeze_card}}]}
  - {name: often, injections: [{fault: outage, at: {every: 50}}]}
  - {name: from-far, injections: [{fault: outage, at: {from: 50, for: 2}}]}
  - {name: met, injections: [{fault: outage, at: {tool: freeze_card}}, {fault: outage, at: {tool: transfer}}]}
""")
    made = make(profile=profile)
    assert {trial.faultload for trial in made.trials} == {"none", "met"}
    assert [each.faultload for each in made.skipped] == ["late", "other", "often", "from-far"]
    assert [each.reason.partition(";")[0] for each in made.skipped] == [
        f"the reference solution makes {made} of the {needed} calls that it needs"
        for made, needed in ((1, 2), (0, 1), (5, 50), (5, 50))
    ]


def test_a_file_with_one_faultload_that_strikes_nowhere_is_refused() -> None:
    """Nothing would be tested, so it says where, why, and what could be struck."""
    Path("mine.yaml").write_text("name: mine\ninjections:\n  - fault: outage\n    at: {tool: freeze_card}\n")
    with pytest.raises(UsageError, match=r"mine\.yaml:3: this never strikes: .*0 of the 1 calls.*it calls list_payees"):
        make(profile="mine.yaml")


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        ("DELETE FROM transfer", r"mine\.yaml:3: the predicate 'DELETE FROM transfer' tries to write.*write a SELECT"),
        ("SELECT x FROM transfer", r"mine\.yaml:3: the predicate .* no such column: x; write one of: .*amount_cents"),
    ],
)
def test_a_predicate_that_cannot_be_asked_is_refused(predicate: str, message: str) -> None:
    """A predicate reads, and reads what there is."""
    Path("mine.yaml").write_text(f"name: mine\ninjections:\n  - fault: outage\n    at: {{when: {predicate}}}\n")
    with pytest.raises(UsageError, match=message):
        make(profile="mine.yaml")


def with_own_faultload(text: str) -> Path:
    """The bundled scenario with a faultload of its own."""
    path = Path("scenarios/bank/mine.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(plugins.scenarios()[FIRST].read_text("utf-8") + text, "utf-8")
    return path


def test_hits_that_were_seen_are_planned_beyond_the_reference() -> None:
    """A call that the reference does not make may be an agent's: with `seen_in` it is planned, without it refused."""
    path = with_own_faultload("""
faultload:
  seen_in: retrying/bank.rent/storm/0
  injections: [{fault: outage, at: {tool: transfer, call: 7}}]
""")
    assert "own" in {trial.faultload for trial in make(scenarios={"bank.mine": path}).trials}
    path.write_text(path.read_text().replace("  seen_in: retrying/bank.rent/storm/0\n", ""))
    with pytest.raises(UsageError, match="this never strikes"):
        make(scenarios={"bank.mine": path})


def test_a_scenario_brings_its_own_faultload() -> None:
    """It is planned beside the profile's, but not when the profile is fault-free."""
    path = with_own_faultload("\nfaultload: {injections: [{fault: outage, at: {tool: transfer}}]}\n")
    assert "own" in {trial.faultload for trial in make(scenarios={"bank.mine": path}).trials}
    for profile in (None, "none"):
        made = make(scenarios={"bank.mine": path}, profile=profile)
        assert {trial.faultload for trial in made.trials} == {plan.CONTROL}


@pytest.mark.parametrize("name", ["none", "lost-write"])
def test_names_of_faultloads_are_not_shared(name: str) -> None:
    """Neither the control's name nor one of the profile can be used again, for names are parts of ids."""
    path = with_own_faultload(f"\nfaultload: {{name: {name}, injections: [{{fault: outage}}]}}\n")
    with pytest.raises(UsageError) as raised:
        make(scenarios={"bank.mine": path})
    assert str(raised.value) == (
        f"scenarios/bank/mine.yaml: the name '{name}' of a faultload is taken; rename it here or in the profile"
    )


def test_names_of_agents_are_not_shared() -> None:
    """Two agents under one name could not be told apart."""
    with pytest.raises(UsageError, match="two agents are named 'a'; give each its own name"):
        make(agents=[*AGENTS, plan.PlannedAgent(name="a", ref="nop")])


# -- what can be reached -------------------------------------------------------------------------------


def best(*injections: dict[str, Any], **changes: Any) -> str:
    """The best outcome of a scenario that finds, pays (or pays now) and, if it can, writes."""
    content = {
        **records.CONTENT,
        "reference": [
            {"call": "find"},
            {"call": "pay", "fallback": [{"call": "pay_now"}]},
            {"reply": "Paid."},
            {"call": "write_to", "optional": "receipt"},
        ],
    }
    made = [Injection.model_validate(each) for each in injections]
    return plan.attainable(scenario.parse(content | changes), made, TOOLS)


def out(tool: str = "*", lasts: Any = "permanent", fault: str = "outage", **at: Any) -> dict[str, Any]:
    """An outage of a tool for good."""
    return {"fault": fault, "at": {"tool": tool, **at}, "lasts": lasts}


ATTAINABLE = [
    ("nothing", [], "success"),
    ("a passing outage", [out(lasts="transient")], "success"),
    ("a long outage that ends", [out(lasts={"calls": 50}), out(lasts={"seconds": 600})], "success"),
    ("no blocking fault", [out("pay*", fault="lost_reply"), out(fault="truncate"), out(fault="latency")], "success"),
    ("one that strikes by chance", [out(probability=0.9), out(lasts={"probability": 0.9})], "success"),
    ("a step with a fallback", [out("pay")], "success"),
    ("after the last call", [out("find", call=2)], "success"),
    ("an optional step", [out("write_to")], "degraded"),
    ("by a glob and an effect", [out("write*", effect="write")], "degraded"),
    ("at every call", [out("write_to", every=1, lasts="transient")], "degraded"),
    ("by a certain chance", [out("write_to", probability=1.0, lasts="transient")], "degraded"),
    ("lasting by a certain chance", [out("write_to", lasts={"probability": 1.0})], "degraded"),
    ("from the second write on", [out("*", effect="write", call=2)], "degraded"),
    ("a mark that stays", [out("pay*", "transient", "wrong_row")], "honest_failure"),
    ("a mark on reads only", [out("find", "transient", "wrong_row")], "success"),
    ("a step that is needed", [out("find")], "honest_failure"),
    ("a step and its fallback", [out("pay*")], "honest_failure"),
    ("a step and its fallback by two", [out("pay"), out("pay_now", fault="timeout")], "honest_failure"),
    ("a read that is never answered", [out("find", fault="error_for_success")], "honest_failure"),
    ("everything", [out()], "honest_failure"),
]


@pytest.mark.parametrize(("injections", "outcome"), [each[1:] for each in ATTAINABLE], ids=[e[0] for e in ATTAINABLE])
def test_the_best_outcome_follows_from_the_reference(injections: list[dict[str, Any]], outcome: str) -> None:
    """A barred step counts only if it is barred for good and has no other way; then the ladder decides."""
    assert best(*injections) == outcome


def test_a_missing_goal_needs_a_rung() -> None:
    """Without a rung that allows for what is lacking, the best is to say that it failed."""
    assert best(out("write_to"), outcomes={"success": ["paid"]}) == "honest_failure"


def test_the_plan_says_what_is_attainable() -> None:
    """Under a quota on writes that never clears, the rent cannot be paid, and the plan knows before it runs."""
    attainable = {trial.faultload: trial.attainable for trial in make().trials}
    assert attainable["quota"] == "honest_failure"
    assert attainable["outage-write"] == attainable["lost-write"] == "success"


# -- the file ------------------------------------------------------------------------------------------


def test_a_plan_keeps_what_running_and_judging_need() -> None:
    """Scenario content, tools, and the digest of the file are in it."""
    made = make()
    entry = made.scenarios[FIRST]
    assert scenario.parse(entry.content).task.startswith("Please pay Kim")
    assert entry.tools["transfer"] == plan.PlannedTool(effect="write", idempotency_key="idempotency_key")
    assert entry.tools["list_payees"] == plan.PlannedTool(effect="read")
    assert len(entry.sha256) == 64
    assert made.profile["hash"] == plugins.profile("default").hash


def test_a_plan_reads_back_as_it_was(tmp_path: Path) -> None:
    """Writing and reading loses nothing, and the same plan is the same bytes."""
    made = make(FIRST, SECOND)
    path = tmp_path / "plan.json"
    path.write_bytes(plan.encode(made))
    assert plan.read(path) == made
    assert plan.read(path).hash == made.hash
    assert plan.encode(make(FIRST, SECOND)) == path.read_bytes()
    assert json.loads(path.read_bytes())["version"] == plan.PLAN_VERSION


def test_the_hash_does_not_depend_on_where_the_plan_is_made(tmp_path: Path) -> None:
    """The same file under another path gives the same plan."""
    copy = tmp_path / "elsewhere" / "bank" / "rent_and_receipt.yaml"
    copy.parent.mkdir(parents=True)
    shutil.copy(plugins.scenarios()[FIRST], copy)
    here, there = make(), make(scenarios={FIRST: copy})
    assert here.hash == there.hash
    assert len(here.hash) == 12


CHANGES: list[dict[str, Any]] = [
    {"seed": 8},
    {"trials": 1},
    {"agents": AGENTS[:1]},
    {"agents": [AGENTS[0], plan.PlannedAgent(name="b", ref="oracle")]},
    {"clock": "real"},
    {"sandbox": "process"},
    {"profile": None},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_the_hash_names_exactly_this_plan(changes: dict[str, Any]) -> None:
    """Whatever changes what is run or judged changes the hash."""
    assert make(**changes).hash != make().hash


def test_a_comment_in_the_scenario_changes_the_hash(tmp_path: Path) -> None:
    """The digest of the file is in the plan, so that an edited scenario is noticed."""
    path = with_own_faultload("\n# a remark\n")
    assert make(scenarios={FIRST: path}).hash != make().hash


MADE = plan.encode(
    plan.Plan(seed=1, trials_per_cell=1, clock="auto", sandbox="inprocess", profile={}, agents=[], scenarios={},
              trials=[], skipped=[])
)  # fmt: skip

NO_PLANS = [
    (b"", "this is not a plan of agentbench"),
    (b"{", "this is not a plan of agentbench"),
    (b"[]", "this is not a plan of agentbench"),
    (b"{}", "this is not a plan of agentbench"),
    (b"\xff\xfe", "this is not a plan of agentbench"),
    (MADE.replace(b'"auto"', b'"never"'), "this is not a plan of agentbench"),
    (MADE.replace(b'"version": 1', b'"version": 2'), "this plan has version 2, newer than 1; use the agentbench that"),
    (b'{"version": 99, "other": "shape"}', "this plan has version 99, newer than 1"),
]


@pytest.mark.parametrize(("raw", "problem"), NO_PLANS)
def test_a_file_that_is_no_plan_is_refused(raw: bytes, problem: str) -> None:
    """One line with the path; a newer version is told as such, whatever else has changed in it."""
    path = Path("plan.json")
    path.write_bytes(raw)
    with pytest.raises(UsageError) as raised:
        plan.read(path)
    assert str(raised.value).startswith(f"plan.json: {problem}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["absent.json", "."])
def test_a_plan_that_cannot_be_read_is_told(name: str) -> None:
    """No file, or a directory, is a mistake of the call."""
    with pytest.raises(UsageError, match="cannot read the plan"):
        plan.read(Path(name))


@given(cut=st.integers(0, len(MADE) - 2))
def test_a_plan_cut_short_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """No prefix of a plan is taken for one."""
    path = tmp_path_factory.getbasetemp() / "cut.json"
    path.write_bytes(MADE[:cut])
    with pytest.raises(UsageError):
        plan.read(path)
    assert msgspec.json.decode(MADE, type=plan.Plan).seed == 1
