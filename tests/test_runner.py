"""The runner: every trial once, whatever dies; failures of the testbed are repeated and never scored."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from agentbench import plan as plans
from agentbench import plugins, seeds, store
from agentbench import record as records
from agentbench.errors import TestbedError, UsageError
from agentbench.plan import Plan, PlannedAgent
from agentbench.record import TrialRecord
from agentbench.runner import ATTEMPTS_MAX, Runner, workers_here
from agentbench.store import RecordWriter, RunDirectory
from tests import notes

ROOT = Path(__file__).parents[1]
AGENTS = """
import asyncio, os, random

async def good(message, tools):
    await asyncio.gather(*(tools.result("get_note", {"id": f"NOTE-{number}"}) for number in range(4)))
    await asyncio.sleep(random.random())
    reply = await tools.result("add_note", {"text": "milk"})
    await tools.result("report_outcome", {"status": "done" if reply.ok else "failed"})
    return "Added."

async def slow(message, tools):
    import time
    time.sleep(0.02)
    return await good(message, tools)

async def dies(message, tools):
    await tools.result("add_note", {"text": "milk"})
    os._exit(3)

async def breaks(message, tools):
    await tools.result("break_down", {})
    return "Never."
"""
PROFILE = """
name: weather
faultloads:
  - name: outage
    injections: [{fault: outage, with: {status: 503}, at: {probability: 0.3}}]
  - name: lost
    injections: [{fault: lost_reply, with: {as: timeout, after_s: 30}, at: {effect: write}}]
"""
PROGRAM = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from agentbench import plan
from agentbench.runner import Runner
from agentbench.store import RunDirectory
Runner(plan.read(Path("plan.json")), RunDirectory(Path("run")), workers=2).execute()
"""
# A sandbox whose failures are the testbed's, as often as the agent's name says.
FLAKY = '''
"""Fails at first."""
import msgspec
from agentbench.record import Ending
from agentbench.sandboxes import inprocess

class Sandbox(inprocess.Sandbox):
    def run(self, orders):
        for order, record in super().run(orders):
            if order.attempt <= int(order.trial["number"]):
                record = msgspec.structs.replace(record, ending=Ending(kind="testbed", detail="flaky"))
            yield order, record
'''


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)
    (tmp_path / "mine.py").write_text(AGENTS)
    (tmp_path / "weather.yaml").write_text(PROFILE)
    folder = tmp_path / "sandboxes"
    folder.mkdir()
    (folder / "flaky.py").write_text(FLAKY)


@pytest.fixture(autouse=True)
def said() -> Iterator[list[Any]]:
    """What the runner's log said; whatever a command line of another test set up for it is left out."""
    with capture_logs() as entries:
        yield entries


def plan(*agents: str, trials: int = 2, sandbox: str = "inprocess", seed: int = 1, faults: bool = True) -> Plan:
    """A plan of the note scenario with these agents."""
    return plans.make(
        scenarios={"notes.milk": Path("scenarios/notes/milk.yaml")},
        agents=[PlannedAgent(name=name, ref=f"./mine.py:{name}") for name in agents],
        profile=plugins.profile("weather.yaml") if faults else None,
        trials=trials,
        seed=seed,
        clock="auto",
        sandbox=sandbox,
    )


def execute(made: Plan, path: str = "run", **options: Any) -> Runner:
    """Run a plan to its end."""
    runner = Runner(made, RunDirectory(Path(path)), **({"workers": 1} | options))
    runner.execute()
    return runner


def stored(path: str = "run") -> list[TrialRecord]:
    """The whole records of a run; none may be damaged."""
    run = RunDirectory(Path(path))
    found = list(run.records())
    assert run.damaged == 0
    return found


def comparable(path: str = "run") -> dict[str, bytes]:
    """The records of a run by trial, without what may differ."""
    return {record.trial: records.comparable(record) for record in stored(path)}


# -- every trial once ----------------------------------------------------------------------------------


def test_every_planned_trial_has_one_record() -> None:
    """One record for each trial of the plan, told of one by one; nothing else is left in the folder of the workers."""
    told: list[tuple[str, int, int]] = []
    made = plan("good", sandbox="process")
    execute(made, progress=lambda record, finished, planned: told.append((record.trial, finished, planned)))
    assert sorted(record.trial for record in stored()) == sorted(trial.id for trial in made.trials)
    assert [finished for _, finished, _ in told] == [1, 2, 3, 4, 5, 6]
    assert {planned for _, _, planned in told} == {6}
    assert not Path("run/workers").exists()
    assert RunDirectory(Path("run")).world("notes.milk")


