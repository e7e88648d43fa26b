"""The goals follow what the user really said, the same for who judges and who plays."""

import pytest

from agentbench import goals, plugins, scenario, validation
from agentbench.record import Ending, Exchange, Firing, TrialRecord

SCENARIOS = {name: validation.load(path) for name, path in plugins.scenarios().items()}
RENT = SCENARIOS["bank.rent_and_receipt"]
GYM = SCENARIOS["bank.gym_switch"]
TOOLS = {name: tool.spec for name, tool in plugins.environment("bank").tools.items()}


def record(**receipt) -> TrialRecord:
    """A record with one exchange at which a fault left this receipt."""
    fired = [Firing(injection=0, fault="user_changes_mind", at_s=0, receipt=receipt)]
    exchange = Exchange(at_s=0, end_s=1, turn=1, number=2, said="Kim Lee.", heard=["Kim Lee. No."], fired=fired)
    return TrialRecord(trial="t", attempt=1, seed="s", clock="virtual", sandbox="none",
                       ending=Ending(kind="finished"), end_s=1, events=[exchange], ledger=[])  # fmt: skip


def test_lines_that_the_reference_solution_brings_about():
    """An answer is said only where the reference asks; here it never does for the second line."""
    assert goals.heard(RENT) == [1, 2]
    assert goals.heard(SCENARIOS["bank.vat_top_up"]) == [1]
    assert goals.heard(SCENARIOS["travel.quote_expires"]) == [1, 2, 3]


def test_tools_belong_to_the_line_that_asks_for_them():
    """Between two replies lies what one line asks for, its other ways included."""
    assert goals.tools_for(RENT, 1) == {"list_payees", "list_transfers"}
    assert {"transfer", "instant_transfer", "send_message"} <= goals.tools_for(RENT, 2)
    assert goals.tools_for(RENT, 3) == set()


def test_what_is_lacking_without_an_answer():
    """The goals that may be left out; None where a write that is needed hangs on the answer."""
    assert goals.lacking(GYM, 2, TOOLS) == {"ended", "notice"}
    assert goals.lacking(RENT, 2, TOOLS) is None


def test_variant_replaces_texts_and_numbers_everywhere():
    """The corrected amount is in arguments, conditions, checks and texts, and nowhere else is anything changed."""
    made = goals.varied(RENT, "higher_rent")
    transfer = next(step for step in made.reference if step.call == "transfer")
    assert (transfer.with_["amount_cents"], transfer.fallback[0].with_["amount_cents"]) == (125000, 125000)
    assert "125000" in (made.checks["paid"].sql or "")
    before, after = str(scenario.dump(RENT)["never"]), str(scenario.dump(made)["never"])
    assert before == after
    assert made.outcomes == RENT.outcomes


def test_call_off_leaves_only_what_was_wanted_before():
    """The steps that are left are the variant's own, and so is the ladder."""
    made = goals.varied(GYM, "both_kept")
    assert made.outcomes.success == ["new_order"]
    assert made.reference[:-1] == GYM.reference[: goals.begins(GYM.reference, 2)]
    (offered,) = goals.variations(GYM, 2).values()
    assert [list(step) for step in offered.steps] == [["reply"]]


def test_goals_are_those_of_what_was_said():
    """Without a receipt they are the scenario's, with one the variant's, and always the same object."""
    assert goals.sought(RENT, record()) is RENT
    found = goals.sought(RENT, record(variant="higher_rent"))
    assert found is goals.sought(RENT, record(variant="higher_rent"))
    assert "125000" in (found.checks["paid"].sql or "")
    assert goals.sought(RENT, record(variant="nothing_like_it")) is RENT


def test_wish_is_a_goal_that_nobody_reaches():
    """Success needs it too, every rung lacks it too, and all but the wish is the first rung."""
    made = goals.sought(RENT, record(wish=["phone call"]))
    assert made.outcomes.success == [*RENT.outcomes.success, goals.WISH]
    assert made.outcomes.degraded[0].has == RENT.outcomes.success
    assert all(goals.WISH in rung.missing for rung in made.outcomes.degraded)
    assert made.checks[goals.WISH].known_as == ["phone call"]


@pytest.mark.parametrize("name", [name for name, each in SCENARIOS.items() if each.variants])
def test_variants_of_the_bundled_scenarios_differ_from_them(name):
    """What is right in a variant is not what is right without it."""
    for variant in SCENARIOS[name].variants:
        made = goals.varied(SCENARIOS[name], variant)
        assert (made.checks, made.outcomes) != (SCENARIOS[name].checks, SCENARIOS[name].outcomes)
