"""The script: what the user says next, and when the world changes."""

import pytest

from agentbench.scenario import Scenario, parse
from agentbench.script import Script
from tests.notes import SCENARIO


def scenario(*items: object) -> Scenario:
    """A scenario with this script."""
    return parse({**SCENARIO, "script": list(items)})


def script(*items: object) -> tuple[Script, list[tuple[int, str]]]:
    """A script and the list in which its changes of the world are entered."""
    changes: list[tuple[int, str]] = []
    return Script(scenario(*items), lambda index, sql: changes.append((index, sql))), changes


def test_users_speak_in_turn() -> None:
    """Lines are said one after the other, each once, and then the conversation is over."""
    made, _ = script({"user": "One."}, {"user": "Two."}, {"user": {"say": "Three."}})
    assert made.begin() == "One."
    assert [made.answered(turn, "Fine.") for turn in range(4)] == ["Two.", "Three.", None, None]


def test_a_line_for_a_question_is_said_only_to_one() -> None:
    """`when: asked` is said to an answer that asks, and left out for good otherwise."""
    items = ({"user": "Pay Kim."}, {"user": {"say": "The landlord.", "when": "asked"}}, {"user": "Thanks."})
    made, _ = script(*items)
    made.begin()
    assert made.answered(0, "Which Kim?") == "The landlord."
    assert made.answered(1, "Done.") == "Thanks."
    made, _ = script(*items)
    made.begin()
    assert made.answered(0, "Done.") == "Thanks."
    assert made.answered(1, "Which Kim?") is None


def test_a_line_for_an_answer_looks_at_that_answer() -> None:
    """`when: {matches: …}` is a regular expression over the last answer, case ignored."""
    made, _ = script({"user": "Go."}, {"user": {"say": "Then book it.", "when": {"matches": r"€ ?\d+"}}})
    made.begin()
    assert made.answered(0, "It costs € 120.") == "Then book it."
    made, _ = script({"user": "Go."}, {"user": {"say": "Then book it.", "when": {"matches": "SOLD OUT"}}})
    made.begin()
    assert made.answered(0, "It is sold out, alas.") == "Then book it."


def test_the_world_changes_after_the_nth_success_once() -> None:
    """A change waits for its call of its tool, comes once, and keeps its index."""
    made, changes = script(
        {"user": "Go."},
        {"world": {"after": {"tool": "list_notes"}, "sql": "first"}},
        {"world": {"after": {"tool": "list_notes", "call": 2}, "sql": "second"}},
        {"world": {"after": {"tool": "add_note"}, "sql": "third"}},
    )
    made.called("list_notes", 1)
    assert changes == [(0, "first")]
    made.called("list_notes", 1)
    made.called("rate", 1)
    made.called("list_notes", 2)
    made.called("list_notes", 3)
    made.called("add_note", 1)
    assert changes == [(0, "first"), (1, "second"), (2, "third")]


def test_the_world_changes_after_a_turn_before_the_user_speaks() -> None:
    """A change after a turn is made when the answer is in, even if nobody says anything more."""
    made, changes = script({"user": "Go."}, {"world": {"after": {"turn": 0}, "sql": "x"}})
    made.begin()
    assert changes == []
    assert made.answered(0, "Done.") is None
    assert changes == [(0, "x")]


def test_a_failing_change_is_not_tried_again() -> None:
    """What the change raises comes out, and the change is spent."""

    def fail(index: int, sql: str) -> None:
        raise LookupError(sql)

    item = {"world": {"after": {"tool": "list_notes"}, "sql": "x"}}
    made = Script(scenario({"user": "Go."}, item), fail)
    with pytest.raises(LookupError):
        made.called("list_notes", 1)
    made.called("list_notes", 1)
