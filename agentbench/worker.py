"""A worker process: runs trials one after another, and tells its parent each record over a private socket.

Invariant: whatever an agent does here, to this process or from a child of it, cannot reach another worker.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from agentbench import record as records
from agentbench.abc import Order
from agentbench.errors import UsageError
from agentbench.record import Effect, Event
from agentbench.trial import Attempt, Stage

_event_encoder = msgspec.json.Encoder(order="deterministic")


class FileJournal:
    """Appends events and effects of the trial in hand to a file, which outlives this process.

    Only the process that opened it may write: a child that the agent forked has the same descriptor.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._pid = os.getpid()

    def restart(self) -> None:
        """Forget the previous trial."""
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)

    def event(self, event: Event) -> None:
        """Append an event."""
        self._write(b'{"event":' + _event_encoder.encode(event) + b"}\n")

    def effects(self, effects: Sequence[Effect]) -> None:
        """Append ledger rows."""
        for effect in effects:
            self._write(b'{"effect":' + _event_encoder.encode(effect) + b"}\n")

    def _write(self, line: bytes) -> None:
        if os.getpid() == self._pid:
            os.write(self._file, line)


def serve(connection: Connection, journal_path: Path, sandbox: str) -> None:
    """Answer orders until the parent hangs up.

    A frame is `O` + order or `C` + references to check; answers are `R` + record, `S` + record when this process
    must not be used again, `E` + the text of a usage error, `K` when the references are fine.
    """
    journal = FileJournal(journal_path)
    stages: dict[str, Stage] = {}
    pid = os.getpid()
    while True:
        try:
            frame = connection.recv_bytes()
        except (EOFError, OSError):
            return
        if frame[:1] == b"C":
            connection.send_bytes(_check(frame[1:], stages))
            continue
        order = msgspec.msgpack.decode(frame[1:], type=Order)
        journal.restart()
        stage = stages.setdefault(order.clock, Stage(order.clock))
        attempt = Attempt(stage, order, sandbox=sandbox, journal=journal)
        record = attempt.run()
        if os.getpid() != pid:
            os._exit(0)  # a child that the agent forked came back from the trial; only the parent may answer
        orphans = _end_children()
        if orphans:
            note = records.Note(at_s=record.end_s, kind="leftover_processes", detail=str(orphans))
            record = msgspec.structs.replace(record, events=[*record.events, note])
        connection.send_bytes((b"S" if attempt.spoiled else b"R") + records.encode(record))
        if attempt.spoiled:
            return


def _check(body: bytes, stages: dict[str, Stage]) -> bytes:
    """Load and connect every agent once, so that a wrong reference is one line before anything runs."""
    from agentbench import plugins

    wanted: dict[str, Any] = msgspec.msgpack.decode(body)
    stage = stages.setdefault(wanted["clock"], Stage(wanted["clock"]))
    try:
        for ref in wanted["refs"]:
            for name in wanted["environments"]:
                environment = plugins.environment(name)
                stage.opener(ref, stage.door(environment), environment)
    except UsageError as error:
        return b"E" + str(error).encode()
    return b"K"


def _end_children() -> int:
    """Kill what the agent started and left behind; returns how many there were."""
    count = 0
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                with contextlib.suppress(OSError):
                    os.kill(int(child), signal.SIGKILL)
                    count += 1
    while count:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                os.waitpid(-1, 0)
        except ChildProcessError:
            break
    return count


def _die_with_parent(lifeline: int) -> None:
    """Wait for the parent to be gone, and end this process and its session even if an agent is busy in it."""
    os.read(lifeline, 1)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(0)


def main() -> None:
    """Entry point of the process: `worker FD LIFELINE JOURNAL SANDBOX`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    descriptor, lifeline, journal, sandbox = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    os.set_inheritable(descriptor, False)
    os.set_inheritable(lifeline, False)
    threading.Thread(target=_die_with_parent, args=(lifeline,), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        serve(Connection(socket.socket(fileno=descriptor).detach()), journal, sandbox)
    # Threads that an agent left behind must not keep this process alive.
    os._exit(0)


if __name__ == "__main__":
    main()
