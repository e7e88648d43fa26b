"""Worker processes: ten ways to take one down, each a recorded outcome that costs no other trial anything."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from agentbench.abc import Order
from agentbench.errors import TestbedError, UsageError
from agentbench.record import Call, Claim, Ending, Note, Reply, TrialRecord
from agentbench.sandboxes import process
from agentbench.sandboxes.process import Sandbox
from tests import notes

ROOT = Path(__file__).parents[2]
AGENTS = """
import asyncio, contextlib, ctypes, os, signal, subprocess, sys, threading, time

async def good(message, tools):
    await tools.list_notes()
    await tools.add_note(text="milk")
    await tools.result("report_outcome", {"status": "done"})
    return "Added."

async def before(tools):
    await tools.add_note(text="before")

async def exits(message, tools):
    await before(tools)
    os._exit(0)

async def segfaults(message, tools):
    await before(tools)
    ctypes.string_at(0)

async def aborts(message, tools):
    await before(tools)
    os.abort()

async def terminates(message, tools):
    await before(tools)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)

async def loops(message, tools):
    await before(tools)
    while True:
        pass

async def blocks(message, tools):
    await before(tools)
    time.sleep(600)

async def stops(message, tools):
    await before(tools)
    os.kill(os.getpid(), signal.SIGSTOP)
    return "Went on."

async def holds(message, tools):
    await before(tools)
    import re
    re.match("(a+)+$", "a" * 60 + "b")  # holds the interpreter's lock

async def under_way(message, tools):
    waiting = asyncio.ensure_future(tools.result("add_note", {"text": "slow"}))
    await tools.add_note(text="quick")
    pending = asyncio.ensure_future(tools.result("list_notes", {}))
    await asyncio.sleep(0.1)
    os._exit(3)

async def forks(message, tools):
    if os.fork() == 0:
        await tools.result("report_outcome", {"status": "failed", "summary": "from the child"})
        return "I am the child."
    os.wait()
    await before(tools)
    return "I am the parent."

async def forks_and_exits(message, tools):
    await before(tools)
    if os.fork() == 0:
        time.sleep(600)
    os._exit(5)

async def leaves_a_session(message, tools):
    await before(tools)
    code = "import os, time\\nif os.fork(): os._exit(0)\\nos.setsid()\\nopen('pids', 'a').write(str(os.getpid()))"
    code += "\\ntime.sleep(600)"
    subprocess.Popen([sys.executable, "-c", code], start_new_session=True).wait()
    while not os.path.exists("pids"):
        time.sleep(0.01)
    return "Left it."

async def leaves_a_session_and_loops(message, tools):
    await leaves_a_session(message, tools)
    while True:
        pass

async def leaves_a_session_and_exits(message, tools):
    await leaves_a_session(message, tools)
    os._exit(7)

async def prints(message, tools):
    for _ in range(10):
        print("x" * 1_000_000)
    await before(tools)
    return "Printed."

async def closes(message, tools):
    await before(tools)
    os.closerange(0, 256)
    await tools.list_notes()
    return "Closed."

async def subtask(message, tools):
    await before(tools)
    async def leave():
        sys.exit(4)
    await asyncio.gather(leave(), asyncio.sleep(5))
    return "Never."

async def swallows(message, tools):
    await before(tools)
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(10)

async def thread(message, tools):
    await before(tools)
    threading.Thread(target=time.sleep, args=(600,)).start()
    return "Left a thread."

async def wanders(message, tools):
    os.chdir("/")
    os.environ["STRAY"] = "1"
    os.umask(0)
    sys.setrecursionlimit(123)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    return "Wandered."

async def looks(message, tools):
    await tools.list_notes()
    mask = os.umask(0o22)
    os.umask(mask)
    handler = signal.getsignal(signal.SIGTERM)
    return f"{os.getcwd()} {os.environ.get('STRAY')} {mask:o} {sys.getrecursionlimit()} {handler}"

async def scribbles(message, tools):
    await before(tools)
    for descriptor in range(3, 40):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"\\x00\\x00\\xff\\xffgarbage")
    return "Scribbled."

async def forges(message, tools):
    await before(tools)
    for descriptor in range(3, 40):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"\\x00\\x00\\x00\\x05Rnope")
    return "Forged."
