"""What an agent changes in its process is put back, and threads of its own are seen."""

import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentbench.surroundings import Surroundings


@pytest.fixture(autouse=True)
def _no_alarm() -> Iterator[None]:
    """The limit of time of the test itself is an alarm; these tests look at alarms."""
    before = signal.setitimer(signal.ITIMER_REAL, 0)
    yield
    signal.setitimer(signal.ITIMER_REAL, *before)


def test_everything_listed_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folder, variables, umask, recursion limit, handlers and alarms are after a trial what they were before."""
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.delenv("STRAY", raising=False)
    limit, mask = sys.getrecursionlimit(), os.umask(0o027)
    handler = signal.getsignal(signal.SIGALRM)
    try:
        around = Surroundings("seed")
        os.chdir("/")
        os.environ["STRAY"] = "1"
        del os.environ["KEPT"]
        os.umask(0)
        sys.setrecursionlimit(limit + 500)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 1000)
        around.restore()
        assert Path.cwd() == tmp_path
        assert "STRAY" not in os.environ
        assert os.environ["KEPT"] == "1"
        assert os.umask(0o027) == 0o027
        assert sys.getrecursionlimit() == limit
        assert signal.getsignal(signal.SIGALRM) is handler
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        os.umask(mask)


def test_an_alarm_that_was_set_before_stays() -> None:
    """Whoever runs trials in its own process keeps its alarm."""
    signal.setitimer(signal.ITIMER_REAL, 1000)
    Surroundings("seed").restore()
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 900


def test_a_folder_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    """An agent may delete the folder it is in."""
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    around = Surroundings("seed")
    os.chdir("/")
    gone.rmdir()
    around.restore()
    assert Path.cwd() == Path("/")


def test_a_folder_that_is_gone_before_is_none_either(tmp_path: Path) -> None:
    """A trial can begin although nobody knows the working directory."""
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    Surroundings("seed").restore()
    os.chdir(tmp_path)


def test_random_numbers_come_from_the_seed() -> None:
    """Python's global generator gives the same numbers for a seed, and others for another."""
    drawn = []
    for seed in ("a", "a", "b"):
        Surroundings(seed).restore()
        drawn.append(random.random())
    assert drawn[0] == drawn[1] != drawn[2]


def test_threads_of_the_agents_own_are_seen() -> None:
    """A plain thread at work counts; one that has ended, a pool's idle one and a daemon do not."""
    release = threading.Event()
    before = threading.Thread(target=release.wait, args=(20,))
    before.start()
    around = Surroundings("seed")
    pool = ThreadPoolExecutor(1)
    pool.submit(int).result()
    daemon = threading.Thread(target=release.wait, args=(20,), daemon=True)
    daemon.start()
    assert not around.threads_left()
    own = threading.Thread(target=release.wait, args=(20,))
    own.start()
    assert around.threads_left()
    release.set()
    for thread in (before, daemon, own):
        thread.join()
    assert not around.threads_left()
    pool.shutdown()


def test_it_works_in_a_thread_too() -> None:
    """Outside the main thread, where handlers cannot be set, the rest is put back all the same."""
    found = []

    def trial() -> None:
        around = Surroundings("seed")
        os.environ["STRAY"] = "1"
        around.restore()
        found.append("STRAY" in os.environ)

    thread = threading.Thread(target=trial)
    thread.start()
    thread.join()
    assert found == [False]
