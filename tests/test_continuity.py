"""The witnesses of deaths and of lost memories believe what was recorded around them, not the receipt."""

from typing import Any

import pytest

from agentbench.continuity import PASSING, WITNESSES
from agentbench.record import Call, Ending, Exchange, Execution, Firing, Memory, MemoryEntry, Note, Reply, TrialRecord
from agentbench.scene import Scene

DONE = Execution(at_s=0, end_s=1, arguments={}, reply=Reply(status=200))
RESTARTED = Note(at_s=1, kind="restarted", detail="process 2")


def scene(when: Any, *, told: Reply, done: list[Execution], after: list[Any]) -> Scene:
    """A call that a crash is said to have ended."""
    call = Call(id="c1", at_s=0, end_s=1, turn=0, tool="pay", ordinal=1, asked={}, done=done, told=told)
    record = TrialRecord(trial="t", attempt=1, seed="s", clock="virtual", sandbox="none", end_s=2, ledger=[],
                         ending=Ending(kind="finished"), events=[call, *after])  # fmt: skip
    firing = Firing(injection=0, fault="crash", at_s=0, receipt={"when": when})
    return Scene(record=record, call=call, firing=firing, write=True, rows=frozenset(), shared=False)


@pytest.mark.parametrize(
    ("when", "told", "done", "after", "state"),
    [
        ("after", Reply(failure="abandoned"), [DONE], [RESTARTED], "witnessed"),
        ("before", Reply(failure="abandoned"), [], [RESTARTED], "witnessed"),
        ("before", Reply(failure="abandoned"), [DONE], [RESTARTED], "contradicted"),
        ("after", Reply(failure="abandoned"), [], [RESTARTED], "contradicted"),
        ("after", Reply(failure="abandoned"), [DONE], [], "contradicted"),
        ("after", Reply(status=200), [DONE], [RESTARTED], "contradicted"),
        (None, Reply(failure="abandoned"), [DONE], [RESTARTED], "contradicted"),
    ],
)
def test_a_death_shows_in_the_record(when, told, done, after, state):
    """The call has no answer, the agent is started again right behind it, and the world shows when it was."""
    assert WITNESSES["restarted"](scene(when, told=told, done=done, after=after))[0] == state


def memory(*texts: str) -> Memory:
    """A memory of these entries."""
    return Memory(entries=[MemoryEntry(role="user", text=text) for text in texts], digests=list(texts))


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        (memory("a", "b", "c"), memory("b", "c"), "witnessed"),
        (memory("a", "b", "c"), memory("a", "c"), "witnessed"),
        (memory("a"), memory(), "witnessed"),
        (memory("a"), memory("a"), "ineffective"),
        (None, None, "ineffective"),
        (memory("a", "b"), memory("b", "a"), "contradicted"),
        (memory("a", "b"), memory("a", "x"), "contradicted"),
        (memory("a"), None, "contradicted"),
    ],
)
def test_a_loss_of_memory_shows_on_both_sides(before, after, state):
    """Less is left than there was, and nothing that was not there."""
    exchange = Exchange(
        at_s=0, end_s=0, turn=1, number=2, said="x", heard=["x"], fired=[], remembered=before, left=after
    )
    firing = Firing(injection=0, fault="history_cut", at_s=0)
    assert PASSING["forgotten"](exchange, firing, None)[0] == state  # type: ignore[arg-type]