"""


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)
    (tmp_path / "mine.py").write_text(AGENTS)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """One worker at a time; after it is closed, no process of it is left."""
    made = Sandbox(workers=1, scratch=tmp_path / "workers")
    try:
        yield made
    finally:
        made.close()
        assert left(tmp_path) == []


def left(tmp_path: Path) -> list[str]:
    """The processes that work in a test's folder, but for this one."""
    found = []
    for each in psutil.process_iter():
        try:
            if each.pid != os.getpid() and each.cwd() == str(tmp_path) and each.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{each.pid} {' '.join(each.cmdline())[:80]}")
        except psutil.Error:
            continue
    return found


def orders(*agents: str, **wanted: Any) -> Iterator[Order]:
    """A trial for each of these agents."""
    return iter(
        [notes.order(agent=f"./mine.py:{agent}", number=number, **wanted) for number, agent in enumerate(agents)]
    )


def run(sandbox: Sandbox, *agents: str, **wanted: Any) -> list[TrialRecord]:
    """The records of a trial for each, in the order of the orders."""
    made = {order.trial["number"]: record for order, record in sandbox.run(orders(*agents, **wanted))}
    return [made[number] for number in range(len(agents))]


DEATHS = {
    "exits": ("crashed", "exit code 0"),
    "segfaults": ("crashed", "signal SIGSEGV"),
    "aborts": ("crashed", "signal SIGABRT"),
    "terminates": ("crashed", "signal SIGTERM"),
    "forks_and_exits": ("crashed", "exit code 5"),
    "leaves_a_session_and_exits": ("crashed", "exit code 7"),
    "closes": ("crashed", ""),
    "forges": ("crashed", "channel"),
    "subtask": ("crashed", "SystemExit: 4"),
}
# `scribbles` writes what looks like the head of a frame into the channel: the rest never comes.
HANGS = ("scribbles", "loops", "blocks", "stops", "holds", "leaves_a_session_and_loops")


def made_before(record: TrialRecord) -> None:
    """What the agent did before is in the record: the call, its execution and its effect."""
    assert [effect.author for effect in record.ledger] == ["call:c1"]
    first = record.calls[0]
    assert first.told.ok
    assert first.done[0].effects == [0]


@pytest.mark.parametrize("agent", DEATHS)
def test_a_death_is_a_recorded_crash(sandbox: Sandbox, agent: str) -> None:
    """However an agent takes its process down, the trial is `crashed` with what came before; its neighbours finish."""
    kind, words = DEATHS[agent]
    one, bad, two = run(sandbox, "good", agent, "good", deadline_s=15)
    assert bad.ending.kind == kind, bad.ending
    assert words in bad.ending.detail
    made_before(bad)
    assert [one.ending, two.ending] == [Ending(kind="finished")] * 2
    assert len(two.ledger) == 1


@pytest.mark.parametrize("agent", HANGS)
def test_a_hang_is_killed_at_the_deadline(sandbox: Sandbox, agent: str) -> None:
    """What cannot be cancelled is ended from outside at the deadline, and what came before is kept."""
    bad, good = run(sandbox, agent, "good", deadline_s=1.5)
    assert (bad.ending.kind, bad.ending.detail) == ("killed", "the deadline of 1.5 s of real time passed")
    made_before(bad)
    assert good.ending.kind == "finished"


def test_a_call_under_way_when_the_process_dies_is_not_lost(sandbox: Sandbox) -> None:
    """Calls without an answer are `abandoned` in the record, and what they did to the world stands with them."""
    (record,) = run(sandbox, "under_way")
    assert record.ending.detail == "the agent's process ended (exit code 3)"
    calls = {call.asked.get("text", call.tool): call for call in record.calls}
    assert list(calls) == ["quick", "slow", "list_notes"]
    assert calls["quick"].told.ok
    assert calls["list_notes"].told.failure == "abandoned"
    assert calls["list_notes"].done == []
    authors = {effect.author: index for index, effect in enumerate(record.ledger)}
    assert calls["slow"].done[0].effects == [authors[f"call:{calls['slow'].id}"]]


def test_effects_of_an_unanswered_call_stand_with_it(tmp_path: Path) -> None:
    """From a journal that ends between an effect and the reply, the call has an execution with that effect."""
    order = notes.order()
    journal = tmp_path / "journal"
    call = msgspec.json.encode(
        Call(id="c1", at_s=0, end_s=0, turn=0, tool="add_note", ordinal=1, asked={"text": "x"}, done=[],
             told=Reply(failure="abandoned"))
    ).decode()  # fmt: skip
    effect = '{"at_s":1.0,"author":"call:c1","table":"note","op":"insert","key":{"id":"N"},"after":{"id":"N"}}'
    head = f'{{"trial":"{order.trial["id"]}","attempt":1}}\n'
    journal.write_text(f'{head}{{"event":{call}}}\n{{"effect":{effect}}}\n{{"event":{{"type":"ca')
    events, ledger = process._remains(journal, order)
    (event,) = events
    assert isinstance(event, Call)
    assert event.told.failure == "abandoned"
    assert (event.done[0].effects, event.end_s) == ([0], 1.0)
    assert len(ledger) == 1


