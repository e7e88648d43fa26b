"""`plan` and `run` as a user types them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentbench.store import RunDirectory

SCENARIO = "bank.rent_and_receipt"


def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """The real command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "agentbench", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        # A caller that runs in the background ignores the interrupt, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def workers_of(folder: Path) -> list[int]:
    """The processes that still work for a run in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder) in entry.read_text() and "agentbench.worker" in entry.read_text():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


def test_run_json_has_what_other_programs_rely_on(agentbench) -> None:
    """`run --json` prints one document with the promised keys, and everything else goes to standard error."""
    done = agentbench("run", SCENARIO, "-a", "oracle", "-a", "nop", "--out", "out", "--json")
    assert done.code == 0
    document = done.json
    assert document["run_dir"] == "out"
    assert {"planned", "valid", "invalid"} <= set(document["trials"])
    assert {"planned", "injected", "witnessed", "not_reached", "ineffective"} <= set(document["faults"])
    assert sum(document["outcomes"].values()) == document["trials"]["valid"]
    assert {"name", "agent", "value", "low", "high", "n"} <= set(document["measures"][0])
    assert all(each["value"] is not None or each["reason"] for each in document["measures"])
    assert "report:" in done.err


def test_the_directory_of_a_run_is_complete(small_run: Path) -> None:
    """Plan, records, start states, measures, traces and report lie where the design says."""
    names = {str(path.relative_to(small_run)) for path in small_run.rglob("*") if path.is_file()}
    wanted = {"plan.json", "records.jsonl", "measures.json", "judgements.jsonl", "report.html", "traces/trials.jsonl"}
    assert wanted <= names
    assert f"worlds/{SCENARIO}.sqlite.z" in names
    assert not [name for name in names if name.endswith((".tmp", ".journal"))]


def test_the_same_command_resumes_and_runs_nothing_again(agentbench) -> None:
    """A second run into the same directory finds every record there."""
    command = ("run", SCENARIO, "-a", "oracle", "--faults", "none", "--trials", "3", "--out", "out")
    first = agentbench(*command, "--json")
    before = Path("out/records.jsonl").read_bytes()
    second = agentbench(*command, "--json")
    assert first.json["measures"] == second.json["measures"]
    assert Path("out/records.jsonl").read_bytes() == before
    assert "resumed: 3 of 3" in second.err


def test_other_options_do_not_mix_into_a_run(agentbench) -> None:
    """Resuming with another seed is refused, because one directory holds one plan."""
    agentbench("run", SCENARIO, "-a", "oracle", "--faults", "none", "--out", "out")
    done = agentbench("run", SCENARIO, "-a", "oracle", "--faults", "none", "--out", "out", "--seed", "2")
    assert done.code == 2
    assert "another plan is stored here" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "bank.rent"), "there is no scenario 'bank.rent'; did you mean"),
        (("run", SCENARIO, "-a", "carefull"), "there is no agent 'carefull'; did you mean 'careful'?"),
        (("run", SCENARIO, "-a", "./gone.py:graph"), "there is no file './gone.py'"),
        (("run", SCENARIO, "-a", "json:nothing"), "'json' has no 'nothing'"),
        (("run", SCENARIO, "-a", "gone.module:graph"), "No module named 'gone'"),
        (("run", SCENARIO, "--faults", "defalt"), "there is no profile 'defalt'; did you mean 'default'?"),
        (("run", SCENARIO, "--faults", "gone.yaml"), "gone.yaml: there is no such file"),
        (("run", SCENARIO, "--sandbox", "proces"), "there is no sandbox 'proces'; did you mean 'process'?"),
        (("run", SCENARIO, "--trials", "0"), "0 is not in the range"),
        (("run", SCENARIO, "--clock", "fast"), "'fast' is not one of"),
        (("runn",), "there is no command 'runn'; did you mean 'run'?"),
        (("run", "--sed", "1"), "--sed"),
    ],
)
def test_a_wrong_call_is_one_line_and_code_2(agentbench, arguments: tuple[str, ...], words: str) -> None:
    """Whatever is wrong with the call is said in one line, with what to write instead, and nothing is left behind."""
    done = agentbench(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert not Path("runs").exists()


def test_a_fault_file_with_a_mistake_names_its_line(agentbench) -> None:
    """A wrong parameter in a faultload is found before anything runs."""
    Path("mine.yaml").write_text("name: mine\ninjections:\n  - fault: latency\n    with: {delay: 3}\n")
    done = agentbench("run", SCENARIO, "-a", "oracle", "--faults", "mine.yaml")
    assert done.code == 2
    assert (
        done.err.strip() == "error: mine.yaml:4: the fault 'latency' has no parameter 'delay'; did you mean 'delay_s'?"
    )


def test_a_directory_that_cannot_be_written_is_one_line(agentbench) -> None:
    """No write permission (here: a file in the way) is the caller's mistake, not a traceback."""
    Path("file").write_text("")
    done = agentbench("run", SCENARIO, "-a", "oracle", "--out", "file/out")
    assert done.code == 2
    assert "cannot write there" in done.err
    assert "Traceback" not in done.err


