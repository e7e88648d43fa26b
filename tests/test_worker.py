"""A worker's own parts: the journal that outlives it, its answers, and the children that it ends."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

import msgspec
import psutil
import pytest

from agentbench import record as records
from agentbench import worker
from agentbench.record import Effect, Note
from agentbench.stage import Stage
from agentbench.worker import FileJournal
from tests import notes

NOTE = Note(at_s=0.0, kind="x")
EFFECT = Effect(at_s=0.0, author="call:c1", table="note", op="insert", key={"id": 1})


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)


def lines(path: Path) -> list[str]:
    """The keys of each line of a journal, in order."""
    return ["+".join(msgspec.json.decode(line)) for line in path.read_bytes().splitlines()]


def test_the_journal_begins_with_its_attempt(tmp_path: Path) -> None:
    """Every trial starts a fresh journal that says whose it is."""
    journal = FileJournal(tmp_path / "journal")
    for trial in ("first", "second"):
        journal.restart(trial, 2)
        journal.event(NOTE)
        journal.effects([EFFECT, EFFECT])
    assert lines(tmp_path / "journal") == ["trial+attempt", "event", "effect", "effect"]
    first = msgspec.json.decode((tmp_path / "journal").read_bytes().splitlines()[0])
    assert first == {"trial": "second", "attempt": 2}


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes three bytes at a time gets all of them."""
    journal = FileJournal(tmp_path / "journal")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:3]))
    journal.restart("t", 1)
    journal.event(NOTE)
    assert lines(tmp_path / "journal") == ["trial+attempt", "event"]


@pytest.mark.parametrize(("error", "raises"), [(errno.ENOSPC, True), (errno.EIO, True), (errno.EBADF, False)])
def test_a_full_disk_is_told_and_a_closed_file_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, raises: bool
) -> None:
    """The testbed's troubles come out; a file that the agent closed is no trouble of the testbed."""
    journal = FileJournal(tmp_path / "journal")

    def refuse(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "write", refuse)
    journal.restart("t", 1)
    if raises:
        with pytest.raises(OSError, match=os.strerror(error)):
            journal.event(NOTE)
    else:
        journal.event(NOTE)


def test_a_forked_child_does_not_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the process that opened the journal enters anything."""
    journal = FileJournal(tmp_path / "journal")
    journal.restart("t", 1)
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: -1)
        journal.event(NOTE)
    assert lines(tmp_path / "journal") == ["trial+attempt"]


def test_spans_that_cannot_be_encoded_do_not_cost_the_record() -> None:
    """An agent's own span may hold what is not Unicode; the record is kept with it made plain."""
    record = msgspec.structs.replace(notes.run(lambda message: "Hello."), spans=[{"name": "\ud800", "n": 2**80}])
    kept = records.decode(worker._encoded(record))
    assert kept.spans[0]["name"] == "\\ud800"
    assert kept.events == record.events


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """The parent's end of a worker that serves in a thread; its loops are closed, as the end of a process would."""
    ours, theirs = Pipe()
    stages: list[Stage] = []
    monkeypatch.setattr(worker, "Stage", lambda mode: stages.append(Stage(mode)) or stages[-1])
    thread = threading.Thread(target=worker.serve, args=(theirs, tmp_path / "journal", "process"))
    thread.start()
    yield ours
    ours.close()
    thread.join(timeout=30)
    assert not thread.is_alive(), "a worker ends when its parent hangs up"
    theirs.close()
    for stage in stages:
        stage.close()


def test_references_are_checked_and_errors_are_text(served: Connection, tmp_path: Path) -> None:
    """A check is answered with `K`, or with `E` and one line that says what is wrong."""
    (tmp_path / "mine.py").write_text("def agent(message): ...")
    for ref, answer in (("./mine.py:agent", b"K"), ("./mine.py:absent", b"E")):
        served.send_bytes(b"C" + msgspec.msgpack.encode({"refs": [ref], "environments": ["notes"], "clock": "virtual"}))
        frame = served.recv_bytes()
        assert frame[:1] == answer
    assert b"has no 'absent'" in frame
    assert b"\n" not in frame


def test_one_stage_serves_all_trials_of_a_clock(served: Connection, tmp_path: Path) -> None:
    """Trials of one worker share their loop and what was loaded, and each is answered with its own record."""
    (tmp_path / "mine.py").write_text(
        "import asyncio\nasync def agent(message): return str(id(asyncio.get_running_loop()))"
    )
    answers = set()
    for number in range(3):
        served.send_bytes(b"O" + msgspec.msgpack.encode(notes.order(agent="./mine.py:agent", number=number)))
        frame = served.recv_bytes()
        made = records.decode(frame[1:])
        assert (frame[:1], made.trial[-1], made.ending.kind) == (b"R", str(number), "finished")
        answers.add(made.answer)
    assert len(answers) == 1


