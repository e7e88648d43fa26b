"""What can be shrunk: a trial that is worse than its control under faults that landed; all else is one line."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Agentbench, Result

LOST = "retrying/bank.rent_and_receipt/lost-writes/0"
FILE = "bank/rent_and_receipt-retrying-lost-writes.yaml"


@pytest.mark.parametrize(
    ("trial", "options", "code", "message"),
    [
        ("nobody/nothing/none/0", (), 2, "this run has no trial 'nobody/nothing/none/0'"),
        ("retrying/bank.rent_and_receipt/none/0", (), 2, "is a control"),
        ("retrying/bank.rent_and_receipt/flapping/0", (), 2, "ended as 'success' and its control as 'success'"),
        (LOST, ("--out", "mine.yaml"), 2, "a scenario lies in a folder named as its environment, 'bank'"),
        (LOST, ("--out", "bank/mine.txt"), 2, "'mine.txt' cannot be the name of a scenario"),
        (LOST, ("--p0", "0.8"), 2, "write 0 < p0 < p1 < 1"),
        (LOST, ("--alpha", "0.7"), 2, "--alpha: 0.7 is no chance of an error"),
    ],
)
def test_wrong_calls_are_one_line(
    agentbench: Agentbench, severe: Path, trial: str, options: tuple[str, ...], code: int, message: str
) -> None:
    """What cannot be shrunk is said at once, before anything is executed."""
    done = agentbench("shrink", str(severe), trial, *options)
    assert_one_line(done, code, message)


def assert_one_line(done: Result, code: int, message: str) -> None:
    """Only one line, with the message."""
    assert done.code == code
    assert message in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_a_file_of_somebody_else_is_never_overwritten(agentbench: Agentbench, severe: Path) -> None:
    """Only a file that shrink wrote itself is written again."""
    Path("bank").mkdir()
    Path(FILE).write_text("precious: true\n")
    assert_one_line(agentbench("shrink", str(severe), LOST), 2, "this file is there already")
    assert Path(FILE).read_text() == "precious: true\n"


def test_a_place_that_cannot_be_written_is_told_before_the_search(agentbench: Agentbench, severe: Path) -> None:
    """No trial is executed for a file that could not be kept."""
    Path("bank").write_text("no folder")
    assert_one_line(agentbench("shrink", str(severe), LOST), 2, "cannot write there: Not a directory; give another")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            '"ref": "retrying"',
            '"ref": "careful"',
            "executed again, the trial ends as 'success' and not as 'harmful (duplicate)'",
        ),
        ('"fault": "lost_reply"', '"fault": "timeout"', "is invalid"),
    ],
)
def test_what_cannot_be_judged_is_code_4(
    agentbench: Agentbench, severe: Path, tmp_path: Path, before: str, after: str, message: str
) -> None:
    """A trial that ends otherwise when it is executed again cannot be shrunk, nor can an invalid one."""
    copy = tmp_path / "copy"
    shutil.copytree(severe, copy)
    plan = (copy / "plan.json").read_text()
    assert before in plan
    (copy / "plan.json").write_text(plan.replace(before, after))
    assert_one_line(agentbench("shrink", str(copy), LOST), 4, message)
