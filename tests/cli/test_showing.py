"""`show RUN TRIAL`: one trial to read."""

from pathlib import Path

TRIAL = "careful/bank.rent_and_receipt/lost-write/0"


def test_a_trial_shows_what_was_asked_done_and_told(agentbench, small_run: Path) -> None:
    """The lost reply is seen from all sides: the ledger has the row, the agent was told of a timeout."""
    done = agentbench("show", str(small_run), TRIAL)
    assert done.code == 0
    for word in ("outcome  success", "lost_reply: witnessed", "ledger   insert", "told     timeout", "claim    done"):
        assert word in done.out, word


def test_a_trial_as_json_has_record_and_judgement(agentbench, small_run: Path) -> None:
    """Programs get both halves."""
    document = agentbench("show", str(small_run), TRIAL, "--json").json
    assert document["record"]["trial"] == document["judgement"]["trial"] == TRIAL


def test_a_trial_that_is_not_there_is_one_line(agentbench, small_run: Path) -> None:
    """A misspelt trial gets the nearest one."""
    done = agentbench("show", str(small_run), TRIAL.replace("lost-write", "lost-writ"))
    assert done.code == 2
    assert f"did you mean '{TRIAL}'?" in done.err


def test_a_run_shows_its_table(agentbench, small_run: Path) -> None:
    """A directory alone is the whole run."""
    done = agentbench("show", str(small_run))
    assert done.code == 0
    assert "careful" in done.out
    assert "naive" in done.out
