"""The instrument measured: agents of known behaviour must read as theory says, or no number means anything."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentbench import measure, plugins, record, stats
from agentbench.cli.running import make_plan
from agentbench.judgement import Judgement
from agentbench.runner import Runner
from agentbench.store import RunDirectory

pytestmark = pytest.mark.timeout(900)

Run = Callable[..., tuple[RunDirectory, list[Judgement]]]


def execute(folder: Path, *, workers: int = 2, **chosen: object) -> tuple[RunDirectory, list[Judgement]]:
    """Run and judge what a command line with these options would."""
    options = {"scenarios": (), "agent": (), "faults": "default", "trials": 1, "seed": 7, "clock": "virtual"}
    plan = make_plan(**{"sandbox": "process", "isolation": None, **options, **chosen})  # type: ignore[arg-type]
    run = RunDirectory(folder)
    Runner(plan, run, workers=workers).execute()
    judgements, _ = measure.measure(plan, run.records(), run.world)
    return run, judgements


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> list[Judgement]:
    """The bundled suite with all reference agents under the default profile."""
    return execute(tmp_path_factory.mktemp("suite") / "run")[1]


def explicit_faultloads() -> set[str]:
    """The faultloads of the default profile in which every fault tells the agent that something went wrong."""
    return {
        load.name
        for load in plugins.profile("default").faultloads
        if all(plugins.fault_class(each.fault).explicit for each in load.injections)
    }


def of(judged: list[Judgement], agent: str, *faultloads: str) -> Iterator[Judgement]:
    """The valid trials of an agent under some faultloads, or under all."""
    return (
        each
        for each in judged
        if each.agent == agent and each.valid and (each.faultload in faultloads or not faultloads)
    )


def test_every_trial_of_the_suite_can_be_judged(suite: list[Judgement]) -> None:
    """No bundled scenario, fault or agent breaks the testbed, and every fault that fired has its witness."""
    assert [(each.trial, each.invalid_reason) for each in suite if not each.valid] == []


def test_the_oracle_passes_every_scenario_clean_and_doing_nothing_passes_none(suite: list[Judgement]) -> None:
    """The two ends of the scale: what can be done is done, and what was not done is not credited."""
    assert {each.outcome for each in of(suite, "oracle", "none")} == {"success"}
    assert len(list(of(suite, "oracle", "none"))) == len(plugins.scenarios()) >= 12
    assert {each.outcome for each in of(suite, "nop")} <= {"silent_failure"}


def test_the_naive_agent_dies_under_explicit_faults(suite: list[Judgement]) -> None:
    """Framework defaults let the first tool error end the agent: it crashes in every trial in which one landed."""
    hit = [each for each in of(suite, "naive", *explicit_faultloads()) if each.landed]
    assert len(hit) > 50
    assert {each.kind for each in hit if each.outcome == "silent_failure"} == {"crashed"}
    assert not [each.trial for each in hit if each.outcome == "success"]


def test_a_blind_retry_duplicates_what_was_committed_and_reading_back_does_not(suite: list[Judgement]) -> None:
    """When the reply to a committed write is lost, `retrying` makes the effect twice, and `careful` never."""
    blind = [
        each for each in of(suite, "retrying", "lost-write") if any(harm.kind == "duplicate" for harm in each.harms)
    ]
    assert len(blind) >= 5
    assert not [each.trial for each in of(suite, "careful") if each.harms]
    assert {each.outcome for each in of(suite, "careful", "lost-write")} == {"success"}


def test_overclaiming_is_always_caught(suite: list[Judgement]) -> None:
    """Where no write can succeed, the agent that always says done is a false success every time."""
    barred = list(of(suite, "overclaiming", "quota"))
    assert len(barred) >= 12
    assert {each.outcome for each in barred} <= {"false_success", "harmful"}
    lies = [each for each in of(suite, "overclaiming") if any(check.result == "fail" for check in each.checks)]
    assert {each.claim for each in lies} == {"done"}
    assert {each.outcome for each in lies} <= {"false_success", "harmful"}


def test_quitting_is_never_a_false_success_when_it_is_told_of_the_error(suite: list[Judgement]) -> None:
    """An agent that stops at the first error and says so never claims more than there is."""
    told = list(of(suite, "quitting", "none", *explicit_faultloads()))
    assert len(told) > 50
    assert not [each.trial for each in told if each.outcome == "false_success"]


def test_careful_reaches_what_can_be_reached_under_explicit_faults(suite: list[Judgement]) -> None:
    """Where success can be had, the careful agent has it."""
    missed = [
        each.trial
        for each in of(suite, "careful", *explicit_faultloads())
        if each.attainable == "success" and each.outcome != "success"
    ]
    assert missed == []


def test_every_faultload_tells_two_reference_agents_apart(suite: list[Judgement]) -> None:
    """A faultload under which all agents fare alike would measure nothing."""
    for load in plugins.profile("default").faultloads:
        assert len({each.outcome for each in suite if each.faultload == load.name and each.agent != "nop"}) > 1, (
            load.name
        )


ONE_CALL = """why: "One read that fails at a known rate, so that the rate of recovery is known too."
environment: bank
script:
  - user: "Which accounts do I have?"
reference:
  - call: list_accounts
  - reply: "You have CHK-1."
checks:
  told: {answer: {contains: [CHK-1]}}
outcomes: {success: [told]}
"""

HALF = """name: half
injections:
  - fault: outage
    with: {status: 503}
    at: {tool: list_accounts, probability: 0.5}
"""


def test_retries_recover_as_often_as_theory_says(tmp_path: Path) -> None:
    """Three retries under an error rate of one half recover 1 − 0.5⁴ of 2,000 trials, within the 95 % interval."""
    (tmp_path / "bank").mkdir()
    (tmp_path / "bank" / "one_call.yaml").write_text(ONE_CALL)
    (tmp_path / "half.yaml").write_text(HALF)
    _, judged = execute(
        tmp_path / "run",
        scenarios=(str(tmp_path / "bank" / "one_call.yaml"),),
        agent=("retrying",),
        faults=str(tmp_path / "half.yaml"),
        trials=2000,
    )
    faulted = [each for each in judged if each.faultload == "half"]
    recovered = sum(each.outcome == "success" for each in faulted)
    low, high = stats.wilson(recovered, len(faulted))
    assert len(faulted) == 2000
    assert low <= 1 - 0.5**4 <= high


@pytest.mark.parametrize("workers", [1, 4])
def test_one_seed_gives_equal_bytes_however_many_workers(workers: int, tmp_path: Path) -> None:
    """At least 200 trials of LangGraph and plain agents give the same records, wall-clock fields aside."""
    chosen = {"scenarios": ("bank.*",), "agent": ("careful", "retrying", "fallback", "oracle")}
    first, _ = execute(tmp_path / "first", workers=2, **chosen)
    second, _ = execute(tmp_path / "second", workers=workers, **chosen)
    one = {each.trial: record.comparable(each) for each in first.records()}
    two = {each.trial: record.comparable(each) for each in second.records()}
    assert len(one) >= 200
    assert one == two


def test_another_seed_gives_other_weather(tmp_path: Path) -> None:
    """The draws depend on the seed: the same cell under two seeds is not hit alike."""
    chosen = {"scenarios": ("bank.*",), "agent": ("oracle",)}
    hits = []
    for seed in (1, 2):
        _, judged = execute(tmp_path / str(seed), seed=seed, **chosen)
        hits.append([landing.first_call for each in judged if each.faultload == "weather" for landing in each.landings])
    assert hits[0] != hits[1]
