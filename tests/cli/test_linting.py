"""`validate --faults`: the table, the line for a fault that gives itself away, and the exit codes."""

from pathlib import Path

from agentbench import plugins


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
    assert "61 tools" in done.out
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
    assert (counts["name"], counts["plausible"], counts["variants"]) == ("page_cursor", "success", 4)
    assert counts["changed"] + counts["unchanged"] == counts["replies"] > 100


def test_an_unknown_fault_is_no_fault_to_lint(agentbench) -> None:
    """A wrong name is said with the nearest one, before anything is done."""
    done = agentbench("validate", "--faults", "lost_replay")
    assert done.code == 2
    assert "there is no fault 'lost_replay'; did you mean 'lost_reply'?" in done.err
