"""No isolation: the same records, and a Ctrl-C that is told from an agent's own `KeyboardInterrupt`."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from agentbench.errors import UsageError
from agentbench.sandboxes.inprocess import Sandbox
from tests import notes

AGENTS = """
import os, signal, threading

async def good(message, tools):
    await tools.add_note(text="milk")
    return "Added."

async def interrupts(message, tools):
    raise KeyboardInterrupt

async def pressed(message, tools):
    await tools.add_note(text="milk")
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        pass
    return "Swallowed."

async def thread(message, tools):
    left = threading.Thread(name="left", target=lambda: left.release.wait(20))
    left.release = threading.Event()
    left.start()
    return "Left it."
"""


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)
    (tmp_path / "mine.py").write_text(AGENTS)


def run(*agents: str) -> list[Any]:
    """The records of these agents' trials."""
    sandbox = Sandbox(workers=1, scratch=Path("scratch"))
    made = []
    try:
        for _, record in sandbox.run(iter([notes.order(agent=f"./mine.py:{agent}") for agent in agents])):
            made.append(record)
    finally:
        sandbox.close()
    return made


def test_it_runs_here_and_says_so() -> None:
    """The trial runs in this very process, and its record is stamped with it."""
    (record,) = run("good")
    assert (record.sandbox, record.ending.kind, record.wall.pid) == ("inprocess", "finished", os.getpid())
    assert len(record.ledger) == 1


def test_an_agents_own_interrupt_is_its_crash() -> None:
    """`KeyboardInterrupt` raised by the agent is data; the next trial runs."""
    bad, good = run("interrupts", "good")
    assert (bad.ending.kind, good.ending.kind) == ("crashed", "finished")


def test_a_real_interrupt_ends_the_run() -> None:
    """Ctrl-C ends the run even if the agent swallows it, and the handler is as before."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run("pressed", "good")
    assert signal.getsignal(signal.SIGINT) is before


def test_it_runs_in_another_thread_too() -> None:
    """Where signals cannot be handled, trials run all the same."""
    made: list[Any] = []
    thread = threading.Thread(target=lambda: made.extend(run("good")))
    thread.start()
    thread.join()
    assert made[0].ending.kind == "finished"


def test_check_names_what_cannot_be_loaded() -> None:
    """A wrong reference is a `UsageError`."""
    sandbox = Sandbox(workers=1, scratch=Path("scratch"))
    sandbox.check(["./mine.py:good"], ["notes"], "virtual")
    with pytest.raises(UsageError, match="has no 'absent'"):
        sandbox.check(["./mine.py:absent"], ["notes"], "virtual")
    sandbox.close()


def test_a_spoiled_stage_is_not_used_again() -> None:
    """After an agent left a thread at work, the next trial has a stage of its own."""
    sandbox = Sandbox(workers=1, scratch=Path("scratch"))
    stages = []
    for _, record in sandbox.run(iter([notes.order(agent=f"./mine.py:{name}") for name in ("good", "thread", "good")])):
        assert record.ending.kind == "finished"
        stages.append(list(sandbox._stages.values()))
    assert stages[1] == [], "the loop that the thread knows is closed"
    assert stages[0] != stages[2]
    sandbox.close()
    for thread in threading.enumerate():
        if thread.name == "left":
            thread.release.set()  # type: ignore[attr-defined]
            thread.join()
