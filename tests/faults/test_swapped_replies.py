"""Two calls in flight at the same time get each other's reply, in a real trial."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agentbench.plan import PlannedTool
from agentbench.witness import landings
from tests import notes, records

SWAP = {"fault": "swapped_replies", "at": {"tool": "*"}, "lasts": "permanent"}
TOOLS = {name: PlannedTool(effect="read") for name in ("list_notes", "get_note")} | {
    "add_note": PlannedTool(effect="write", idempotency_key="key")
}


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)


def play(*calls: Any, injection: Any = SWAP) -> tuple[list[Any], Any, Any]:
    """What calls that are made at once are told, what becomes of the injection, and the record."""
    answers: list[Any] = []

    async def agent(message: str, tools: Any) -> str:
        answers.extend(await asyncio.gather(*(tools.result(tool, arguments) for tool, arguments in calls)))
        return "Done."

    record = notes.run(agent, injections=[injection])
    assert record.ending.kind == "finished", record.ending
    landing = landings(record, records.trial(injection), TOOLS)[0]
    return [answer.body for answer in answers], landing, record


def note(number: int) -> Any:
    """A read of one note."""
    return "get_note", {"id": f"NOTE-{number}"}


def test_each_is_told_the_others() -> None:
    """Both are executed, and both answers arrive, at the wrong caller; the witness sees it in both calls."""
    told, landing, _ = play(note(1), note(2))
    assert [body["id"] for body in told] == ["NOTE-2", "NOTE-1"]
    assert (landing.state, landing.witnessed) == ("witnessed", 2)


def test_who_is_done_first_waits_for_the_other() -> None:
    """A quick read gets the slow write's answer when that is there."""
    told, landing, record = play(note(1), ("add_note", {"text": "milk"}))
    assert told[0]["text"] == "milk"
    assert told[1]["id"] == "NOTE-1"
    assert {call.end_s for call in record.calls} == {1.0}
    assert landing.state == "witnessed"


def test_a_third_call_is_left_alone() -> None:
    """Three at once are a pair and one without a partner."""
    told, landing, _ = play(note(1), note(2), note(3))
    assert sorted(body["id"] for body in told) == ["NOTE-1", "NOTE-2", "NOTE-3"]
    assert told[2]["id"] == "NOTE-3"
    assert (landing.state, landing.fired, landing.witnessed) == ("witnessed", 3, 2)


@pytest.mark.parametrize("calls", [[note(1)], [note(1), note(1)]])
def test_alone_or_alike_nothing_is_exchanged(calls: Any) -> None:
    """One call has no partner, and two with the same answer show no difference."""
    _, landing, _ = play(*calls)
    assert landing.state == "ineffective"


def test_a_partner_whose_caller_goes_away_is_not_waited_for() -> None:
    """The one that is done gets its own answer, and the trial goes on."""
    seen: list[Any] = []

    async def agent(message: str, tools: Any) -> str:
        slow = asyncio.ensure_future(tools.result("add_note", {"text": "milk"}))
        quick = asyncio.ensure_future(tools.result(*note(1)))
        await asyncio.sleep(0.7)
        slow.cancel()
        seen.append((await quick).body["id"])
        return "Done."

    record = notes.run(agent, injections=[SWAP])
    assert (record.ending.kind, seen) == ("finished", ["NOTE-1"])
