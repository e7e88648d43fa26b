"""`sweep` as a user types it: real agents with known weak points, resuming, and what a wrong call says."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentbench import plugins, sweep
from agentbench.cli import run_command_line
from agentbench.coverage import BY_HARM, STATES
from agentbench.store import RunDirectory

SCENARIO = "bank.rent_and_receipt"
FAULTS = "outage,lost_reply,silent_noop,truncate,mojibake"
OPTIONS = ("--faults", FAULTS, "--sandbox", "inprocess", "--workers", "1")

Swept = Callable[[str], Path]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """The directory of the sweep of an agent, made once."""
    made: dict[str, Path] = {}

    def of(agent: str) -> Path:
        if agent not in made:
            folder = tmp_path_factory.mktemp("sweep") / agent
            assert run_command_line(["sweep", SCENARIO, "-a", agent, "--out", str(folder), *OPTIONS]) == 0
            made[agent] = folder
        return made[agent]

    return of


def coverage(folder: Path) -> Any:
    """The content of `sweep.json`."""
    return json.loads((folder / "sweep.json").read_text())


def weak(folder: Path, *, depth: int = 1) -> set[tuple[str, str, str]]:
    """Outcome, tool and fault of the weak points with so many faults on the way."""
    found = coverage(folder)["weak_points"]
    return {(each["outcome"], each["tool"], each["fault"]) for each in found if each["trial"].count(",") == depth - 1}


# -- what it finds -------------------------------------------------------------------------------------


def test_the_retrier_pays_twice_and_believes_what_it_is_told(swept: Swept) -> None:
    """Blind repeats after a lost reply are harmful, a write that was never done is a false success."""
    found = weak(swept("retrying"))
    assert ("harmful", "transfer", "lost_reply") in found
    assert ("false_success", "transfer", "silent_noop") in found
    assert not {each for each in found if each[1:] == ("transfer", "truncate")}


def test_the_naive_agent_does_no_harm_by_repeating(swept: Swept) -> None:
    """It dies of the first error instead, and is as gullible."""
    found = weak(swept("naive"))
    assert "harmful" not in {outcome for outcome, *_ in found}
    assert ("silent_failure", "transfer", "lost_reply") in found
    assert ("silent_failure", "list_payees", "outage") in found
    assert ("false_success", "transfer", "silent_noop") in found


def test_the_careful_agent_survives_each_of_these_faults(swept: Swept) -> None:
    """It reads back, so that no single one of these leads to harm, a false success or silence."""
    assert not {each for each in weak(swept("careful")) if each[0] in ("harmful", "false_success", "silent_failure")}


def test_weak_points_are_ordered_by_harm_and_fewest_faults(swept: Swept) -> None:
    """The most harmful come first, and among them what needs fewer faults."""
    for agent in ("naive", "retrying", "careful"):
        points = coverage(swept(agent))["weak_points"]
        keys = [(-BY_HARM.index(each["outcome"]), each["trial"].count(",")) for each in points]
        assert keys == sorted(keys)


def test_the_map_is_complete(swept: Swept) -> None:
    """Every tool of the environment × every fault of the set is in exactly one state, and the states are counted."""
    tools = list(plugins.environment("bank").tools)
    for agent in ("naive", "retrying", "careful"):
        found = coverage(swept(agent))
        pairs = [(each["tool"], each["fault"]) for each in found["map"]]
        assert sorted(pairs) == sorted((tool, fault) for tool in tools for fault in FAULTS.split(","))
        assert {each["state"] for each in found["map"]} <= set(STATES)
        assert sum(found["states"].values()) == len(pairs)


def test_the_states_of_the_map(swept: Swept) -> None:
    """Witnessed, without effect at a read, uninformative everywhere, and never called: each with its reason."""
    states = {(each["tool"], each["fault"]): each for each in coverage(swept("retrying"))["map"]}
    assert states["transfer", "lost_reply"]["state"] == "witnessed"
    assert states["transfer", "lost_reply"]["outcomes"]["harmful"] >= 1
    assert states["list_payees", "silent_noop"]["state"] == "ineffective"
    assert "a read has no effect" in states["list_payees", "silent_noop"]["reason"]
    assert states["list_payees", "mojibake"]["state"] == "uninformative"
    assert states["freeze_card", "outage"]["state"] == "not_reachable"
    assert "no trial of this sweep calls freeze_card" in states["freeze_card", "outage"]["reason"]


def test_a_fallback_is_reached_through_a_fault(swept: Swept) -> None:
    """The careful agent's other ways are no part of its control, and are swept all the same."""
    found = coverage(swept("careful"))
    through = {(each["tool"], each["call"]): each["through"] for each in found["calls"]}
    assert through["transfer", 1] == ""
    assert through["instant_transfer", 1]
    states = {(each["tool"], each["fault"]): each["state"] for each in found["map"]}
    assert states["instant_transfer", "lost_reply"] == "witnessed"


