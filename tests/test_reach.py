"""What the reference solution says about whether an injection can strike at all."""

import pytest

from agentbench import plan, plugins, reach, validation
from agentbench.errors import UsageError
from agentbench.faultload import Faultload, Injection, Profile
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
    ("given", "problem", "mistaken"),
    [
        ({"at": {"when": "SELECT count(*) > 0 FROM transfer"}}, "", False),
        ({"at": {"when": "DELETE FROM transfer"}}, "tries to write", True),
        ({"lasts": {"until": {"sql": "UPDATE account SET balance_cents = 0"}}}, "tries to write", True),
        ({"at": {"when": "SELECT count(*) FROM nowhere"}}, "no such table: nowhere", False),
        ({"at": {"when": "SELECT colour FROM transfer"}}, "no such column: colour", False),
    ],
)
def test_predicates_only_read_what_there_is(given, problem, mistaken):
    """A predicate that writes is told from one that does not fit this world."""
    found, remedy = reach.unaskable(injection(**given), World(BANK.template(), epoch=BANK.epoch))
    assert problem in found
    assert (bool(found), bool(remedy)) == (bool(problem), mistaken)


MISTAKES = [
    ("{fault: outgae}", "there is no fault 'outgae'; did you mean 'outage'?"),
    ("{fault: outage, with: {statsu: 1}}", "the fault 'outage' has no parameter 'statsu'; did you mean 'status'?"),
    ("{fault: outage, with: {status: 418}}", "parameter 'status' of the fault 'outage' is wrong: Input should be 500,"),
    ("{fault: outage, at: {tool: transferr}}", "there is no tool 'transferr' in 'bank'; did you mean 'transfer'?"),
    ("{fault: outage, at: {tool: book_*}}", "there is no tool 'book_*' in 'bank'; write one of: cancel_"),
    ("{fault: outage, at: {after: {tool: trnsfer}}}", "there is no tool 'trnsfer' in 'bank'; did you mean 'transfer'?"),
    ("{fault: outage, lasts: {until: {tool: trnsfer}}}", "there is no tool 'trnsfer' in 'bank'; did you mean"),
    ("{fault: outage, at: {tool: list_payees, effect: write}}", "no tool of 'bank' is looked at by this injection;"),
    ("{fault: outage, at: {probability: 1.5}}", "at.probability' is wrong: input should be less than or equal to 1"),
    ("{fault: outage, lasts: {probability: -1}}", "probability' is wrong: input should be greater than or equal to 0"),
    ("{fault: lost_reply, at: {tool: list_payees}}", "'lost_reply' strikes at what a call changes, and all that"),
    ("{fault: silent_noop, at: {effect: read}}", "'silent_noop' strikes at what a call changes, and all that"),
    ("{fault: duplicate_delivery, at: {tool: get_*}}", "aim it at a write, such as 'create_payee' or 'transfer'"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "problem"), MISTAKES)
def test_an_injection_that_cannot_act_is_refused_with_its_line(tmp_path, written, problem):
    """In a file for `--faults` and in a scenario's own faultload the same is said, with what to write instead."""
    path = tmp_path / "load.yaml"
    path.write_text(f"name: mine\ninjections:\n  - fault: noop\n  - {written}\n")
    with pytest.raises(UsageError) as caught:
        planned(plugins.profile(str(path)))
    assert "load.yaml:4: " in str(caught.value)
    assert problem in str(caught.value)
    path = tmp_path / "bank" / "mine.yaml"
    path.parent.mkdir()
    source = plugins.scenarios()["bank.rent_and_receipt"].read_text()
    path.write_text(f"{source}\nfaultload:\n  injections:\n    - fault: noop\n    - {written}\n")
    with pytest.raises(UsageError) as caught:
        validation.load(path)
    assert f"mine.yaml:{len(path.read_text().splitlines())}: " in str(caught.value)
    assert problem in str(caught.value)


def test_a_set_for_several_worlds_may_name_tools_of_another_one(tmp_path):
    """With several faultloads only what no world has is a mistake; what these scenarios lack is not planned."""
    path = tmp_path / "set.yaml"
    loads = "  - name: {}\n    injections: [{{fault: outage, at: {{tool: {}}}}}]\n"
    path.write_text("name: both\nfaultloads:\n" + loads.format("pay", "transfer") + loads.format("fly", "book_flight"))
    made = planned(plugins.profile(str(path)))
    assert {trial.faultload for trial in made.trials} == {"none", "pay"}
    assert [each.faultload for each in made.skipped] == ["fly"]
    path.write_text(path.read_text().replace("book_flight", "book_flihgt"))
    with pytest.raises(UsageError, match=r"set.yaml:6: there is no tool 'book_flihgt' in 'bank'"):
        planned(plugins.profile(str(path)))


def test_what_a_program_schedules_may_hit_any_call():
    """A profile that was never written to a file, such as a sweep's, is planned wherever it can strike."""
    load = Faultload(name="swept", injections=[injection(fault="lost_reply", at={"tool": "list_payees"})])
    made = planned(Profile(name="sweep", faultloads=[load]))
    assert [trial.faultload for trial in made.trials] == ["none", "swept"]


def planned(profile):
    """A plan of one scenario with one agent."""
    return plan.make(
        scenarios={"bank.rent_and_receipt": plugins.scenarios()["bank.rent_and_receipt"]},
        agents=[plan.PlannedAgent(name="oracle", ref="oracle")],
        profile=profile, trials=1, seed=1, clock="virtual", sandbox="inprocess",
    )  # fmt: skip
