"""Worker processes that are reused: a deadline is enforced by SIGKILL, and a crash costs only its own trial.

This keeps trials apart from each other and from the runner; it is no boundary against a hostile agent.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec

from agentbench import clock, record
from agentbench.abc import Order
from agentbench.errors import TestbedError, UsageError
from agentbench.record import Effect, Ending, Event, TrialRecord, Wall

LOG_BYTES_MAX = 5_000_000
START_S = 120.0  # how long a worker may take to load an agent


class Journaled(msgspec.Struct):
    """One line of a worker's journal."""

    event: Event | None = None
    effect: Effect | None = None


class Worker:
    """One worker process with the order it is working on."""

    def __init__(self, number: int, scratch: Path) -> None:
        self.journal = scratch / f"worker-{number}.journal"
        self.log = scratch / f"worker-{number}.log"
        self.order: Order | None = None
        self.overdue_s = 0.0
        ours, theirs = socket.socketpair()
        os.set_inheritable(theirs.fileno(), True)
        self.connection = Connection(ours.detach())
        # The worker's end of this pipe reads end-of-file once we are dead, however we died.
        lifeline, self._alive = os.pipe()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "agentbench.worker",
                    str(theirs.fileno()),
                    str(lifeline),
                    str(self.journal),
                    "process",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno(), lifeline],
                start_new_session=True,
                # Sets and dictionaries of strings iterate the same way in every worker.
                env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": _python_path()},
            )
        theirs.close()
        os.close(lifeline)

    def give(self, order: Order) -> None:
        """Send an order; its deadline begins now."""
        self.order = order
        self.overdue_s = clock.wall_s() + order.deadline_s
        self.connection.send_bytes(b"O" + msgspec.msgpack.encode(order))

    def kill(self) -> None:
        """End the process and everything in its session, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.connection.close()
        with contextlib.suppress(OSError):
            os.close(self._alive)
            self._alive = -1
        self.process.wait()
        self._trim_log()

    def remains(self, ending: Ending, sandbox: str) -> TrialRecord:
        """The record of the order in hand, from the journal that its dead process left."""
        assert self.order is not None
        events: list[Event] = []
        ledger: list[Effect] = []
        decoder = msgspec.json.Decoder(Journaled)
        with contextlib.suppress(OSError):
            for line in self.journal.read_bytes().splitlines():
                with contextlib.suppress(msgspec.DecodeError):  # the last line may be torn
                    entry = decoder.decode(line)
                    if entry.event is not None:
                        events.append(entry.event)
                    if entry.effect is not None:
                        ledger.append(entry.effect)
        return TrialRecord(
            trial=self.order.trial["id"],
            attempt=self.order.attempt,
            seed=self.order.trial["seed"],
            clock=self.order.clock,
            sandbox=sandbox,
            ending=ending if events else Ending(kind="testbed", detail=f"before the agent began: {ending.detail}"),
            end_s=max((getattr(event, "end_s", event.at_s) for event in events), default=0.0),
            events=events,
            ledger=ledger,
            wall=Wall(started=clock.wall_now(), pid=self.process.pid),
        )

    def _trim_log(self) -> None:
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > LOG_BYTES_MAX:
                os.truncate(self.log, LOG_BYTES_MAX)


class Sandbox:
    """A pool of workers."""

    isolation: ClassVar[str] = "process"

    def __init__(self, *, workers: int, scratch: Path) -> None:
        self._size = workers
        self._scratch = scratch
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._workers: list[Worker] = []
        self._started = 0

    def check(self, refs: Sequence[str], environments: Sequence[str], mode: Literal["virtual", "real"]) -> None:
        """Load and connect every agent in one worker; raises `UsageError` for one that cannot be."""
        worker = self._start()
        wanted = {"refs": list(refs), "environments": list(environments), "clock": mode}
        worker.connection.send_bytes(b"C" + msgspec.msgpack.encode(wanted))
        if not worker.connection.poll(START_S):
            worker.kill()
            raise UsageError(f"loading the agents took more than {START_S:g} s", where=", ".join(refs))
        try:
            answer = worker.connection.recv_bytes()
        except (EOFError, OSError):
            status = worker.process.wait()
            raise UsageError(f"loading the agents ended the process ({_status(status)})", where=", ".join(refs),
                             remedy=f"see {worker.log}") from None  # fmt: skip
        if answer[:1] == b"E":
            worker.kill()
            raise UsageError(answer[1:].decode())

    def run(self, orders: Iterator[Order]) -> Iterator[tuple[Order, TrialRecord]]:
        """Keep every worker busy until the orders are used up and all answers are in."""
        exhausted = False
        while True:
            while not exhausted and (worker := self._idle()) is not None:
                order = next(orders, None)
                if order is None:
                    exhausted = True
                else:
                    self._hand(worker, order)
            busy = [worker for worker in self._workers if worker.order is not None]
            if not busy:
                return
            yield from self._collect(busy)
            exhausted = False  # a failed trial may have been put back

    def close(self) -> None:
        """Kill every worker."""
        for worker in self._workers:
            worker.kill()
        self._workers.clear()

    def _idle(self) -> Worker | None:
        for worker in self._workers:
            if worker.order is None:
                return worker
        return self._start() if len(self._workers) < self._size else None

    def _start(self) -> Worker:
        self._started += 1
        worker = Worker(self._started, self._scratch)
        self._workers.append(worker)
        return worker

    def _hand(self, worker: Worker, order: Order) -> None:
        try:
            worker.give(order)
        except OSError:  # it died while it was idle; whatever an agent left behind there did that
            self._workers.remove(worker)
            worker.kill()
            fresh = self._start()
            try:
                fresh.give(order)
            except OSError as error:
                raise TestbedError(f"a worker cannot be started; see {fresh.log}") from error

    def _collect(self, busy: list[Worker]) -> Iterator[tuple[Order, TrialRecord]]:
        patience = max(0.0, min(worker.overdue_s for worker in busy) - clock.wall_s())
        ready: list[Any] = wait([worker.connection for worker in busy], timeout=min(patience, 1.0))
        for worker in busy:
            order = worker.order
            assert order is not None
            if worker.connection in ready:
                made = self._receive(worker)
            elif clock.wall_s() >= worker.overdue_s:
                worker.kill()
                self._workers.remove(worker)
                detail = f"the deadline of {order.deadline_s:g} s of real time passed"
                made = worker.remains(Ending(kind="killed", detail=detail), self.isolation)
            else:
                continue
            worker.order = None
            yield order, made

    def _receive(self, worker: Worker) -> TrialRecord:
        try:
            frame = worker.connection.recv_bytes()
        except (EOFError, OSError):
            frame = b""
        if frame[:1] in (b"R", b"S"):
            made = record.decode(frame[1:])
            if frame[:1] == b"S":
                self._workers.remove(worker)
                worker.kill()
            return made
        self._workers.remove(worker)
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.process.wait(timeout=5)
        status = worker.process.returncode
        worker.kill()
        detail = f"the agent's process ended ({_status(status)})"
        return worker.remains(Ending(kind="crashed", detail=detail), self.isolation)


def _status(code: int | None) -> str:
    if code is None:
        return "it closed its channel"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _python_path() -> str:
    """The parent's import path, so that a worker finds the agent and the agentbench that the parent found."""
    return os.pathsep.join(path for path in sys.path if path)
