"""A worker process: runs trials one after another, and tells its parent each record over a private socket.

Invariant: whatever an agent does here, to this process or from a child of it, cannot reach another worker.
"""

import contextlib
import ctypes
import errno
import faulthandler
import gc
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from agentbench import clock
from agentbench import record as records
from agentbench.abc import Order
from agentbench.errors import UsageError
from agentbench.record import Effect, Event, TrialRecord
from agentbench.stage import Stage
from agentbench.trial import Attempt

OVERDUE_S = 10.0  # beyond the deadline that the parent enforces: a worker that is still there has no parent
SLACK_S = 5.0
IMPORTS_MIN = 100  # modules, such as a framework brings
IDLE_S = 1.0  # without an order
_PR_SET_CHILD_SUBREAPER = 36
_WALL = 0x40000000  # children of every kind
_ROUNDS_MAX = 100
_event_encoder = msgspec.json.Encoder(order="deterministic")


class FileJournal:
    """Appends events and effects of the trial in hand to a file, which outlives this process.

    Only the process that opened it may write: a child that the agent forked has the same descriptor.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._pid = os.getpid()

    def restart(self, trial: str, attempt: int) -> None:
        """Forget the previous trial, and say which one begins."""
        with contextlib.suppress(OSError):  # if the disk is full, the first event will say so
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            self._write(msgspec.json.encode({"trial": trial, "attempt": attempt}) + b"\n")

    def event(self, event: Event) -> None:
        """Append an event."""
        self._write(b'{"event":' + _event_encoder.encode(event) + b"}\n")

    def effects(self, effects: Sequence[Effect]) -> None:
        """Append ledger rows."""
        self._write(b"".join(b'{"effect":' + _event_encoder.encode(effect) + b"}\n" for effect in effects))

    def _write(self, line: bytes) -> None:
        if os.getpid() != self._pid:
            return
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            if error.errno != errno.EBADF:  # an agent that closed our files will be found out by its silence
                raise


def serve(connection: Connection, journal_path: Path, sandbox: str) -> None:
    """Answer orders until the parent hangs up.

    A frame is `O` + order or `C` + references to check; answers are `R` + record, `S` + record when this process
    must not be used again, `E` + the text of a usage error, `K` when the references are fine.
    """
    watchdog = _Watchdog()
    try:
        _answer(connection, FileJournal(journal_path), sandbox, watchdog)
    finally:
        watchdog.rest()


def _answer(connection: Connection, journal: FileJournal, sandbox: str, watchdog: "_Watchdog") -> None:
    stages: dict[str, Stage] = {}
    loaded = 0
    pid = os.getpid()
    while True:
        try:
            if not select.select([connection], [], [], IDLE_S)[0]:
                watchdog.rest()
            frame = connection.recv_bytes()
        except (EOFError, OSError):
            return
        if frame[:1] == b"C":
            connection.send_bytes(_check(frame[1:], stages))
            continue
        order = msgspec.msgpack.decode(frame[1:], type=Order)
        journal.restart(order.trial["id"], order.attempt)
        attempt = Attempt(_stage(stages, order.clock), order, sandbox=sandbox, journal=journal)
        watchdog.watch(order.deadline_s)
        record = attempt.run()
        if os.getpid() != pid:
            os._exit(0)  # a child that the agent forked came back from the trial; only the parent may answer
        orphans = _end_children()
        if orphans:
            note = records.Note(at_s=record.end_s, kind="leftover_processes", detail=str(orphans))
            record = msgspec.structs.replace(record, events=[*record.events, note])
        _flush()
        connection.send_bytes((b"S" if attempt.spoiled else b"R") + _encoded(record))
        if attempt.spoiled:
            return
        loaded = _settled(loaded)


def _settled(loaded: int) -> int:
    """After many imports: what is loaded stays, and need not be looked through for garbage again and again.

    `loaded` is how many modules there were when that was last done; returns how many it is done for now.
    """
    if len(sys.modules) < loaded + IMPORTS_MIN:
        return loaded
    gc.collect()
    gc.freeze()
    return len(sys.modules)


class _Watchdog:
    """Ends this process, without the interpreter's lock that an agent may hold for ever, when a trial is overdue.

    Each setting starts a thread, so one serves for the trials of `SLACK_S` seconds. None is set without an order.
    """

    def __init__(self) -> None:
        self._at_s = 0.0

    def watch(self, deadline_s: float) -> None:
        """Bark at some time from `OVERDUE_S` to `OVERDUE_S + SLACK_S` seconds after the deadline."""
        now_s = clock.wall_s()
        earliest_s = now_s + deadline_s + OVERDUE_S
        if not earliest_s <= self._at_s <= earliest_s + SLACK_S:
            self._at_s = earliest_s + SLACK_S
            faulthandler.dump_traceback_later(self._at_s - now_s, exit=True, file=sys.__stderr__ or 2)

    def rest(self) -> None:
        """Bark no more."""
        if self._at_s:
            faulthandler.cancel_dump_traceback_later()
        self._at_s = 0.0


def _stage(stages: dict[str, Stage], mode: Any) -> Stage:
    if mode not in stages:
        stages[mode] = Stage(mode)
    return stages[mode]


def _encoded(record: TrialRecord) -> bytes:
    try:
        return records.encode(record)
    except (TypeError, ValueError, OverflowError):  # an agent's own span may hold anything
        return records.encode(msgspec.structs.replace(record, spans=records.plain(record.spans)))


def _check(body: bytes, stages: dict[str, Stage]) -> bytes:
    """Load and connect every agent once, so that a wrong reference is one line before anything runs."""
    wanted: dict[str, Any] = msgspec.msgpack.decode(body)
    stage = _stage(stages, wanted["clock"])
    try:
        for ref in wanted["refs"]:
            for name in wanted["environments"]:
                environment = stage.environment(name)
                stage.opener(ref, stage.door(environment), environment)
    except UsageError as error:
        return b"E" + str(records.plain(str(error))).encode()
    return b"K"


def _flush() -> None:
    """What the agent printed is in the log before its record is sent."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # an agent may have closed or replaced them
            stream.flush()


