"""A run on disk: the plan, one checksummed line per finished attempt, start states, and what is derived from them.

Invariant: a record is in the file whole or not at all, and a trial that has one is never executed again.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from agentbench import plan as plans
from agentbench import record as records
from agentbench.errors import TestbedError, UsageError
from agentbench.judgement import Judgement, Measured
from agentbench.plan import Plan
from agentbench.record import TrialRecord

FSYNC_EVERY = 20
_HEAD = b'{"sha256":"'
_MIDDLE = b'","record":'


class _Head(msgspec.Struct):
    """The part of a record that says which trial it is."""

    trial: str


_head = msgspec.json.Decoder(_Head)


class RunDirectory:
    """The directory of one run; `path` need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan_path = path / "plan.json"
        self.records_path = path / "records.jsonl"
        self.measures_path = path / "measures.json"
        self.judgements_path = path / "judgements.jsonl"
        self.report_path = path / "report.html"
        self.traces_path = path / "traces" / "trials.jsonl"
        self.damaged = 0  # records that a read found broken
        self._places: dict[str, int] = {}  # trial → where its last whole record begins
        self._indexed = 0  # bytes of the records that are indexed

    @classmethod
    def existing(cls, path: Path) -> "RunDirectory":
        """The directory of a run that has a plan; raises `UsageError` when it has none."""
        made = cls(path)
        if not made.plan_path.is_file():
            raise UsageError("this is not the directory of a run: it has no plan.json", where=path)
        return made

    def begin(self, plan: Plan) -> None:
        """Store the plan, or check that the one already there is the same; raises `UsageError` when it is not."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if self.plan_path.exists():
                there = plans.read(self.plan_path)
                if there.hash != plan.hash:
                    raise UsageError(
                        "another plan is stored here, so this run cannot be resumed with these options",
                        where=self.path,
                        remedy="give the same options, or another --out",
                    )
                return
            write_whole(self.plan_path, plans.encode(plan))
        except OSError as error:
            raise UsageError(
                f"cannot write there: {error.strerror}", where=self.path, remedy="give --out DIR"
            ) from None

    def grow(self, plan: Plan) -> None:
        """Store a plan that goes on where the stored one ends; raises `UsageError` for any other."""
        if not plan.begins_with(self.plan()):
            raise UsageError("another plan is stored here, so this run cannot go on with these options",
                             where=self.path, remedy="give the same options, or another --out")  # fmt: skip
        write_whole(self.plan_path, plans.encode(plan))

    def remove(self) -> None:
        """Take a directory that holds no record away again, and the folder above it if nothing else is there."""
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()

    def plan(self) -> Plan:
        """The stored plan."""
        return plans.read(self.plan_path)

    # -- start states ----------------------------------------------------------------------------------

    def put_world(self, scenario: str, template: bytes) -> None:
        """Keep a scenario's start state, which judging needs and must not have to make."""
        path = self._world(scenario)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            write_whole(path, zlib.compress(template, 6))

    def world(self, scenario: str) -> bytes:
        """A scenario's start state; raises `UsageError` when it is missing or damaged."""
        path = self._world(scenario)
        try:
            return zlib.decompress(path.read_bytes())
        except (OSError, zlib.error) as error:
            raise UsageError(f"the start state of '{scenario}' cannot be read: {error}", where=path) from None

    def _world(self, scenario: str) -> Path:
        return self.path / "worlds" / f"{scenario}.sqlite.z"

    # -- records ---------------------------------------------------------------------------------------

    def records(self) -> Iterator[TrialRecord]:
        """Every whole record, in the order of writing; broken lines are skipped and counted in `damaged`."""
        self.damaged = 0
        if not self.records_path.exists():
            return
        with self.records_path.open("rb") as file:
            for line in file:
                body = _checked(line)
                if body is None:
                    self.damaged += 1
                    continue
                yield self._decoded(body)

    def find(self, trial: str) -> TrialRecord | None:
        """The last whole record of a trial, or None; the first call reads the file once and keeps where each lies."""
        if not self.records_path.exists():
            return None
        with self.records_path.open("rb") as file:
            self._index(file)
            if trial not in self._places:
                return None
            file.seek(self._places[trial])
            body = _checked(file.readline())
        return None if body is None else self._decoded(body)

    def _decoded(self, body: bytes) -> TrialRecord:
        try:
            return records.decode(body)
        except msgspec.ValidationError as error:  # its checksum fits, so it was written like this
            raise UsageError(f"a record of another version of agentbench: {error}", where=self.records_path,
                             remedy="use the agentbench that made it") from None  # fmt: skip

    def _index(self, file: IO[bytes]) -> None:
        file.seek(self._indexed)
        for line in file:
            if not line.endswith(b"\n"):
                return  # it is still being written
            body = _checked(line)
            if body is not None:
                self._places[_head.decode(body).trial] = self._indexed
            self._indexed += len(line)

    # -- what is derived -------------------------------------------------------------------------------

    def put_measures(self, judgements: list[Judgement], measured: Measured) -> None:
        """Store what judging made of the records."""
        lines = b"".join(msgspec.json.encode(each, order="deterministic") + b"\n" for each in judgements)
        write_whole(self.judgements_path, lines)
        write_whole(
            self.measures_path, msgspec.json.format(msgspec.json.encode(measured, order="deterministic"), indent=1)
        )

    def judgements(self) -> list[Judgement]:
        """The stored judgements; raises `UsageError` when the run was never measured."""
        if not self.judgements_path.is_file():
            raise UsageError("this run has not been measured", where=self.path, remedy="run 'agentbench measure' on it")
        decoder = msgspec.json.Decoder(Judgement)
        with self._derived(self.judgements_path) as content:
            return [decoder.decode(line) for line in content.splitlines()]

    def measured(self) -> Measured:
        """The stored measures; raises `UsageError` when the run was never measured."""
        if not self.measures_path.is_file():
            raise UsageError("this run has not been measured", where=self.path, remedy="run 'agentbench measure' on it")
        with self._derived(self.measures_path) as content:
            return msgspec.json.decode(content, type=Measured)

    @contextlib.contextmanager
    def _derived(self, path: Path) -> Iterator[bytes]:
        try:
            yield path.read_bytes()
        except (OSError, msgspec.DecodeError) as error:
            raise UsageError(
                f"cannot be read: {error}", where=path, remedy="run 'agentbench measure' on the run"
            ) from None