def test_another_trials_journal_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    """If a worker died before it took the order, nothing of the trial before it is in the record."""
    journal = tmp_path / "journal"
    journal.write_text('{"trial":"another","attempt":1}\n{"event":{"type":"note","at_s":0.0,"kind":"x"}}\n')
    assert process._remains(journal, notes.order()) == ([], [])
    assert process._remains(tmp_path / "absent", notes.order()) == ([], [])


def test_a_forked_child_does_not_answer(sandbox: Sandbox) -> None:
    """When an agent forks and both return, only the parent's record counts, and the next trial gets its own."""
    forked, good = run(sandbox, "forks", "good")
    assert forked.ending.kind == "finished"
    assert forked.answer == "I am the parent."
    assert not [event for event in forked.events if isinstance(event, Claim)]
    made_before(forked)
    assert good.ending.kind == "finished"
    assert good.claim is not None


def test_a_session_left_behind_is_ended_and_said(sandbox: Sandbox, tmp_path: Path) -> None:
    """A daemon that an agent starts in a session of its own is gone before the next trial."""
    found = []
    for _, record in sandbox.run(orders("leaves_a_session", "good")):
        found.append(record)
        pid = int((tmp_path / "pids").read_text().split()[0])
        assert not psutil.pid_exists(pid)
    assert [record.ending.kind for record in found] == ["finished", "finished"]
    (note,) = [event for event in found[0].events if isinstance(event, Note) and event.kind == "leftover_processes"]
    assert note.detail == "1"


