"""What the reference solution says about whether an injection can strike at all."""

import pytest

from agentbench import plugins, reach, validation
from agentbench.faultload import Injection
from agentbench.world import World

RENT = validation.load(plugins.scenarios()["bank.rent_and_receipt"])
BANK = plugins.environment("bank")
TOOLS = {name: tool.spec for name, tool in BANK.tools.items()}


def injection(**given):
    """An injection of an outage."""
    return Injection.model_validate({"fault": "outage", **given})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"at": {"tool": "transfer"}}, ""),
        ({"at": {"tool": "transfer", "call": 2}}, "makes 1 of the 2 calls"),
        ({"at": {"tool": "freeze_card"}}, "makes 0 of the 1 calls"),
        ({"at": {"after": {"tool": "transfer"}, "tool": "send_message"}}, ""),
        ({"at": {"after": {"tool": "send_message"}, "tool": "transfer"}}, "makes 0 of the 1 calls that it needs then"),
        ({"at": {"after": {"tool": "freeze_card"}}}, "calls 'freeze_card' never; it calls list_payees"),
        ({"at": {"effect": "write"}, "quiet": {"calls": 2}}, "makes 0 of the 1 calls that it needs then"),
        ({"at": {"window": {"from_s": 899}}}, ""),
        ({"at": {"window": {"from_s": 900}}}, "when the trial is over; the limit is 900 s"),
        ({"at": {"every": 7}}, "makes 5 of the 7 calls"),
    ],
)
def test_reference_solution_says_what_can_be_struck(given, why):
    """The reason names what is lacking and what could be struck; what depends on the agent's pace is let pass."""
    assert why in reach.unreachable(RENT, injection(**given), TOOLS)
    assert bool(why) == bool(reach.unreachable(RENT, injection(**given), TOOLS))


@pytest.mark.parametrize(
    ("given", "problem", "writes"),
    [
        ({"at": {"when": "SELECT count(*) > 0 FROM transfer"}}, "", False),
        ({"at": {"when": "DELETE FROM transfer"}}, "tries to write", True),
        ({"lasts": {"until": {"sql": "UPDATE account SET balance_cents = 0"}}}, "tries to write", True),
        ({"at": {"when": "SELECT count(*) FROM nowhere"}}, "no such table: nowhere", False),
        ({"at": {"when": "SELECT colour FROM transfer"}}, "no such column: colour", False),
    ],
)
def test_predicates_only_read_what_there_is(given, problem, writes):
    """A predicate that writes is told from one that does not fit this world."""
    found, tried = reach.unaskable(injection(**given), World(BANK.template(), epoch=BANK.epoch))
    assert problem in found
    assert (bool(found), tried) == (bool(problem), writes)
