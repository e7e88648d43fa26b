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


def refusal(tmp_path, text):
    """What is said of a faultload file."""
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        planned(plugins.profile(str(path)))
    return [line.rpartition("mine.yaml")[2] for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- {fault: outage, at: {probability: 0}}", ":2: this never strikes: its probability is 0; write one above 0"),
        ("- {fault: outage, at: {burst: {begins: 0, ends: 1}}}", ":2: this never strikes: no spell of its burst"),
        ("- {fault: outage}\nquiet: {seconds: 0}", ":2: this never strikes: all is quiet from the beginning on"),
        ("- {fault: outage, at: {window: {from_s: 9}}}\nquiet: {seconds: 9}", ":1: injection 1, 'outage': the window"),
        ("- {fault: outage, at: {window: {from_percent: 9}}}\nquiet: {percent: 5}", ":1: injection 1, 'outage': the"),
        ("- {fault: outage, at: {channel: x}}", ":2: 'outage' strikes at a call, which has no 'channel'; take"),
        ("- {fault: user_silent, at: {tool: transfer}}", ":2: 'user_silent' strikes at a turn, which has no 'tool'"),
        ("- {fault: outage, at: {when: ''}}", ":2: a predicate is empty; write a SELECT"),
        ("- {fault: outage, at: {when: 'SELECT 1; SELECT 2'}}", ":2: the predicate 'SELECT 1; SELECT 2' cannot be"),
        ("- {fault: outage, at: {when: 'SELECT 1 FROM transfr'}}", "no such table: transfr; did you mean 'transfer'?"),
        ("- {fault: outage, at: {when: 'SELECT memoo FROM transfer'}}", "no such column: memoo; did you mean 'memo'?"),
        ("- {fault: outage, lasts: {calls: 1, seconds: 2}}", ":2: a duration has exactly one of"),
        ("- {fault: outage, at: transfer}", ":2: 'injections.0.at' is wrong: it is not a mapping; write"),
    ],
)
def test_what_can_never_strike_is_refused_in_one_line(tmp_path, text, expected):
    """Its line, what is wrong, and what to write instead; nothing twice."""
    said = refusal(tmp_path, f"injections:\n{text}\n")
    assert len(said) == 1
    assert expected in said[0]


def test_every_mistake_of_a_file_is_named(tmp_path):
    """Wrong values, faults and parameters at once; then tools and predicates at once."""
    made = "injections:\n- {fault: outtage}\n- {fault: outage, with: {statuss: 1}}\n- {fault: timeout, at: {call: 0}}\n"
    assert [line[:3] for line in refusal(tmp_path, made)] == [":2:", ":3:", ":4:"]
    predicates = (
        "- {fault: outage, at: {when: SELECT nix FROM transfer}}\n- {fault: outage, at: {when: DELETE FROM transfer}}"
    )
    said = refusal(tmp_path, "injections:\n- {fault: outage, at: {tool: transferr}}\n" + predicates)
    assert [line[:3] for line in said] == [":2:", ":3:", ":4:"]


def test_a_file_without_faults_says_what_to_add(tmp_path):
    """A misspelt first key is not taken for a profile."""
    assert refusal(tmp_path, "injection:\n- {fault: outage}\n") == [
        ":1: there are no 'injections' and no 'faultloads' in this file; add 'injections:'"
    ]


def test_a_semicolon_in_a_text_is_no_second_statement(tmp_path):
    """A predicate that looks for one is asked."""
    path = tmp_path / "mine.yaml"
    path.write_text("injections:\n- fault: outage\n  at: {when: \"SELECT 'a; b' <> ''; \"}\n")
    assert [trial.faultload for trial in planned(plugins.profile(str(path))).trials] == ["none", "custom"]


def test_two_faultloads_of_a_profile_have_two_names(tmp_path):
    """A name is a part of a trial's id."""
    load = "- {name: a, injections: [{fault: outage}]}\n"
    said = refusal(tmp_path, f"name: p\nfaultloads:\n{load}{load}")
    assert said == [":1: two faultloads are named 'a'; give each its own name"]