def test_what_is_printed_is_bounded(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10 MB of output the beginning and the end stay in the worker's log; the trial is none the worse."""
    monkeypatch.setattr(process, "LOG_BYTES_MAX", 100_000)
    monkeypatch.setattr(process, "LOG_BYTES_KEPT", 10_000)
    record, _ = run(sandbox, "prints", "exits")
    assert record.ending.kind == "finished"
    (log,) = (tmp_path / "workers").glob("*.log")
    assert log.stat().st_size < 100_000
    assert b"bytes left out" in log.read_bytes()


def test_swallowed_cancellation_retires_the_worker(sandbox: Sandbox) -> None:
    """The limit is the ending, and the process with the task that will not go is not used again."""
    bad, good = run(sandbox, "swallows", "good", limits={"time_s": 60})
    assert (bad.ending.kind, bad.ending.detail) == ("limit", "time_s")
    assert good.ending.kind == "finished"
    assert bad.wall.pid != good.wall.pid


def test_a_thread_left_at_work_retires_the_worker(sandbox: Sandbox) -> None:
    """The trial counts, and its thread cannot reach the next one, for that runs in another process."""
    bad, good = run(sandbox, "thread", "good")
    assert bad.ending.kind == good.ending.kind == "finished"
    assert bad.wall.pid != good.wall.pid


def test_good_trials_share_a_worker(sandbox: Sandbox) -> None:
    """As long as nothing goes wrong, one process serves all trials."""
    made = run(sandbox, *["good"] * 5)
    assert {record.ending.kind for record in made} == {"finished"}
    assert len({record.wall.pid for record in made}) == 1


def test_what_an_agent_changes_in_its_process_is_put_back(sandbox: Sandbox, tmp_path: Path) -> None:
    """Working directory, variables, umask, recursion limit, handlers and alarms of one trial are not the next one's."""
    before, wandered, after = run(sandbox, "looks", "wanders", "looks")
    assert wandered.ending.kind == "finished"
    assert len({record.wall.pid for record in (before, wandered, after)}) == 1
    assert after.answer == before.answer
    assert before.answer.startswith(f"{tmp_path} None")


def test_all_bad_agents_together_cost_the_good_ones_nothing(tmp_path: Path) -> None:
    """With three workers and every kind of bad agent in one run, each good trial finishes with the same record."""
    made = Sandbox(workers=3, scratch=tmp_path / "workers")
    bad = [*DEATHS, *HANGS, "forks", "leaves_a_session", "prints", "swallows", "thread", "under_way"]
    mixed = [name for pair in zip(bad, ["good"] * len(bad), strict=True) for name in pair]
    wanted = [
        notes.order(agent=f"./mine.py:{name}", number=0, deadline_s=3, attempt=place + 1)
        for place, name in enumerate(mixed)
    ]
    try:
        records = {record.attempt: record for _, record in made.run(iter(wanted))}
    finally:
        made.close()
    assert len(records) == len(mixed), "every order has exactly one record"
    good = [records[place + 1] for place, name in enumerate(mixed) if name == "good"]
    assert {record.ending.kind for record in good} == {"finished"}
    assert len({str(record.ledger) for record in good}) == 1
    assert not [record for record in records.values() if record.ending.kind == "testbed"]
    assert left(tmp_path) == []


def test_the_workers_die_with_the_runner(tmp_path: Path) -> None:
    """When the runner is killed with SIGKILL, its workers and what agents started in them are gone soon after."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from tests import notes;"
        "from agentbench.sandboxes.process import Sandbox;"
        "made = Sandbox(workers=2, scratch=Path('workers'));"
        "names = ['leaves_a_session_and_loops', 'blocks'];"
        "list(made.run(iter([notes.order(agent=f'./mine.py:{name}', deadline_s=300) for name in names])))"
    )
    runner = subprocess.Popen([sys.executable, "-c", program, str(ROOT)])
    waited = 0.0
    while len([each for each in left(tmp_path) if "agentbench.worker" in each]) < 2 or not (tmp_path / "pids").exists():
        assert runner.poll() is None
        assert waited < 60
        time.sleep(0.1)
        waited += 0.1
    time.sleep(0.5)  # both agents are in their loops by now
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    waited = 0.0
    while left(tmp_path):
        assert waited < 20, left(tmp_path)
        time.sleep(0.1)
        waited += 0.1


# -- before the first trial ----------------------------------------------------------------------------


def test_check_names_what_cannot_be_loaded(sandbox: Sandbox, tmp_path: Path) -> None:
    """A reference that is wrong is a `UsageError` before anything runs; a right one is not."""
    sandbox.check(["./mine.py:good"], ["notes"], "virtual")
    (tmp_path / "fails.py").write_text("raise ValueError('in the\\nmiddle')")
    for ref, words in (("./mine.py:absent", "has no 'absent'"), ("./fails.py:x", "ValueError: in the middle")):
        with pytest.raises(UsageError, match=words):
            sandbox.check([ref], ["notes"], "virtual")


def test_check_says_what_an_import_that_ends_the_process_said(sandbox: Sandbox, tmp_path: Path) -> None:
    """A module that exits while it is loaded is a usage error with its last words."""
    (tmp_path / "exits.py").write_text("import os, sys\nprint('no licence', file=sys.stderr, flush=True)\nos._exit(9)")
    with pytest.raises(UsageError, match=r"exit code 9.*no licence"):
        sandbox.check(["./exits.py:x"], ["notes"], "virtual")
    (tmp_path / "quits.py").write_text("import sys\nsys.exit('bye')")
    with pytest.raises(UsageError, match="SystemExit: bye"):
        sandbox.check(["./quits.py:x"], ["notes"], "virtual")


def test_a_worker_that_died_idle_costs_no_trial(sandbox: Sandbox) -> None:
    """An idle worker that is gone is replaced before the order is given to it."""
    sandbox.check(["./mine.py:good"], ["notes"], "virtual")
    (worker,) = sandbox._workers
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    (record,) = run(sandbox, "good")
    assert record.ending.kind == "finished"


def test_a_worker_has_its_next_order_before_its_record_is_handed_out(sandbox: Sandbox) -> None:
    """While the caller stores a record, the worker is at the next trial."""
    pending = orders("good", "good", "good")
    seen = [(order.trial["number"], len(sandbox._busy())) for order, _ in sandbox.run(pending)]
    assert seen == [(0, 1), (1, 1), (2, 0)]


def test_closing_twice_is_safe(sandbox: Sandbox) -> None:
    """`close` may be called again, and ends everything the first time."""
    run(sandbox, "good")
    (worker,) = sandbox._workers
    sandbox.close()
    assert worker.process.returncode == -signal.SIGKILL
    worker.kill()
    sandbox.close()


def test_a_worker_that_cannot_be_started_is_the_testbeds_failure(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more processes or descriptors: a `TestbedError`, and no descriptor is lost."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    before = psutil.Process().num_fds()
    with pytest.raises(TestbedError, match="Too many open files"):
        run(sandbox, "good")
    assert psutil.Process().num_fds() == before