def test_what_runs_is_what_was_said(agentbench, swept: Swept) -> None:
    """The cost that is stated before the first round is the number of its trials."""
    said = agentbench("sweep", SCENARIO, "-a", "naive", "--out", "out", "--rounds", "1", "--json", *OPTIONS)
    count = int(re.search(r"first round: ([\d,]+) trials", said.err)[1].replace(",", ""))  # type: ignore[index]
    assert count == said.json["cost"]["trials"] == said.json["rounds"][0]["trials"]
    assert count == len(RunDirectory(Path("out")).plan().trials) - 1
    assert said.json["cost"]["faults"] * said.json["cost"]["calls"] * 2 == count
    dry = agentbench("sweep", SCENARIO, "-a", "naive", "--dry-run", "--json", *OPTIONS)
    assert dry.json["cost"]["trials"] == count
    assert not Path("runs").exists()


def test_json_has_what_other_programs_rely_on(agentbench) -> None:
    """One document with the directory, the cost, the map and the weak points, and everything else beside it."""
    done = agentbench("sweep", SCENARIO, "-a", "retrying", "--out", "out", "--rounds", "1", "--json", *OPTIONS)
    assert done.code == 0
    document = done.json
    assert document["run_dir"] == "out"
    assert {"cost", "rounds", "trials", "calls", "map", "states", "weak_points", "not_swept", "left"} <= set(document)
    assert {"tool", "phase", "fault", "state", "reason", "trials", "outcomes"} <= set(document["map"][0])
    first = document["weak_points"][0]
    assert {"trial", "tool", "call", "fault", "lasts", "outcome", "attainable", "injections"} <= set(first)
    assert document["left"]["rounds"] > 0
    assert "sweep.html" in done.err


def test_a_weak_point_is_shown_replayed_and_run_from_its_yaml(agentbench, swept: Swept) -> None:
    """Its trial id works with `show` and `replay`, and its YAML with `run --faults` gives the same outcome."""
    folder = swept("retrying")
    points = coverage(folder)["weak_points"]
    for point in (points[0], next(each for each in points if "," in each["trial"])):
        assert f"outcome  {point['outcome']}" in agentbench("show", str(folder), point["trial"]).out
        assert agentbench("replay", str(folder), point["trial"]).code == 0
        Path("weak.yaml").write_text(point["injections"])
        run = agentbench("run", SCENARIO, "-a", "retrying", "--faults", "weak.yaml", "--json",
                         "--sandbox", "inprocess", "--workers", "1", "--out", f"run-{point['lasts']}-{len(point['trial'])}")  # fmt: skip # noqa: E501
        assert run.json["outcomes"][point["outcome"]] == 1


def test_a_sweep_is_an_ordinary_run(agentbench, swept: Swept) -> None:
    """`measure` judges it again and gives the same map; every faulted trial is paired with the control."""
    folder = swept("naive")
    before = (folder / "sweep.json").read_bytes()
    (folder / "sweep.json").unlink()
    assert agentbench("measure", str(folder), "--json").json["trials"]["missing"] == 0
    assert (folder / "sweep.json").read_bytes() == before
    assert agentbench("report", str(folder)).code == 0
    pairings = {each.pairing for each in RunDirectory(folder).judgements()}
    assert pairings == {"control", "matched"}


def test_pairs_are_of_survived_faults_and_bounded(agentbench) -> None:
    """Only faults that the agent came through alone are paired, up to the bound, and the rest is said."""
    done = agentbench("sweep", SCENARIO, "-a", "careful", "--out", "out", "--rounds", "1", "--pairs",
                      "--max-trials", "75", "--json", *OPTIONS)  # fmt: skip
    document = done.json
    singles, pairs = document["rounds"]
    assert pairs["pairs"] == 1
    assert singles["trials"] + pairs["trials"] == 75
    assert document["left"]["pairs"] > 0
    outcomes = {each.faultload: each.outcome for each in RunDirectory(Path("out")).judgements()}
    for name in [each for each in outcomes if sweep.WITH in each]:
        assert {outcomes[part] for part in name.split(sweep.WITH)} <= {"success", "degraded", "honest_failure"}


