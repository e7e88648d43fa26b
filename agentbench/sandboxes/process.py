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
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec

from agentbench import clock, record
from agentbench.abc import Order
from agentbench.errors import TestbedError, UsageError
from agentbench.record import Call, Effect, Ending, Event, Execution, TrialRecord, Wall
from agentbench.sandboxes._channel import Channel

LOG_BYTES_MAX = 5_000_000
LOG_BYTES_KEPT = 1_000_000  # of the beginning, and as much of the end
LOOK_S = 0.5  # how often deadlines, logs and dead processes are looked at
GOING_S = 1.0  # how long a process that closed its channel may take to be gone
START_S = 120.0  # how long a worker may take to load an agent
_MARK = "AGENTBENCH_WORKER"


class Journaled(msgspec.Struct):
    """One line of a worker's journal; the first names the attempt that the others belong to."""

    trial: str | None = None
    attempt: int = 0
    event: Event | None = None
    effect: Effect | None = None


class Worker:
    """One worker process with the order it is working on."""

    def __init__(self, number: int, scratch: Path) -> None:
        self.journal = scratch / f"worker-{number}.journal"
        self.log = scratch / f"worker-{number}.log"
        self.order: Order | None = None
        self.overdue_s = 0.0
        self._mark = f"{os.getpid()}-{number}-{os.urandom(8).hex()}"  # in the environment of all that it starts
        self._killed = False
        ours, theirs = socket.socketpair()
        os.set_inheritable(theirs.fileno(), True)
        self.channel = Channel(ours)
        # The worker's end of this pipe reads end-of-file once we are dead, however we died.
        lifeline, self._alive = os.pipe()
        arguments = [str(theirs.fileno()), str(lifeline), str(self.journal), "process"]
        try:
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "agentbench.worker", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[theirs.fileno(), lifeline],
                    start_new_session=True,
                    # Sets and dictionaries of strings iterate the same way in every worker.
                    env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": _python_path(), _MARK: self._mark},
                )
        except OSError:
            ours.close()
            os.close(self._alive)
            raise
        finally:
            theirs.close()
            os.close(lifeline)

    def give(self, order: Order) -> None:
        """Send an order; its deadline begins now. Raises `OSError` when the process is gone or does not listen."""
        if self.process.poll() is not None:
            raise BrokenPipeError("the worker is gone")
        self.channel.send(b"O" + msgspec.msgpack.encode(order))
        self.order = order
        self.overdue_s = clock.wall_s() + order.deadline_s

    @property
    def gone(self) -> bool:
        """Whether the process ended and left nothing more to read, even if a child of it holds the channel open."""
        return self.process.poll() is not None and not self.channel.readable()

    def ended(self) -> int | None:
        """The exit status of a process that closed its channel; None when it is still there."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=GOING_S)
        return self.process.returncode

    def kill(self) -> None:
        """End the process, everything in its session, and everything that it started elsewhere, at once."""
        if self._killed:  # its number may belong to another process by now
            return
        self._killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.channel.close()
        with contextlib.suppress(OSError):
            os.close(self._alive)
        self.process.wait()
        _end_marked(self._mark)
        self.trim_log()

    def remains(self, ending: Ending, sandbox: str) -> TrialRecord:
        """The record of the order in hand, from the journal that its dead process left."""
        assert self.order is not None
        events, ledger = _remains(self.journal, self.order)
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

    def trim_log(self) -> None:
        """Keep the beginning and the end of what was printed; the process may go on appending."""
        with contextlib.suppress(OSError):
            size = self.log.stat().st_size
            if size <= LOG_BYTES_MAX:
                return
            with self.log.open("rb") as log:
                log.seek(-LOG_BYTES_KEPT, os.SEEK_END)
                tail = log.read()
            os.truncate(self.log, LOG_BYTES_KEPT)
            with self.log.open("ab") as log:
                log.write(b"\n[... %d bytes left out ...]\n" % (size - 2 * LOG_BYTES_KEPT) + tail)


class Sandbox:
    """A pool of workers."""

    isolation: ClassVar[str] = "process"

    def __init__(self, *, workers: int, scratch: Path) -> None:
        self._size = workers
        self._scratch = scratch
        try:
            self._scratch.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TestbedError(f"{scratch}: cannot be made: {error.strerror}") from error
        self._workers: list[Worker] = []
        self._started = 0

    def check(self, refs: Sequence[str], environments: Sequence[str], mode: Literal["virtual", "real"]) -> None:
        """Load and connect every agent in one worker; raises `UsageError` for one that cannot be."""
        worker = self._start()
        wanted = {"refs": list(refs), "environments": list(environments), "clock": mode}
        try:
            worker.channel.send(b"C" + msgspec.msgpack.encode(wanted))
            answer = worker.channel.wait_for(START_S, lambda: worker.gone)
        except TimeoutError:
            worker.kill()
            raise UsageError(f"loading the agents took more than {START_S:g} s", where=", ".join(refs)) from None
        except (EOFError, OSError):
            status = worker.ended()
            worker.kill()
            raise UsageError(f"loading the agents ended the process ({_status(status)})", where=", ".join(refs),
                             remedy=_last_line(worker.log) or f"see {worker.log}") from None  # fmt: skip
        if answer[:1] == b"E":
            worker.kill()
            raise UsageError(answer[1:].decode())

    def run(self, orders: Iterator[Order]) -> Iterator[tuple[Order, TrialRecord]]:
        """Keep every worker busy until the orders are used up and all answers are in."""
        self._fill(orders)
        while busy := self._busy():
            for finished in self._collect(busy):
                self._fill(orders)  # the worker goes on while the caller stores the record
                yield finished
            self._fill(orders)  # a failed trial may have been put back

    def close(self) -> None:
        """Kill every worker."""
        for worker in self._workers:
            worker.kill()
        self._workers.clear()

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.order is not None]

    def _fill(self, orders: Iterator[Order]) -> None:
        while self._has_room() and (order := next(orders, None)) is not None:
            self._hand(self._idle() or self._start(), order)

    def _has_room(self) -> bool:
        return self._idle() is not None or len(self._workers) < self._size

    def _idle(self) -> Worker | None:
        return next((worker for worker in self._workers if worker.order is None), None)

    def _start(self) -> Worker:
        self._started += 1
        try:
            worker = Worker(self._started, self._scratch)
        except OSError as error:
            raise TestbedError(f"a worker cannot be started: {error}") from error
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
        ready: list[Any] = wait([worker.channel.socket for worker in busy], timeout=min(patience, LOOK_S))
        for worker in busy:
            order = worker.order
            assert order is not None
            worker.trim_log()
            made = self._received(worker) if worker.channel.socket in ready or worker.gone else None
            if made is None and worker.order is not None and clock.wall_s() >= worker.overdue_s:
                detail = f"the deadline of {order.deadline_s:g} s of real time passed"
                made = self._bury(worker, Ending(kind="killed", detail=detail))
            if made is not None:
                worker.order = None
                yield order, made

    def _received(self, worker: Worker) -> TrialRecord | None:
        """The record of the worker's order, or None while the worker is still sending it."""
        try:
            frame = worker.channel.receive()
        except (EOFError, OSError):
            return self._died(worker, "")
        if frame is None:
            return self._died(worker, "") if worker.gone else None
        try:
            made = record.decode(frame[1:])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._died(worker, "it wrote into the testbed's channel")
        assert worker.order is not None
        if frame[:1] not in (b"R", b"S") or (made.trial, made.attempt) != (
            worker.order.trial["id"],
            worker.order.attempt,
        ):
            return self._died(worker, "it wrote into the testbed's channel")
        if frame[:1] == b"S":
            self._workers.remove(worker)
            worker.kill()
        return made

    def _died(self, worker: Worker, why: str) -> TrialRecord:
        why = why or _status(worker.ended())
        return self._bury(worker, Ending(kind="crashed", detail=f"the agent's process ended ({why})"))

    def _bury(self, worker: Worker, ending: Ending) -> TrialRecord:
        worker.kill()
        self._workers.remove(worker)
        return worker.remains(ending, self.isolation)