def test_settings_come_from_the_file_the_environment_and_the_command_line(agentbench, monkeypatch) -> None:
    """`[tool.agentbench]` gives defaults, `AGENTBENCH_*` overrides them, and an option overrides both."""
    Path("pyproject.toml").write_text('[tool.agentbench]\nagents = ["oracle"]\nseed = 5\nfaults = "none"\ntrials = 2\n')
    assert agentbench("plan", SCENARIO, "--json").json["seed"] == 5
    monkeypatch.setenv("AGENTBENCH_SEED", "6")
    assert agentbench("plan", SCENARIO, "--json").json["seed"] == 6
    plan = agentbench("plan", SCENARIO, "--json", "--seed", "7").json
    assert (plan["seed"], plan["trials_per_cell"], [each["name"] for each in plan["agents"]]) == (7, 2, ["oracle"])


def test_an_unknown_setting_is_refused_with_its_line(agentbench) -> None:
    """A misspelt key in pyproject.toml does not pass in silence."""
    Path("pyproject.toml").write_text("[tool.agentbench]\nseeds = 5\n")
    done = agentbench("plan", SCENARIO)
    assert done.code == 2
    assert "pyproject.toml:2: unknown setting 'seeds' in [tool.agentbench]; did you mean 'seed'?" in done.err


def test_nothing_to_judge_is_code_4(agentbench, tmp_path: Path, monkeypatch) -> None:
    """When every trial broke in the testbed, no number is printed as if it meant something."""
    folder = tmp_path / "plugins" / "faults"
    folder.mkdir(parents=True)
    (folder / "broken.py").write_text(
        '"""Always breaks."""\nfrom dataclasses import dataclass\nfrom typing import ClassVar\n\n'
        "@dataclass(frozen=True)\nclass Broken:\n    site: ClassVar = 'tool'\n    phase: ClassVar = 'before'\n"
        "    explicit: ClassVar = True\n    blocking: ClassVar = True\n    witness: ClassVar = 'not_executed'\n\n"
        "    async def inject(self, call, proceed, ctx):\n        raise RuntimeError('the fault itself is broken')\n\n"
        "fault = Broken\n"
    )
    monkeypatch.setenv("AGENTBENCH_PATH", str(tmp_path / "plugins"))
    Path("mine.yaml").write_text("injections:\n  - fault: broken\n    lasts: permanent\n")
    done = agentbench("run", SCENARIO, "-a", "oracle", "--faults", "mine.yaml", "--out", "out", "--json")
    assert done.json["trials"] == {"planned": 2, "valid": 1, "invalid": 1, "missing": 0}
    attempts = [record for record in RunDirectory(Path("out")).records() if record.ending.kind == "testbed"]
    assert [record.attempt for record in attempts] == [1, 2, 3]
    Path("out/records.jsonl").write_bytes(
        b"".join(line for line in Path("out/records.jsonl").read_bytes().splitlines(True) if b'"testbed"' in line)
    )
    assert agentbench("measure", "out").code == 4


@pytest.mark.timeout(120)
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """An interrupt ends with 130, no process stays behind, and no trial is lost or done twice."""
    out = tmp_path / "out"
    command = ("run", "bank.*", "-a", "oracle", "-a", "careful", "--out", str(out))
    process = start(*command)
    deadline = time.monotonic() + 60
    while not (out / "records.jsonl").exists() or (out / "records.jsonl").stat().st_size < 100_000:
        assert time.monotonic() < deadline, "no records appear"
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert workers_of(out) == []
    before = [record.trial for record in RunDirectory(out).records()]
    process = start(*command, "--json")
    result, _ = process.communicate(timeout=100)
    after = [record.trial for record in RunDirectory(out).records()]
    assert process.returncode == 0
    assert json.loads(result)["trials"]["missing"] == 0
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == json.loads(result)["trials"]["planned"]


@pytest.mark.timeout(120)
def test_two_interrupts_in_a_row_end_at_once(tmp_path: Path) -> None:
    """A second Ctrl-C while the first is being served changes nothing about how it ends."""
    out = tmp_path / "out"
    process = start("run", "bank.*", "-a", "careful", "--out", str(out))
    while not (out / "records.jsonl").exists() or (out / "records.jsonl").stat().st_size < 10_000:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in err
    assert workers_of(out) == []


def test_piped_output_has_no_escapes_and_stays_narrow(tmp_path: Path) -> None:
    """In a pipe and in a narrow terminal the table is plain text that fits."""
    process = start("run", SCENARIO, "-a", "oracle", "--faults", "none", "--out", str(tmp_path / "out"),
                    COLUMNS="60", NO_COLOR="1")  # fmt: skip
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "\x1b" not in out + err
    assert max(len(line) for line in out.splitlines()) <= 60
    assert "oracle" in out


def test_agents_for_one_kind_of_fault_run_only_when_they_are_named() -> None:
    """A run that names no agent takes the eight that any fault tells apart."""
    from agentbench.cli.running import default_agents

    assert default_agents() == [
        "careful", "fallback", "naive", "nop", "oracle", "overclaiming", "quitting", "retrying",
    ]  # fmt: skip