# -- going on ------------------------------------------------------------------------------------------


def test_the_same_command_resumes_and_more_rounds_go_on(agentbench) -> None:
    """A finished sweep runs nothing again; with a larger bound it goes on from where it was."""
    command = ("sweep", SCENARIO, "-a", "retrying", "--out", "out", "--json", *OPTIONS)
    first = agentbench(*command, "--rounds", "1")
    records = Path("out/records.jsonl").read_bytes()
    again = agentbench(*command, "--rounds", "1")
    assert Path("out/records.jsonl").read_bytes() == records
    assert again.json["map"] == first.json["map"]
    assert "were there already" in again.err
    further = agentbench(*command, "--rounds", "2")
    assert len(further.json["rounds"]) == 2
    assert Path("out/records.jsonl").read_bytes().startswith(records)


def test_other_faults_do_not_mix_into_a_sweep(agentbench) -> None:
    """Another set of faults, agent or seed is another plan, and is refused."""
    command = ("sweep", SCENARIO, "-a", "naive", "--out", "out", "--rounds", "1", "--sandbox", "inprocess")
    agentbench(*command, "--faults", "outage")
    before = Path("out/plan.json").read_bytes()
    for other in (("--faults", "timeout"), ("--faults", "outage", "--seed", "2"), ("--faults", "outage", "-a", "nop")):
        done = agentbench(*command, *other)
        assert done.code == 2
        assert "another plan is stored here" in done.err
    assert Path("out/plan.json").read_bytes() == before


@pytest.mark.timeout(180)
def test_kill_minus_nine_loses_nothing(agentbench, swept: Swept, tmp_path: Path) -> None:
    """Killed in its first and again in a later round, the same command ends with the map of a sweep that was not."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "agentbench", "sweep", SCENARIO, "-a", "retrying", "--out", str(out), *OPTIONS]
    for size in (200_000, 700_000):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
        deadline = time.monotonic() + 80
        while not (out / "records.jsonl").exists() or (out / "records.jsonl").stat().st_size < size:
            assert time.monotonic() < deadline, "no records appear"
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = agentbench("sweep", SCENARIO, "-a", "retrying", "--out", str(out), "--json", *OPTIONS)
    records = [record.trial for record in RunDirectory(out).records()]
    assert len(records) == len(set(records)) == done.json["trials"]["planned"]
    whole = coverage(swept("retrying"))
    assert {key: done.json[key] for key in whole} == whole


# -- wrong calls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bank.rent", "-a", "naive"), "there is no scenario 'bank.rent'; did you mean"),
        (("bank.*", "-a", "naive"), "names 9 scenarios, and a sweep is of one"),
        ((SCENARIO, "-a", "carefull"), "there is no agent 'carefull'; did you mean 'careful'?"),
        ((SCENARIO,), "Missing option '--agent'"),
        ((SCENARIO, "-a", "naive", "--faults", "outtage"), "there is no fault or profile 'outtage'"),
        ((SCENARIO, "-a", "naive", "--faults", "defalt"), "did you mean 'default'?"),
        ((SCENARIO, "-a", "naive", "--faults", "none"), "has no fault that strikes a tool call"),
        ((SCENARIO, "-a", "naive", "--sandbox", "proces"), "there is no sandbox 'proces'"),
        ((SCENARIO, "-a", "naive", "--rounds", "0"), "0 is not in the range"),
        ((SCENARIO, "-a", "naive", "--max-trials", "0"), "0 is not in the range"),
    ],
)
def test_a_wrong_call_is_one_line_and_code_2(agentbench, arguments: tuple[str, ...], words: str) -> None:
    """Whatever is wrong with the call is said in one line, and nothing is left behind."""
    done = agentbench("sweep", *arguments)
    assert done.code == 2
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert not Path("runs").exists()


def test_an_agent_that_calls_nothing_cannot_be_swept(agentbench) -> None:
    """Without a call there is no place for a fault; that is said, with the code for nothing to judge."""
    done = agentbench("sweep", SCENARIO, "-a", "nop", "--sandbox", "inprocess", "--out", "out")
    assert done.code == 4
    assert "makes no tool call" in done.err
