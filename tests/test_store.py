"""A run on disk: no record is lost, none is half there, a damaged one is noticed, and one runner writes at a time."""

import errno
import multiprocessing
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentbench import plan as plans
from agentbench import record as records
from agentbench import store
from agentbench.errors import TestbedError, UsageError
from agentbench.plan import Plan, Trial
from agentbench.record import Ending, Note, TrialRecord
from agentbench.store import RecordWriter, RunDirectory, write_whole


def made(name: str, *, attempt: int = 1, kind: Any = "finished", detail: str = "") -> TrialRecord:
    """A small record of a trial."""
    return TrialRecord(trial=name, attempt=attempt, seed="s", clock="virtual", sandbox="none",
                       ending=Ending(kind=kind, detail=detail), end_s=1.0, ledger=[],
                       events=[Note(at_s=0.5, kind="x", detail="ä\n\u2028\"}")])  # fmt: skip


def plan(seed: int = 1) -> Plan:
    """A plan without trials."""
    return Plan(seed=seed, trials_per_cell=1, clock="auto", sandbox="process", profile={}, agents=[], scenarios={},
                trials=[], skipped=[])  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A directory with three records in it."""
    directory = RunDirectory(tmp_path / "run")
    writer = RecordWriter(directory)
    for name in ("a", "b", "c"):
        writer.append(made(name))
    writer.close()
    return directory


def names(run: RunDirectory) -> list[str]:
    """The trials that have a whole record."""
    return [record.trial for record in run.records()]


# -- appending and reopening ---------------------------------------------------------------------------


def test_what_was_appended_is_there(run: RunDirectory) -> None:
    """Records come back equal and in order, also those that are added when the file is opened again."""
    writer = RecordWriter(run)
    writer.append(made("d"))
    writer.close()
    assert list(run.records()) == [made(name) for name in "abcd"]
    assert run.damaged == 0
    assert run.find("c") == made("c")
    assert run.find("z") is None


def test_a_run_without_records_has_none(tmp_path: Path) -> None:
    """A directory that is not there yet is empty."""
    run = RunDirectory(tmp_path / "nothing")
    assert (names(run), run.find("a")) == ([], None)


def test_the_last_record_of_a_trial_is_found_as_the_file_grows(run: RunDirectory) -> None:
    """`find` sees later attempts that are appended after it first looked, and not a line that is half there."""
    assert run.find("b") == made("b")
    writer = RecordWriter(run)
    writer.append(made("b", attempt=2))
    assert run.find("b") == made("b", attempt=2)
    with run.records_path.open("ab") as file:
        file.write(b'{"sha256":"')
    assert run.find("b") == made("b", attempt=2)
    writer.close()
    writer = RecordWriter(run)
    writer.append(made("b", attempt=3))
    writer.close()
    assert run.find("b") == made("b", attempt=3)


def test_a_torn_tail_is_cut_off_at_every_byte(run: RunDirectory) -> None:
    """Wherever the last line was cut by a death, the records before it stay, and the next one follows them."""
    whole = run.records_path.read_bytes()
    start = whole.rstrip(b"\n").rfind(b"\n") + 1
    for end in range(start, len(whole)):
        run.records_path.write_bytes(whole[:end])
        assert names(run) == ["a", "b"], end
        writer = RecordWriter(run)
        writer.append(made("d"))
        writer.close()
        assert names(run) == ["a", "b", "d"], end
        assert run.damaged == 0


def test_a_flipped_byte_is_noticed_wherever_it_is(run: RunDirectory) -> None:
    """Any single changed byte costs at most the records of its line and its neighbour, and is counted."""
    whole = bytearray(run.records_path.read_bytes())
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x11
        run.records_path.write_bytes(changed)
        left = names(run)
        assert len(left) < 3, place
        assert run.damaged >= 1, place
        assert all(record == made(record.trial) for record in run.records())
    run.records_path.write_bytes(whole)
    assert names(run) == ["a", "b", "c"]


def test_garbage_between_records_is_skipped(run: RunDirectory) -> None:
    """Lines that are no records are counted and cost nothing else."""
    run.records_path.write_bytes(b"\n{}\n\xff\xfe\n" + run.records_path.read_bytes() + b'{"sha256":"","record":{}}\n')
    assert names(run) == ["a", "b", "c"]
    assert run.damaged == 4


def test_a_record_of_another_version_is_said(run: RunDirectory) -> None:
    """A line whose checksum fits and whose content nobody here knows is a clear error, not a damaged record."""
    body = b'{"version":99,"trial":"future"}'
    import hashlib

    line = b'{"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'","record":' + body + b"}\n"
    with run.records_path.open("ab") as file:
        file.write(line)
    with pytest.raises(UsageError, match="another version"):
        names(run)


# -- when the disk refuses -----------------------------------------------------------------------------


class Disk:
    """A file that fails at the n-th operation, after taking a part of what is written."""

    def __init__(self, file: Any, fails_at: int, error: int) -> None:
        self.file, self.left, self.error = file, fails_at, error

    def _next(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError(self.error, os.strerror(self.error))

    def write(self, data: bytes) -> int:
        """A short write at first, as a full disk gives it."""
        half = max(1, len(data) // 2)
        self._next()
        return int(self.file.write(data[:half]))

    def truncate(self, size: int) -> int:
        return int(self.file.truncate(size))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def append(writer: RecordWriter, wanted: list[TrialRecord]) -> tuple[int, str]:
    """How many could be appended, and why no more."""
    for number, record in enumerate(wanted):
        try:
            writer.append(record)
        except TestbedError as error:
            return number, str(error)
    return len(wanted), ""


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_the_nth_write_that_fails_loses_no_finished_record(run: RunDirectory, error: int) -> None:
    """Whichever write fails, it is a `TestbedError`, and the file holds whole records only."""
    whole = run.records_path.read_bytes()
    for fails_at in range(1, 40):
        run.records_path.write_bytes(whole)
        writer = RecordWriter(run)
        writer._file = Disk(writer._file, fails_at, error)  # type: ignore[assignment]
        written, failure = append(writer, [made(name) for name in "def"])
        writer.close()
        assert failure == "" or (os.strerror(error) in failure and "run the same command again" in failure)
        assert names(run) == [*"abc", *"def"[:written]]
        assert run.damaged == 0
        if written == 3:
            break
    else:
        pytest.fail("the writes never all went well")


def test_a_failing_sync_is_a_failure(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system cannot put a record on the disk, the record does not count as written."""

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(store, "FSYNC_EVERY", 1)
    writer = RecordWriter(run)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(TestbedError, match="Input/output error"):
            writer.append(made("d"))
    writer.close()
    assert names(run) == ["a", "b", "c"]


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB of its own."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_leaves_whole_records_and_room_is_all_it_takes(full: Path) -> None:
    """On a real full disk the run stops with one clear line; after room is made it goes on behind the last record."""
    ballast = full / "ballast"
    ballast.write_bytes(b"x" * 30_000)
    run = RunDirectory(full / "run")
    writer = RecordWriter(run)
    written, failure = append(writer, [made(str(number), detail="x" * 900) for number in range(100)])
    writer.close()
    assert "No space left on device" in failure
    assert len(names(run)) == written > 5
    assert run.damaged == 0
    ballast.unlink()
    writer = RecordWriter(run)
    writer.append(made("more"))
    writer.close()
    assert len(names(run)) == written + 1