def _remains(journal: Path, order: Order) -> tuple[list[Event], list[Effect]]:
    """Events and ledger of an attempt whose process died; a call that was under way is `abandoned`."""
    entries: list[Journaled] = []
    decoder = msgspec.json.Decoder(Journaled)
    with contextlib.suppress(OSError):
        for line in journal.read_bytes().splitlines():
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):  # the last line may be torn
                entries.append(decoder.decode(line))
    if not entries or (entries[0].trial, entries[0].attempt) != (order.trial["id"], order.attempt):
        return [], []  # it died before it took the order; these are another trial's
    ledger = [entry.effect for entry in entries if entry.effect is not None]
    events: dict[str, Event] = {}
    for number, entry in enumerate(entries):
        if isinstance(entry.event, Call):
            # Entered when it began and again when it ended: the last entry counts, in its place.
            events.pop(entry.event.id, None)
            events[entry.event.id] = entry.event
        elif entry.event is not None:
            events[str(number)] = entry.event
    return [_with_effects(event, ledger) for event in events.values()], ledger


def _with_effects(event: Event, ledger: list[Effect]) -> Event:
    """A call that did something to the world before its process died shows that it did."""
    if not isinstance(event, Call) or event.told.failure != "abandoned":
        return event
    known = {index for execution in event.done for index in execution.effects}
    author = f"call:{event.id}"
    effects = [index for index, effect in enumerate(ledger) if effect.author == author and index not in known]
    if not effects:
        return event
    done = Execution(at_s=event.at_s, end_s=ledger[effects[-1]].at_s, arguments=event.asked, reply=event.told,
                     effects=effects)  # fmt: skip
    return msgspec.structs.replace(event, end_s=max(event.end_s, done.end_s), done=[*event.done, done])


def _end_marked(mark: str) -> None:
    """End every process whose environment holds the mark, in whatever session it is (on Linux)."""
    needle = f"{_MARK}={mark}".encode()
    for _ in range(10):  # one of them may have started another meanwhile
        found = False
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if needle in (folder / "environ").read_bytes():
                    os.kill(int(folder.name), signal.SIGKILL)
                    found = True
        if not found:
            return


def _last_line(log: Path) -> str:
    """The last thing that a process printed before it died: mostly what was wrong."""
    with contextlib.suppress(OSError):
        lines = log.read_bytes()[-2000:].decode("utf-8", "replace").strip().splitlines()
        return str(record.plain(lines[-1]))[:300] if lines else ""
    return ""


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