def test_workers_and_isolation_do_not_change_a_record() -> None:
    """One worker, four, or none: a plan gives the same bytes for each trial, parallel calls and jitter included."""
    execute(plan("good", trials=8, sandbox="process"), "one")
    execute(plan("good", trials=8, sandbox="process"), "four", workers=4)
    execute(plan("good", trials=8), "here")
    one, four, here = comparable("one"), comparable("four"), comparable("here")
    assert one == four
    assert len(one) == 24
    assert {name: line.replace(b'"inprocess"', b'"process"') for name, line in here.items()} == one


def test_a_finished_run_is_not_run_again() -> None:
    """The same plan in the same place does nothing, and says how much was there."""
    execute(plan("good"))
    before = Path("run/records.jsonl").read_bytes()
    assert execute(plan("good")).resumed == 6
    assert Path("run/records.jsonl").read_bytes() == before


def test_what_is_missing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a stop in the middle only the rest is run; the whole equals an uninterrupted run."""
    made = plan("good", trials=4)
    append, count = RecordWriter.append, 0

    def stop(self: RecordWriter, record: TrialRecord) -> None:
        nonlocal count
        count += 1
        if count == 5:
            raise KeyboardInterrupt
        append(self, record)

    with monkeypatch.context() as patched:
        patched.setattr(RecordWriter, "append", stop)
        with pytest.raises(KeyboardInterrupt):
            execute(made)
    assert len(stored()) == 4
    assert execute(made).resumed == 4
    execute(made, "whole")
    assert comparable() == comparable("whole")
    assert len(stored()) == 12


def test_a_full_disk_ends_the_run_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a record cannot be written the run stops with a `TestbedError`; with room again it is completed."""
    made = plan("good")
    append = RecordWriter.append

    def full(self: RecordWriter, record: TrialRecord) -> None:
        if len(stored()) == 3:
            raise TestbedError("cannot write a record: No space left on device")
        append(self, record)

    with monkeypatch.context() as patched:
        patched.setattr(RecordWriter, "append", full)
        with pytest.raises(TestbedError, match="No space left"):
            execute(made)
    assert execute(made).resumed == 3
    assert len(stored()) == 6


def test_a_damaged_record_runs_again(said: list[Any]) -> None:
    """A flipped byte costs one trial, which is run again with the same result; the log says so."""
    made = plan("good")
    execute(made)
    whole = comparable()
    content = bytearray(Path("run/records.jsonl").read_bytes())
    content[len(content) // 2] ^= 1
    Path("run/records.jsonl").write_bytes(content)
    assert execute(made).resumed == 5
    run = RunDirectory(Path("run"))
    assert {record.trial: records.comparable(record) for record in run.records()} == whole
    assert run.damaged == 1
    assert [entry["count"] for entry in said if entry["log_level"] == "warning"] == [1]


def test_records_of_other_trials_do_not_count() -> None:
    """A record of a trial that the plan does not have is left alone."""
    made = plan("good", faults=False)
    run = RunDirectory(Path("run"))
    writer = RecordWriter(run)
    writer.append(notes.run(lambda message: "Hello."))
    writer.close()
    assert execute(made).resumed == 0
    assert Counter(record.trial in {trial.id for trial in made.trials} for record in stored()) == {True: 2, False: 1}


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(3))
def test_nothing_is_lost_or_done_twice_when_the_runner_is_killed(round_: int) -> None:
    """SIGKILL at random moments, also while resuming: in the end one record each, as in a run that nobody disturbed."""
    made = plan("slow", trials=30, sandbox="process")
    Path("plan.json").write_bytes(plans.encode(made))
    moments = seeds.derive("kill", round_)
    kept: dict[str, bytes] = {}
    for _ in range(4):
        before = len(stored())
        wanted = before + moments.randint(0, 12)
        runner = subprocess.Popen([sys.executable, "-c", PROGRAM, str(ROOT)], stderr=subprocess.DEVNULL)
        while runner.poll() is None and Path("run/records.jsonl").exists() * _lines() < wanted:
            time.sleep(0.01)
        time.sleep(moments.random() * 0.05)
        runner.send_signal(signal.SIGKILL)
        runner.wait()
        now = {record.trial: records.encode(record) for record in RunDirectory(Path("run")).records()}
        assert kept.items() <= now.items(), "what was there before is there as it was"
        kept = now
    subprocess.run([sys.executable, "-c", PROGRAM, str(ROOT)], check=True, timeout=120)
    assert Counter(record.trial for record in stored()) == Counter(trial.id for trial in made.trials)
    execute(made, "undisturbed", workers=2)
    assert comparable() == comparable("undisturbed")