# -- one runner at a time ------------------------------------------------------------------------------


def _open(path: Path, answer: Any) -> None:
    try:
        RecordWriter(RunDirectory(path)).close()
        answer.put("opened")
    except UsageError as error:
        answer.put(error.problem)


def test_a_second_runner_is_refused_until_the_first_is_gone(run: RunDirectory) -> None:
    """Two processes cannot write one run; the lock ends with the writer."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    writer = RecordWriter(run)
    for expected, end in (("another agentbench is working on this run", writer.close), ("opened", lambda: None)):
        other = context.Process(target=_open, args=(run.path, answer))
        other.start()
        assert answer.get(timeout=60) == expected
        other.join()
        end()
    answer.close()
    answer.join_thread()


def test_a_refused_runner_changes_nothing(run: RunDirectory) -> None:
    """Being refused does not cut the line that the first runner is writing."""
    writer = RecordWriter(run)
    with run.records_path.open("ab") as file:
        file.write(b"half a line")
    before = run.records_path.read_bytes()
    with pytest.raises(UsageError, match="another agentbench"):
        RecordWriter(run)
    assert run.records_path.read_bytes() == before
    writer.close()


def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    """A file in the place of a folder is one line that says what to give instead."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write there: .*; give --out DIR"):
        RecordWriter(RunDirectory(tmp_path / "file" / "run"))
    with pytest.raises(UsageError, match="cannot write there"):
        RunDirectory(tmp_path / "file").begin(plan())


# -- plan, worlds and whole files ----------------------------------------------------------------------


