"""`validate`: the proofs, and what a wrong file says."""

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