class RecordWriter:
    """The one writer of a run's records; holds a lock, so that two runners cannot count a trial twice.

    Opening cuts off a line that a dying process left unfinished. Raises `UsageError` when another runner is at
    work and `TestbedError` when the disk refuses.
    """

    def __init__(self, run: RunDirectory) -> None:
        self._path = run.records_path
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self._path.open("a+b", buffering=0)
        except OSError as error:
            raise UsageError(
                f"cannot write there: {error.strerror}", where=self._path, remedy="give --out DIR"
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise UsageError("another agentbench is working on this run", where=run.path,
                             remedy="wait for it, or give another --out") from None  # fmt: skip
        self._unsynced = 0
        self._end = _end_of_last_line(self._file)
        self._file.truncate(self._end)

    def append(self, record: TrialRecord) -> None:
        """Write one record whole; on failure the file is cut back to the last whole one."""
        body = records.encode(record)
        line = _HEAD + hashlib.sha256(body).hexdigest().encode() + _MIDDLE + body + b"}\n"
        try:
            written = 0
            while written < len(line):
                written += self._file.write(line[written:]) or 0
            self._unsynced += 1
            if self._unsynced >= FSYNC_EVERY:
                self.sync()
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self._end)
            raise TestbedError(
                f"{self._path}: cannot write a record: {error.strerror}; make room and run the same command again"
            ) from error
        self._end += len(line)

    def sync(self) -> None:
        """Have the operating system put everything on the disk."""
        os.fsync(self._file.fileno())
        self._unsynced = 0

    def close(self) -> None:
        """Sync and release the lock."""
        with contextlib.suppress(OSError):
            self.sync()
        self._file.close()


def write_whole(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write a file, at once or piece by piece, so that it is there whole or not at all: fsync, then rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise TestbedError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):  # after the rename it is no more
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """Make a rename in it outlast a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checked(line: bytes) -> bytes | None:
    """The record in a line, or None when the line is torn or its checksum does not fit."""
    start = len(_HEAD) + 64
    if not line.startswith(_HEAD) or line[start : start + len(_MIDDLE)] != _MIDDLE or not line.endswith(b"}\n"):
        return None
    body = line[start + len(_MIDDLE) : -2]
    return body if hashlib.sha256(body).hexdigest().encode() == line[len(_HEAD) : start] else None


def _end_of_last_line(file: IO[bytes]) -> int:
    size = file.seek(0, os.SEEK_END)
    position = size
    while position > 0:
        step = min(65536, position)
        file.seek(position - step)
        index = file.read(step).rfind(b"\n")
        if index >= 0:
            return position - step + index + 1
        position -= step
    return 0