def _end_children() -> int:
    """Kill what the agent started and left behind, whatever session it moved to; returns how many there were."""
    count = 0
    for _ in range(_ROUNDS_MAX):  # an orphan becomes a child of this process only when its own parent is gone
        found = _children()
        if not found:
            break
        for child in found:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        for child in found:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
                count += 1
    return count


def _children() -> list[int]:
    found: list[int] = []
    if sys.platform == "linux":
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | _WALL)
        except ChildProcessError:
            return found  # the kernel knows of none
        except OSError:
            pass
    with contextlib.suppress(OSError):
        for task in os.listdir("/proc/self/task"):
            with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/children", "rb", buffering=0) as file:
                found.extend(int(child) for child in file.readall().split())
    return found


def _die_with_parent(lifeline: int) -> None:
    """Wait for the parent to be gone, and end this process and its session even if an agent is busy in it."""
    with contextlib.suppress(OSError):
        os.read(lifeline, 1)
    _end_children()
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(0)


def _adopt_orphans() -> None:
    """On Linux: what an agent's processes leave behind becomes this process's child, so that it can be ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main() -> None:
    """Entry point of the process: `worker FD LIFELINE JOURNAL SANDBOX`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    descriptor, lifeline, journal, sandbox = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    os.set_inheritable(descriptor, False)
    os.set_inheritable(lifeline, False)
    _adopt_orphans()
    connection = Connection(socket.socket(fileno=descriptor).detach())
    # A child that an agent forks must not keep the channel open once this process is dead.
    os.register_at_fork(after_in_child=connection.close)
    threading.Thread(target=_die_with_parent, args=(lifeline,), daemon=True).start()
    try:
        serve(connection, journal, sandbox)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone
    except OSError:
        os._exit(1)  # the agent closed the channel
    _flush()
    # Threads that an agent left behind must not keep this process alive.
    os._exit(0)


if __name__ == "__main__":
    main()