def test_children_are_ended_and_counted() -> None:
    """What was started and left behind is killed and reaped, grandchildren in another session included."""
    program = (
        "import subprocess, sys; from agentbench import worker; worker._adopt_orphans();"
        "code = 'import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(600)';"
        "subprocess.Popen([sys.executable, '-c', code], start_new_session=True).wait();"
        "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print(*worker._children(), flush=True); print(worker._end_children(), worker._children())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    pids, counted = done.stdout.splitlines()
    assert counted == "2 []"
    assert not any(psutil.pid_exists(int(pid)) for pid in pids.split())


def test_there_may_be_no_children() -> None:
    """A process without children has nothing to end."""
    program = "from agentbench import worker; print(worker._end_children())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "0\n"


# -- what is loaded ------------------------------------------------------------------------------------


def test_what_is_loaded_is_set_aside_once_and_again_after_many_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector forgets what an agent's framework brought, and nothing is done while nothing is imported."""
    done: list[str] = []
    monkeypatch.setattr(worker.gc, "collect", lambda: done.append("collect"))
    monkeypatch.setattr(worker.gc, "freeze", lambda: done.append("freeze"))
    loaded = worker._settled(0)
    assert loaded == len(worker.sys.modules)
    assert worker._settled(loaded) == loaded
    assert worker._settled(loaded - worker.IMPORTS_MIN + 1) == loaded - worker.IMPORTS_MIN + 1
    assert done == ["collect", "freeze"]
    assert worker._settled(loaded - worker.IMPORTS_MIN) == loaded
    assert done == ["collect", "freeze"] * 2


# -- the watchdog --------------------------------------------------------------------------------------


class Bark:
    """Stands for `faulthandler` and for the clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        self.at_s: float | None = None
        self.settings = 0
        monkeypatch.setattr(worker.clock, "wall_s", lambda: self.now_s)
        monkeypatch.setattr(worker.faulthandler, "dump_traceback_later", self._set)
        monkeypatch.setattr(worker.faulthandler, "cancel_dump_traceback_later", self._unset)

    def _set(self, seconds: float, **_: object) -> None:
        self.at_s = self.now_s + seconds
        self.settings += 1

    def _unset(self) -> None:
        self.at_s = None


def test_a_watchdog_barks_soon_after_the_deadline_of_any_trial_and_never_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through short and long deadlines, there is always one set within its bounds."""
    bark, watchdog = Bark(monkeypatch), worker._Watchdog()
    for deadline_s in [60.0] * 200 + [1.0, 60.0, 3600.0, 5.0, 5.0]:
        watchdog.watch(deadline_s)
        assert bark.at_s is not None
        overdue_s = bark.at_s - bark.now_s - deadline_s
        assert worker.OVERDUE_S - 1e-6 <= overdue_s <= worker.OVERDUE_S + worker.SLACK_S + 1e-6
        bark.now_s += 0.1


def test_one_watchdog_serves_many_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting one starts a thread, so trials within `SLACK_S` seconds share it."""
    bark, watchdog = Bark(monkeypatch), worker._Watchdog()
    for _ in range(100):
        watchdog.watch(60.0)
        bark.now_s += worker.SLACK_S / 50
    assert bark.settings == 2


def test_a_watchdog_rests_without_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """While there is no trial nothing is set, and the next trial sets it again."""
    bark, watchdog = Bark(monkeypatch), worker._Watchdog()
    watchdog.rest()
    watchdog.watch(60.0)
    watchdog.rest()
    assert bark.at_s is None
    watchdog.watch(60.0)
    assert bark.at_s == bark.now_s + 60.0 + worker.OVERDUE_S + worker.SLACK_S


def test_no_watchdog_outlives_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the parent hangs up soon after a trial, nothing is left that would end the process later."""
    bark, seen = Bark(monkeypatch), []
    ours, theirs = Pipe()
    order = notes.order(agent="nop")
    ours.send_bytes(b"O" + msgspec.msgpack.encode(order))
    stages: list[Stage] = []
    monkeypatch.setattr(worker, "Stage", lambda mode: stages.append(Stage(mode)) or stages[-1])
    monkeypatch.setattr(worker, "_end_children", lambda: seen.append(bark.at_s) or ours.close() or 0)
    with pytest.raises(BrokenPipeError):
        worker.serve(theirs, tmp_path / "journal", "process")
    theirs.close()
    stages[0].close()
    assert seen == [bark.now_s + order.deadline_s + worker.OVERDUE_S + worker.SLACK_S]
    assert bark.at_s is None
