"""`replay`: a trial is what its plan says, again."""

import shutil
from pathlib import Path

import pytest

from agentbench.cli.replaying import LINES_MAX, divergence
from agentbench.record import Reply
from tests import records
from tests.cli.conftest import Agentbench

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


AGENT = '''
import os


async def agent(message, tools):
    """Look for the payee under a name that the environment of the process decides."""
    await tools.list_accounts()
    await tools.list_payees(query=os.environ.get("PAYEE", "Kim"))
    await tools.list_accounts()
    return "I looked."
'''


@pytest.mark.parametrize("sandbox", ["process", "inprocess"])
def test_a_replay_ends_where_it_parts_from_its_record(
    agentbench: Agentbench, monkeypatch: pytest.MonkeyPatch, sandbox: str
) -> None:
    """A call that is asked otherwise is shown beside the one that was expected, and nothing comes after it."""
    Path("mine.py").write_text(AGENT)
    agentbench("run", "bank.rent_and_receipt", "-a", "./mine.py:agent", "--faults", "none", "--out", "r")
    monkeypatch.setenv("PAYEE", "Lee")
    trial = "agent/bank.rent_and_receipt/none/0"
    done = agentbench("replay", "r", trial, "--sandbox", sandbox)
    assert done.code == 1
    assert "differs from the stored record: call c2 at 0.2 s was asked otherwise" in done.out
    assert '-    "query": "Kim"' in done.out
    assert '+    "query": "Lee"' in done.out
    shown = agentbench("replay", "r", trial, "--sandbox", sandbox, "--json").json
    assert shown["equal"] is False
    assert shown["divergence"]["expected"]["asked"] == {"query": "Kim"}
    assert shown["divergence"]["came"]["asked"] == {"query": "Lee"}
    assert [event["tool"] for event in shown["record"]["events"] if event["type"] == "call"] == (
        ["list_accounts", "list_payees"]
    )


def test_real_time_is_replayed_without_its_instants(agentbench: Agentbench) -> None:
    """A trial in real time is equal when all but the readings of the clock is; it says so."""
    Path("mine.py").write_text(AGENT)
    agentbench("run", "bank.rent_and_receipt", "-a", "./mine.py:agent", "--faults", "none", "--clock", "real",
               "--sandbox", "inprocess", "--out", "r")  # fmt: skip
    done = agentbench("replay", "r", "agent/bank.rent_and_receipt/none/0")
    assert done.code == 0
    assert "instants are not compared" in done.out


def test_a_reply_that_came_otherwise_is_a_short_difference() -> None:
    """Of a call that was asked alike, the lines that differ are shown with what is around them."""
    before = records.record(records.trial(), records.call(done=[], told=records.DOWN), records.claim())
    after = records.record(records.trial(), records.call(), records.claim())
    found = divergence(before, after)
    assert found is not None
    assert (found.event, found.at_s, found.where) == (1, 0.0, "event 1 at 0 s")
    assert found.diff[:2] == ["--- expected", "+++ came"]
    assert "-  status 503" in found.diff
    assert "+  status 200" in found.diff
    assert len(found.diff) < 30


def test_an_event_that_is_missing_or_too_many_is_named() -> None:
    """One of the two sides is empty then."""
    short = records.record(records.trial(), records.call())
    long = records.record(records.trial(), records.call(), records.claim())
    missing, extra = divergence(long, short), divergence(short, long)
    assert missing is not None
    assert extra is not None
    assert "did not happen again" in missing.where
    assert missing.came is None
    assert "did not happen before" in extra.where
    assert extra.expected is None


def test_an_ending_that_differs_is_named() -> None:
    """Where all events are equal, the ledger, the ending and the clock are what is left."""
    found = divergence(records.record(records.trial()), records.record(records.trial(), ending="crashed"))
    assert found is not None
    assert found.where == "the ending"
    assert divergence(records.record(records.trial()), records.record(records.trial())) is None


def test_a_long_difference_is_cut() -> None:
    """A page of two thousand rows does not fill the screen."""
    body = {"items": [{"id": number} for number in range(2000)]}
    one = records.record(records.trial(), records.call(told=records.DONE))
    two = records.record(records.trial(), records.call(told=Reply(status=200, body=body)))
    found = divergence(one, two)
    assert found is not None
    assert len(found.diff) == LINES_MAX + 1
    assert "more lines" in found.diff[-1]
