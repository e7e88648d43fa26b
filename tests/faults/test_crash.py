"""A process that is killed in a call leaves what it has done, and another one begins."""

import pytest

from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    notes.install(tmp_path, monkeypatch)


async def blind(message: str, tools) -> str:
    """Adds the note without looking."""
    await tools.add_note(text=f"{message} {len((await tools.list_notes())['items'])}")
    return "Done."


@pytest.mark.parametrize(("when", "rows", "executed"), [("before", 1, 0), ("after", 2, 1)])
def test_who_does_not_look_does_it_again(when, rows, executed):
    """Killed before the call, nothing was done and once is right; killed after it, a blind repeat makes two."""
    record, landing = notes.struck(blind, "crash", at={"tool": "add_note"}, **{"with": {"when": when}})
    assert landing.state == "witnessed", landing.reason
    assert sum(effect.table == "note" for effect in record.ledger) == rows
    died, lived = (call for call in record.calls if call.tool == "add_note")
    assert (died.told.failure, len(died.done)) == ("abandoned", executed)
    assert lived.told.ok
    assert [event.detail for event in record.events if type(event).__name__ == "Note"] == ["process 2"]


def test_a_sync_agent_dies_too():
    """Its thread stays where it was, and the trial goes on with another one."""

    def agent(message: str, tools) -> str:
        return f"There are {len(tools.list_notes()['items'])}."

    record, landing = notes.struck(agent, "crash")
    assert (record.answer, record.ending.kind, landing.state) == ("There are 5.", "finished", "witnessed")


def test_what_was_said_before_survives():
    """A new process is given the turns that the chat has kept."""

    async def agent(message: str, tools, history) -> str:
        await tools.list_notes()
        return f"I know of {len(history)}."

    record, _ = notes.struck(agent, "crash", scenario=notes.TWO_TURNS, at={"call": 2})
    assert record.answer == "I know of 0.\nI know of 2."
