"""What a player remembers is recalled in the order in which it happened, and only once."""

from typing import Any

import pytest

from agentbench.agents._memory import Call, Memory, Reply
from agentbench.agents._outcome import Outcome
from agentbench.agents._player import Player
from agentbench.agents._policy import CAREFUL, Policy
from agentbench.calls import ToolSpec

SPECS = [ToolSpec(name=name, description="", parameters={}, effect=effect)
         for name, effect in (("find", "read"), ("pay", "write"), ("look", "read"))]  # fmt: skip
LOOK = {"call": "look", "expect": "paid"}
REFERENCE: list[dict[str, Any]] = [
    {"call": "find", "save": {"it": "id"}},
    {"reply": "Shall I?"},
    {"call": "pay", "with": {"to": "$it"}, "verify": LOOK},
    {"reply": "Paid."},
]
FOUND = ("find", {}, Outcome(ok=True, body={"id": 7}))


def test_outcomes_are_recalled_in_their_order_and_once() -> None:
    """Calls are told apart by tool and arguments, whatever the order of the keys."""
    memory = Memory([("a", {"x": 1, "y": 2}, Outcome(ok=True)), ("a", {"y": 2, "x": 1}, Outcome(ok=False))])
    assert not memory.holds("a", {"x": 1})
    assert [memory.recall("a", {"x": 1, "y": 2}).ok for _ in range(2)] == [True, False]
    assert not memory.holds("a", {"x": 1, "y": 2})
    with pytest.raises(LookupError):
        memory.recall("b", {})


def test_what_is_remembered_is_not_done_again() -> None:
    """A play that is taken up in its second turn goes on with what the first one found."""
    player = Player(REFERENCE, SPECS, Policy(), Memory([FOUND]))
    player.hear(turns=2)
    assert player.next(None) == Call("pay", {"to": 7})


def test_what_is_forgotten_is_done_again() -> None:
    """Without the result the call is made in the turn that is under way; of the turns, the last one is answered."""
    player = Player(REFERENCE, SPECS, Policy(), Memory())
    player.hear(turns=2)
    assert player.next(None) == Call("find", {})
    assert player.next(Outcome(ok=True, body={"id": 7})) == Call("pay", {"to": 7})
    assert player.next(Outcome(ok=True, body={})) == Reply("Paid.")


def test_who_looks_before_repeating_looks_before_what_may_have_been_done() -> None:
    """In a play that is taken up, a write that is not remembered may have happened all the same."""
    player = Player(REFERENCE, SPECS, CAREFUL, Memory([FOUND]))
    player.hear(turns=2)
    assert player.next(None) == Call("look", {})
    assert player.next(Outcome(ok=True, body={"paid": True})) == Reply("Paid.")


def test_a_turn_that_is_heard_again_is_played_again() -> None:
    """A blind agent pays twice, and a careful one looks first."""
    for policy, expected in ((Policy(), Call("pay", {"to": 7})), (CAREFUL, Call("look", {}))):
        player = Player(REFERENCE, SPECS, policy, Memory([FOUND, ("pay", {"to": 7}, Outcome(ok=True, body={}))]))
        player.hear(turns=2)
        action = player.next(None)
        while not isinstance(action, Reply):
            action = player.next(Outcome(ok=True, body={"paid": True}))
        player.hear_again()
        assert player.next(None) == expected
