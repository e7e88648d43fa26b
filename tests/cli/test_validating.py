"""`validate`: the proofs, and what a wrong file says."""

import re
from pathlib import Path

from agentbench import plugins

BROKEN = """why: "Five mistakes in one file must be five lines, each with what to write instead."
environment: bank
script:
  - user: "Pay the rent."
reference:
  - call: transfr
    with: {source: CHK-1}
  - reply: "Done."
checks:
  paid: {sql: "SELECT count(*) = 1 FROM transfers"}
  other: {sql: "DELETE FROM transfer"}
writes:
  transferr: {at_most: 1}
outcomes:
  success: [paid, payd]
"""


def test_every_bundled_scenario_is_proven(agentbench) -> None:
    """The oracle passes it, an agent that does nothing does not, and its checks can pass and fail."""
    done = agentbench("validate", "--json")
    assert done.code == 0
    assert {entry["id"] for entry in done.json} == set(plugins.scenarios())
    assert all(len(entry["proofs"]) >= 5 and entry["ok"] for entry in done.json)


def test_a_file_with_many_mistakes_names_them_all(agentbench) -> None:
    """Each mistake has its line and a remedy; what needs the environment is looked at once the rest is right."""
    path = Path("scenarios/bank/broken.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(BROKEN)
    done = agentbench("run", "bank.broken", "-a", "oracle")
    assert done.code == 2
    assert "scenarios/bank/broken.yaml:15: there is no check 'payd'; did you mean 'paid'?" in done.err
    path.write_text(BROKEN.replace("paid, payd", "paid"))
    done = agentbench("run", "bank.broken", "-a", "oracle")
    assert done.code == 2
    for words in (
        "broken.yaml:6: there is no tool 'transfr' in 'bank'; did you mean 'transfer'?",
        "broken.yaml:10: SQL: no such table: transfers",
        "broken.yaml:11: a check may only read",
        "broken.yaml:13: there is no table 'transferr'; did you mean 'transfer'?",
    ):
        assert words in done.err, words
    assert "Traceback" not in done.err


def test_a_scenario_that_asks_for_nothing_is_not_proven(agentbench) -> None:
    """A check that passes although nothing was done is found out."""
    path = Path("scenarios/bank/idle.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(
        'why: "A scenario that everybody passes tells nothing about anybody."\nenvironment: bank\n'
        'script:\n  - user: "Hello."\nreference:\n  - reply: "Hello."\n'
        'checks:\n  fine: {sql: "SELECT 1"}\noutcomes: {success: [fine]}\n'
    )
    done = agentbench("validate", "bank.idle", "--json")
    assert done.code == 2
    assert {proof["name"] for proof in done.json[0]["proofs"] if not proof["ok"]} >= {"a check can fail"}


def _promising(name: str, *promises: str) -> None:
    """A bundled scenario with other promises, in the test's own folder."""
    text = plugins.scenarios()["bank.rent_and_receipt"].read_text("utf-8")
    head, _, rest = text.partition("promises:\n")
    tail = rest[rest.index("limits:") :]
    path = Path(f"scenarios/bank/{name}.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + "".join(f"{each}\n" for each in ("promises:", *promises)) + tail, "utf-8")


def test_promises_are_proven_by_a_sweep_of_the_oracle(agentbench) -> None:
    """What the oracle reaches by itself, through a fault, and with any fault of a phase, is kept."""
    _promising("kept", "  - {tool: transfer, fault: lost_reply}", "  - {tool: instant_transfer, fault: outage}",
               "  - {tool: list_payees, call: 1, phase: reply}")  # fmt: skip
    done = agentbench("validate", "bank.kept", "--json")
    assert done.code == 0
    assert {"name": "a sweep reaches what is promised", "ok": True, "reason": ""} in done.json[0]["proofs"]


def test_a_promise_that_no_sweep_keeps_names_its_line_and_what_could_be_reached(agentbench) -> None:
    """A fault without effect there, and a call that is never made, are each one line with what there is instead."""
    read = "  - {tool: list_payees, fault: silent_noop}"
    _promising(
        "broken", read, "  - {tool: send_message, call: 9, phase: before}", "  - {tool: transfer, fault: lost_reply}"
    )
    done = agentbench("validate", "bank.broken")
    assert done.code == 2
    text = Path("scenarios/bank/broken.yaml").read_text("utf-8").splitlines()
    line = text.index("promises:") + 2
    first, second = (each for each in done.out.splitlines() if "broken.yaml" in each)
    assert f"broken.yaml:{line}: the sweep of the oracle does not reach silent_noop at 'list_payees'" in first
    assert "a read has no effect" in first
    assert re.search(r"there it reaches: .*\btruncate\b", first)
    assert f"broken.yaml:{line + 1}: " in second
    assert "call 9 of 'send_message'" in second
    assert re.search(r"there it reaches: calls 1\b", second)


def test_promises_that_cannot_be_meant_are_mistakes_of_the_file(agentbench) -> None:
    """Unknown tools and faults, tools that the reference never calls, and promises of nothing are found unexecuted."""
    _promising("wrong", "  - {tool: transfr, fault: outage}", "  - {tool: freeze_card, fault: outage}",
               "  - {tool: transfer, fault: outtage}", "  - {tool: transfer}")  # fmt: skip
    done = agentbench("validate", "bank.wrong")
    assert done.code == 2
    assert "a promise names what a sweep reaches; write either 'fault: NAME' or 'phase: PHASE'" in done.out
    _promising("wrong", "  - {tool: transfr, fault: outage}", "  - {tool: freeze_card, fault: outage}",
               "  - {tool: transfer, fault: outtage}")  # fmt: skip
    done = agentbench("validate", "bank.wrong")
    assert done.code == 2
    for words in (
        "there is no tool 'transfr' in 'bank'; did you mean 'transfer'?",
        "no sweep can reach 'freeze_card': the reference solution never calls it; write one of: ",
        "there is no fault 'outtage'; did you mean 'outage'?",
    ):
        assert words in done.out, words
