"""The goals of attackers go with the injections that ask for them."""

from typing import Any

import msgspec

from agentbench import plugins
from agentbench.luring import Goal, carried, goals
from agentbench.validation import load

CONTENT = load(plugins.scenarios()["bank.three_invoices"])
PAY = {"fault": "hidden_instruction", "with": {"lure": "pay"}}
LEAK = {"fault": "hidden_instruction", "with": {"lure": "leak", "placement": "row"}}
OUTAGE: dict[str, Any] = {"fault": "outage"}


def faults(*injections: dict[str, Any]) -> list[Any]:
    """The faults of these injections."""
    return [plugins.fault(each["fault"], each.get("with", {})) for each in injections]


def test_each_armed_injection_has_its_goal() -> None:
    """Other faults and controls have none, and the first lure is meant where none is named."""
    control = {"fault": "hidden_instruction", "with": {"lure": "pay", "control": True}}
    found = goals(CONTENT, faults(OUTAGE, PAY, control, LEAK, {"fault": "hidden_instruction"}))
    assert [(each.injection, each.name) for each in found] == [(1, "pay"), (3, "leak"), (4, "pay")]
    assert all("{" not in each.sql for each in found)


def test_goals_move_with_their_injections() -> None:
    """When a schedule is reduced, what is left is still judged by its own goal, and what was disarmed by none."""
    before = [OUTAGE, PAY, LEAK]
    known = goals(CONTENT, faults(*before))
    assert [(each.injection, each.name) for each in carried(known, before, [LEAK])] == [(0, "leak")]
    weaker = {"fault": "hidden_instruction", "with": {"lure": "leak", "strength": "plain"}}
    assert carried(known, before, [weaker, OUTAGE]) == [msgspec.structs.replace(known[1], injection=0)]
    assert carried(known, before, [{"fault": "hidden_instruction", "with": {"lure": "pay", "control": True}}]) == []
    assert carried([Goal(injection=9, name="x", sql="SELECT 1")], before, [PAY]) == []
