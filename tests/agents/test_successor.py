"""Who takes over: what it knows of the calls made before it, and where in the script it goes on."""

from typing import Any

import pytest

from agentbench.agents._memory import Call, Reply
from agentbench.agents._successor import Successor, _from_turn, told
from agentbench.calls import ToolSpec
from agentbench.record import Reply as Told
from tests import records

SPECS = [
    ToolSpec(name="transfer", description="", parameters={}, effect="write", idempotency_key="key"),
    ToolSpec(name="list_transfers", description="", parameters={}, effect="read"),
]
PAY = {"call": "transfer", "with": {"payee": "Kim"}}
LOOK = {"call": "list_transfers", "with": {}, "expect": "length(items) > `0`"}


def first(step: dict[str, Any], *made: Any, trusting: bool = False) -> Any:
    """The first thing that a successor does for a step."""
    player = Successor([step, {"reply": "Done."}], SPECS, made, trusting=trusting)
    player.hear()
    return player.next(None)


def test_it_looks_before_it_writes() -> None:
    """A write that can be looked up is looked up first."""
    assert first({**PAY, "verify": LOOK}) == Call("list_transfers", {})


@pytest.mark.parametrize(
    ("reply", "trusting", "again"),
    [
        (records.DONE, False, False),
        (records.DONE, True, False),
        (records.LOST, False, True),
        (records.LOST, True, False),
        (Told(failure="abandoned"), True, False),
        (Told(failure="refused"), True, True),
        (Told(status=422), True, True),
    ],
)
def test_what_was_told_before_counts(reply: Told, trusting: bool, again: bool) -> None:
    """A write that was told to be done is not made again; one of unknown fate only by who does not trust."""
    made = records.call(told=reply, asked={"payee": "Kim", "key": "theirs"})
    action = first(PAY, made, trusting=trusting)
    assert (isinstance(action, Call) and action.tool == "transfer") == again


def test_another_request_does_not_count() -> None:
    """Only a call with the same arguments is the same work."""
    made = records.call(told=records.DONE, asked={"payee": "Lee"})
    assert isinstance(first(PAY, made), Call)


def test_who_went_away_knows_nothing() -> None:
    """A call that was not waited for is as one that timed out."""
    assert told(Told(failure="abandoned")).ambiguous
    assert told(Told(status=200, body=1)).body == 1


def test_replies_to_turns_that_are_over_are_left_out() -> None:
    """Steps between them stay, for they may not have been done."""
    reference = [PAY, {"reply": "one"}, LOOK, {"reply": "two"}, {"reply": "three"}]
    assert _from_turn(reference, 0) == reference
    assert _from_turn(reference, 2) == [PAY, LOOK, {"reply": "three"}]
    assert _from_turn(reference, 9) == [PAY, LOOK]


def test_it_ends_like_any_player() -> None:
    """With nothing left to do it answers."""
    made = records.call(told=records.DONE, asked={"payee": "Kim"})
    assert first(PAY, made) == Reply("Done.")