def _lines() -> int:
    try:
        return Path("run/records.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


# -- whose failure it is -------------------------------------------------------------------------------


def test_failures_of_the_testbed_are_repeated_at_most_twice() -> None:
    """A trial that the testbed breaks is tried three times with one seed; each attempt is kept, none as an agent's."""
    made = plan("breaks", trials=1, faults=False)
    execute(made)
    found = stored()
    assert [(record.attempt, record.ending.kind) for record in found] == [
        (1, "testbed"),
        (2, "testbed"),
        (3, "testbed"),
    ]
    assert len({record.seed for record in found}) == 1
    assert ATTEMPTS_MAX == 3
    assert execute(made).resumed == 1, "and then it is over"
    assert len(stored()) == 3


def test_a_trial_that_the_testbed_broke_once_counts_when_it_works() -> None:
    """With failures of the testbed before it, the attempt that worked is the trial's; all are kept."""
    made = plan("good", trials=3, sandbox="flaky", faults=False)
    finished: list[tuple[str, int]] = []
    execute(made, progress=lambda record, count, planned: finished.append((record.trial[-1], record.attempt)))
    attempts = sorted((record.trial[-1], record.attempt, record.ending.kind) for record in stored())
    assert attempts == [("0", 1, "finished"), ("1", 1, "testbed"), ("1", 2, "finished"), ("2", 1, "testbed"),
                        ("2", 2, "testbed"), ("2", 3, "finished")]  # fmt: skip
    assert sorted(finished) == [("0", 1), ("1", 2), ("2", 3)]


def test_attempts_are_counted_across_resumptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repetition that was interrupted goes on counting where it was."""
    made = plan("breaks", trials=1, faults=False)
    append = RecordWriter.append

    def stop(self: RecordWriter, record: TrialRecord) -> None:
        append(self, record)
        raise KeyboardInterrupt

    for expected in (1, 2):
        with monkeypatch.context() as patched:
            patched.setattr(RecordWriter, "append", stop)
            with pytest.raises(KeyboardInterrupt):
                execute(made)
        assert len(stored()) == expected
    execute(made)
    assert [record.attempt for record in stored()] == [1, 2, 3]


def test_an_agent_that_dies_is_not_repeated() -> None:
    """What the agent does is data: its crash is the record of its trial, once."""
    execute(plan("dies", "good", trials=2, sandbox="process", faults=False), workers=2)
    kinds = Counter((record.trial.partition("/")[0], record.ending.kind, record.attempt) for record in stored())
    assert kinds == {("dies", "crashed", 1): 2, ("good", "finished", 1): 2}


# -- mistakes in the call ------------------------------------------------------------------------------


def test_another_plan_is_refused() -> None:
    """A run cannot be resumed with other options, and is left as it is."""
    execute(plan("good"))
    before = Path("run/records.jsonl").read_bytes()
    for other in (plan("good", seed=2), plan("good", trials=3), plan("dies")):
        with pytest.raises(UsageError, match="another plan is stored here"):
            execute(other)
    assert Path("run/records.jsonl").read_bytes() == before


def test_a_mistake_in_the_call_leaves_nothing_behind() -> None:
    """An agent that cannot be loaded is said before the first trial, and no folder is left."""
    with pytest.raises(UsageError, match="has no 'absent'"):
        execute(plan("absent", sandbox="process"), "runs/first")
    assert not Path("runs").exists()


def test_a_second_runner_takes_nothing_away() -> None:
    """A runner that is refused, because another is at work, does not touch the other's run."""
    Path("run").mkdir()
    run = RunDirectory(Path("run"))
    run.begin(plan("good"))
    writer = RecordWriter(run)
    with pytest.raises(UsageError, match="another agentbench is working"):
        execute(plan("dies"))
    assert run.plan().agents[0].name == "good"
    writer.close()
    execute(plan("good"))


def test_a_start_state_that_cannot_be_made_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQL under `given` that fails is a usage error that names the scenario."""
    made = plan("good")
    monkeypatch.setattr(
        type(plugins.environment("notes")), "template", lambda *_: (_ for _ in ()).throw(ValueError("no such table"))
    )
    with pytest.raises(UsageError, match=r"milk\.yaml: 'given' cannot be applied: no such table"):
        execute(made)


def test_a_broken_system_call_is_the_testbeds_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """An `OSError` while trials run, such as no more descriptors, is a `TestbedError`, not a traceback."""

    def broken(self: RecordWriter, record: TrialRecord) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(store.RecordWriter, "append", broken)
    with pytest.raises(TestbedError, match="Too many open files"):
        execute(plan("good"))


def test_nothing_is_kept_of_a_finished_trial() -> None:
    """However long a run is, the runner holds its plan and no more."""
    runner = execute(plan("good"))
    assert runner.plan.trials
    assert not runner._attempts
    assert not runner._finished
    assert not runner._again


def test_there_is_at_least_one_worker() -> None:
    """The number of CPUs that may be used is the default."""
    assert workers_here() >= 1