def test_the_plan_is_stored_once_and_compared_after(tmp_path: Path) -> None:
    """The same plan may begin again; another one is refused and changes nothing."""
    run = RunDirectory(tmp_path / "run")
    run.begin(plan())
    before = run.plan_path.read_bytes()
    run.begin(plan())
    with pytest.raises(UsageError, match="another plan is stored here"):
        run.begin(plan(seed=2))
    assert run.plan_path.read_bytes() == before
    assert RunDirectory.existing(run.path).plan() == plan()


def test_a_plan_grows_behind_what_it_has(tmp_path: Path) -> None:
    """Trials may be added; a plan that lacks or changes a stored one is refused and changes nothing."""
    run = RunDirectory(tmp_path / "run")
    run.begin(plan())
    more = [
        Trial(id=f"a/b/{name}/0", agent="a", scenario="b", faultload=name, number=0, seed="s", injections=[],
              control="a/b/none/0", attainable="success")
        for name in ("one", "two")
    ]  # fmt: skip
    run.grow(msgspec.structs.replace(plan(), trials=more[:1]))
    longer = msgspec.structs.replace(plan(), trials=more)
    run.grow(longer)
    assert run.plan() == longer
    for other in (plan(), plan(seed=2), msgspec.structs.replace(longer, trials=longer.trials[::-1])):
        with pytest.raises(UsageError, match="another plan is stored here"):
            run.grow(other)
    assert run.plan() == longer


def test_a_folder_without_a_plan_is_no_run(tmp_path: Path) -> None:
    """Judging anything else is a usage error."""
    with pytest.raises(UsageError, match=r"no plan\.json"):
        RunDirectory.existing(tmp_path)


def test_a_damaged_plan_is_a_usage_error(tmp_path: Path) -> None:
    """A plan that cannot be read, or that a newer agentbench made, is named."""
    run = RunDirectory(tmp_path)
    for text, words in (
        ("{", "not a plan"),
        ('{"version": 2}', "newer than 1"),
        ("[]", "not a plan"),
        ("\x00", "not a plan"),
    ):
        run.plan_path.write_text(text)
        with pytest.raises(UsageError, match=words):
            run.plan()


def test_start_states_are_kept_and_damage_is_noticed(tmp_path: Path) -> None:
    """A world comes back byte for byte; a broken or missing one is a usage error that names the scenario."""
    run = RunDirectory(tmp_path)
    run.put_world("bank.rent", b"state" * 1000)
    run.put_world("bank.rent", b"another")
    assert run.world("bank.rent") == b"state" * 1000
    (tmp_path / "worlds" / "bank.rent.sqlite.z").write_bytes(b"junk")
    for name in ("bank.rent", "bank.none"):
        with pytest.raises(UsageError, match=name):
            run.world(name)


def test_a_whole_file_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever step of writing fails, the old content stays, no litter is left, and the error names the file."""
    path = tmp_path / "deep" / "file"
    write_whole(path, b"old")
    for module, name in ((os, "fsync"), (Path, "replace"), (Path, "open")):

        def refuse(*_: Any, **__: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(module, name, refuse)
            with pytest.raises(TestbedError, match=r"file: cannot be written: No space left"):
                write_whole(path, b"new")
        assert path.read_bytes() == b"old"
        assert [each.name for each in path.parent.iterdir()] == ["file"]
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_rename_is_synced_after_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content, rename, folder: in this order, so that a power failure leaves the old file or the new one."""
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        steps.append("sync folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "sync file")
        fsync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_whole(tmp_path / "file", b"x")
    assert steps == ["sync file", "rename", "sync folder"]


def test_measures_that_are_not_there_are_said(tmp_path: Path) -> None:
    """What was never measured, or cannot be read any more, is said with what to do."""
    run = RunDirectory(tmp_path)
    for read in (run.judgements, run.measured):
        with pytest.raises(UsageError, match="has not been measured"):
            read()
    run.judgements_path.write_text("{")
    run.measures_path.write_text("\x00")
    for read in (run.judgements, run.measured):
        with pytest.raises(UsageError, match="run 'agentbench measure'"):
            read()


def test_the_format_is_plain_json_lines(run: RunDirectory) -> None:
    """A line is JSON that any tool can read: the checksum and the record."""
    for line in run.records_path.read_bytes().splitlines():
        entry = msgspec.json.decode(line)
        assert set(entry) == {"sha256", "record"}
        assert entry["record"]["trial"] in "abc"
    assert records.decode(msgspec.json.encode(entry["record"])) == made("c")
    assert plans.PLAN_VERSION == records.RECORD_VERSION == 1
