"""`replay`: a trial is what its plan says, again."""

import shutil
from pathlib import Path

import pytest

TRIAL = "careful/bank.rent_and_receipt/weather/0"


@pytest.mark.parametrize("sandbox", ["process", "inprocess"])
def test_a_replay_equals_the_record(agentbench, small_run: Path, sandbox: str) -> None:
    """The same trial in another process, or in this one, gives the same record."""
    done = agentbench("replay", str(small_run), TRIAL, "--sandbox", sandbox, "--json")
    assert done.code == 0
    assert done.json["equal"] is True


def test_a_replay_that_differs_says_where(agentbench, small_run: Path, tmp_path: Path) -> None:
    """A plan with another seed for the trial is noticed, with exit code 1."""
    copy = tmp_path / "copy"
    shutil.copytree(small_run, copy)
    text = (copy / "plan.json").read_text()
    changed = text.replace('"probability": 0.04', '"probability": 1.0').replace(
        '"probability": 0.05', '"probability": 0.0'
    )
    assert changed != text
    (copy / "plan.json").write_text(changed)
    done = agentbench("replay", str(copy), TRIAL)
    assert done.code == 1
    assert "differs from the stored record" in done.out


def test_a_trial_that_is_not_planned_is_one_line(agentbench, small_run: Path) -> None:
    """There is nothing to replay."""
    done = agentbench("replay", str(small_run), "nobody/nothing/none/0")
    assert done.code == 2
    assert "has no trial" in done.err
