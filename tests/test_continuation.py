"""A trial that is made again call by call, and gone on with from any point by a careful player."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from agentbench.calls import ToolError
from agentbench.continuation import Continuations
from agentbench.record import TrialRecord
from tests import notes


@pytest.fixture(autouse=True)
def _notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)


LOST = [{"fault": "lost_reply", "with": {"as": "reset"}, "at": {"tool": "add_note", "call": 1}}]
SCENARIO = {
    **notes.SCENARIO,
    "reference": [
        {"call": "list_notes"},
        {
            "call": "add_note",
            "with": {"text": "milk"},
            "verify": {"call": "list_notes", "with": {"limit": 50}, "expect": "length(items[?text=='milk']) > `0`"},
        },
    ],
}


async def blind(message: str, tools: Any) -> str:
    """Add another note where the first one seems to have failed."""
    await tools.list_notes()
    try:
        await tools.add_note(text="milk")
    except (ToolError, OSError):
        await tools.add_note(text="milk, again")
    return "Added."


def continued(after: int, *, trusting: bool = False, scenario: Any = SCENARIO, agent: Any = blind) -> TrialRecord:
    """What a careful player makes of the first calls of the blind agent."""
    wanted: dict[str, Any] = {"injections": LOST, "scenario": scenario}
    before = notes.run(agent, **wanted)
    continuations = Continuations(notes.order(**wanted), before)
    try:
        made = continuations.after(after, trusting=trusting)
        assert continuations.rebuilt(made, after) == ""
        assert continuations.count == 1
    finally:
        continuations.close()
    return made


def added(record: TrialRecord) -> list[str]:
    """The texts of the notes that are there at the end beyond those of the beginning."""
    return [effect.after["text"] for effect in record.ledger if effect.table == "note" and effect.after]


def test_the_calls_are_made_again_with_their_faults() -> None:
    """After all calls of the trial the world is that of the trial, and the same injections have struck."""
    before = notes.run(blind, injections=LOST, scenario=SCENARIO)
    made = continued(3)
    assert [call.told for call in made.calls[:3]] == [call.told for call in before.calls]
    assert [call.at_s for call in made.calls[:3]] == [call.at_s for call in before.calls]
    assert added(made)[:2] == added(before) == ["milk", "milk, again"]


def test_a_write_that_is_there_already_is_not_made_again() -> None:
    """After the lost reply the player looks, sees the note, and adds none."""
    made = continued(2)
    assert added(made) == ["milk"]
    assert [call.tool for call in made.calls].count("add_note") == 1
    assert made.claim is not None
    assert made.claim.status == "done"


def test_from_the_beginning_it_does_the_whole_work() -> None:
    """With no call made, the player meets the fault itself and survives it."""
    made = continued(0)
    assert added(made) == ["milk"]
    assert made.claim is not None
    assert made.claim.status == "done"


@pytest.mark.parametrize(("trusting", "expected"), [(True, 1), (False, 2)])
def test_where_nothing_can_be_looked_up_both_ways_are_there(trusting: bool, expected: int) -> None:
    """A write whose fate is unknown is taken for done by a trusting player, and made by another."""

    async def once(message: str, tools: Any) -> str:
        with contextlib.suppress(OSError):
            await tools.rate(id="NOTE-1", stars=3)
        return "Rated."

    scenario = {**notes.SCENARIO, "reference": [{"call": "rate", "with": {"id": "NOTE-1", "stars": 3}}]}
    lost = [{"fault": "lost_reply", "with": {"as": "reset"}, "at": {"tool": "rate", "call": 1}}]
    before = notes.run(once, injections=lost, scenario=scenario)
    continuations = Continuations(notes.order(injections=lost, scenario=scenario), before)
    try:
        made = continuations.after(1, trusting=trusting)
    finally:
        continuations.close()
    assert [call.tool for call in made.calls].count("rate") == expected


def test_limits_begin_anew_where_the_player_takes_over() -> None:
    """An agent that used up its calls leaves a world in which a careful player could still go on."""

    async def wasteful(message: str, tools: Any) -> str:
        for _ in range(3):
            await tools.list_notes()
        return "Looked."

    scenario = {**SCENARIO, "limits": {"tool_calls": 4}}
    assert added(continued(3, scenario=scenario, agent=wasteful)) == ["milk"]


def test_a_world_that_is_another_one_is_noticed() -> None:
    """What does not come out as it was recorded is said, and not passed over."""
    before = notes.run(blind, injections=LOST, scenario=SCENARIO)
    continuations = Continuations(notes.order(scenario=SCENARIO), before)  # without the injection
    try:
        made = continuations.after(2, trusting=False)
        assert "c2 (add_note) does not come out as it did" in continuations.rebuilt(made, 2)
        assert continuations.rebuilt(made, 1) == ""
    finally:
        continuations.close()


def test_turns_that_are_over_stay_over() -> None:
    """Who takes over in the second turn does the work without answering the first one again."""

    async def slow(message: str, tools: Any) -> str:
        await tools.list_notes()
        return "Which note?" if "Add" in message else "I looked."

    scenario = {
        **SCENARIO,
        "script": [{"user": "Add a note, please."}, {"user": "It is 'milk'."}],
        "reference": [{"call": "list_notes"}, {"reply": "Which one?"}, SCENARIO["reference"][1], {"reply": "Done."}],
    }
    made = continued(2, scenario=scenario, agent=slow)
    answers = [event.text for event in made.events if type(event).__name__ == "Answer"]
    assert answers == ["Which note?", "Done."]
    assert added(made) == ["milk"]


def test_a_scenario_whose_user_may_say_otherwise_is_gone_on_with() -> None:
    """Variants of what the user says do not keep the calls from being made again."""
    variants = {"later": {"turn": 1, "changes_mind": "Add tea, please.", "replace": {"milk": "tea"}}}
    made = continued(2, scenario={**SCENARIO, "variants": variants})
    assert added(made) == ["milk"]
