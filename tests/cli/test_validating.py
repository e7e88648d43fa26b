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


def test_faults_are_linted(agentbench) -> None:
    """The named faults are let loose on every tool; the table counts their replies, and nothing is wrong."""
    done = agentbench("validate", "--faults", "lost_reply", "truncate")
    assert done.code == 0
    assert done.out.splitlines()[0].split() == [
        "fault",
        "claims",
        "variants",
        "replies",
        "changed",
        "as",
        "it",
        "was",
        "wrong",
    ]
    assert [line.split()[:3] for line in done.out.splitlines()[1:3]] == [
        ["lost_reply", "error", "2"],
        ["truncate", "success", "1"],
    ]
    assert "59 tools" in done.out
    assert "0 violations" in done.out


def test_a_fault_that_gives_itself_away_fails_the_lint(agentbench, monkeypatch) -> None:
    """The line names fault, tool, place and word; the exit code is 1."""
    folder = Path("mine/faults")
    folder.mkdir(parents=True)
    source = Path(plugins.__file__).parent / "faults" / "timeout.py"
    told = "ToolResult(status=503, body={'error': {'code': 'busy', 'message': 'Injected for you.'}})"
    (folder / "loud.py").write_text(source.read_text().replace('ToolResult(status=None, failure="timeout")', told))
    monkeypatch.setenv("AGENTBENCH_PATH", "mine")
    done = agentbench("validate", "--faults", "loud")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if line.startswith("WRONG")]
    assert line.startswith("WRONG  loud × bank.")
    assert line.endswith("more tools): body.error.message: marker: it says 'Injected'")


def test_the_lint_is_json_too(agentbench) -> None:
    """The report has the counts of each fault and the list of violations."""
    done = agentbench("validate", "--faults", "page_cursor", "--json")
    assert (done.code, done.json["ok"], done.json["violations"]) == (0, True, [])
    (counts,) = done.json["faults"]
    assert (counts["name"], counts["plausible"], counts["variants"]) == ("page_cursor", "success", 3)
    assert counts["changed"] + counts["unchanged"] == counts["replies"] > 100


def test_an_unknown_fault_is_no_fault_to_lint(agentbench) -> None:
    """A wrong name is said with the nearest one, before anything is done."""
    done = agentbench("validate", "--faults", "lost_replay")
    assert done.code == 2
    assert "there is no fault 'lost_replay'; did you mean 'lost_reply'?" in done.err
