"""A trial that is followed: left alone while it repeats its record, and ended where it does not."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from agentbench import record
from agentbench.following import same, timeless
from agentbench.record import Answer, Call, TrialRecord, UserTurn
from agentbench.trial import Attempt
from tests import notes


@pytest.fixture(autouse=True)
def _notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)


async def steady(message: str, tools: Any) -> str:
    """Look, then add a note."""
    await tools.list_notes()
    await tools.add_note(text="milk")
    return "Added."


def follow(agent: notes.Agent, expected: TrialRecord, **wanted: Any) -> TrialRecord:
    """Execute a trial that follows a record."""
    with notes.stage(agent=agent) as stage:
        order = dataclasses.replace(notes.order(**wanted), follow=record.encode(expected))
        return Attempt(stage, order, sandbox="none").run()


def test_a_trial_that_repeats_itself_is_left_alone() -> None:
    """Following changes nothing: the record is equal, byte for byte."""
    before = notes.run(steady)
    assert record.comparable(follow(steady, before)) == record.comparable(before)


def test_another_request_ends_the_trial_before_it_is_done() -> None:
    """The call that is asked otherwise never reaches the world, and nothing comes after it."""

    async def other(message: str, tools: Any) -> str:
        await tools.list_notes()
        await tools.add_note(text="bread")
        await tools.list_notes()
        return "Added."

    after = follow(other, notes.run(steady))
    assert (after.ending.kind, after.ending.detail) == ("limit", "diverged:call:c2")
    assert [call.tool for call in after.calls] == ["list_notes", "add_note"]
    assert after.calls[-1].done == []
    assert after.ledger == []


def test_another_reply_ends_the_trial_when_it_comes() -> None:
    """The same call with another answer is noticed as soon as it is answered."""
    before = notes.run(steady)
    after = follow(steady, before, injections=[{"fault": "empty_reply", "at": {"tool": "list_notes"}}])
    assert after.ending.detail == "diverged:event:1"
    assert [call.id for call in after.calls] == ["c1"]


def test_one_call_more_ends_the_trial() -> None:
    """What goes on beyond its record has parted from it, too."""

    async def longer(message: str, tools: Any) -> str:
        said = await steady(message, tools)
        await tools.list_notes()
        return said

    assert follow(longer, notes.run(steady)).ending.detail == "diverged:call:c3"


def test_real_instants_are_not_compared() -> None:
    """Two events that differ by when they were are the same in real time, and others in virtual time."""
    one = Answer(at_s=1.0, turn=0, text="Yes.")
    two = Answer(at_s=1.1, turn=0, text="Yes.")
    assert same(one, two, "real")
    assert not same(one, two, "virtual")
    assert not same(one, UserTurn(at_s=1.0, turn=0, text="Yes."), "real")
    assert timeless({"at_s": 1, "done": [{"end_s": 2, "body": 3}]}) == {"done": [{"body": 3}]}


def test_an_abandoned_call_is_followed_to_its_end() -> None:
    """A call that the agent gives up is entered twice and compared twice, like any other."""

    async def hasty(message: str, tools: Any) -> str:
        try:
            async with asyncio.timeout(0.1):
                await tools.add_note(text="milk")
        except TimeoutError:
            pass
        return "Gave up."

    before = notes.run(hasty)
    assert [event.told.failure for event in before.events if isinstance(event, Call)] == ["abandoned"]
    assert record.comparable(follow(hasty, before)) == record.comparable(before)
