"""The claim: what counts as a report, and what the agent is told when it is none."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agentbench import claiming
from agentbench.calls import ToolResult
from agentbench.record import Claim
from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)


def test_a_claim_is_recorded_and_the_last_one_counts() -> None:
    """Every report is entered with its instant; the last is the trial's claim."""

    async def agent(message: str, tools: Any) -> str:
        await tools.result("report_outcome", {"status": "done", "summary": "All."})
        await asyncio.sleep(2)
        await tools.result("report_outcome", {"status": "partial", "missing": ["the receipt", 7]})
        return "Reported."

    record = notes.run(agent)
    assert record.claim is not None
    assert (record.claim.status, record.claim.at_s, record.claim.missing) == ("partial", 2, ["the receipt", "7"])
    assert record.calls == []


NO_REPORTS: list[Any] = [{}, {"status": "great"}, {"status": None}, {"status": ["done"]}, [], {"Status": "done"}]


@pytest.mark.parametrize("arguments", NO_REPORTS, ids=str)
def test_a_report_without_a_status_is_422(arguments: Any) -> None:
    """What is no report makes no claim, and the agent is told what to write."""

    async def agent(message: str, tools: Any) -> str:
        reply = await tools.result("report_outcome", arguments)
        assert "'done'" in reply.body["error"]["message"]
        return str(reply.status)

    record = notes.run(agent)
    assert record.answer == "422"
    assert record.claim is None


def test_the_schema_is_what_is_accepted() -> None:
    """Every status that the tool's schema lists makes a claim."""
    properties = claiming.REPORT.parameters["properties"]
    for status in properties["status"]["enum"]:
        made = claiming.claim({"status": status}, at_s=1.5, turn=2)
        assert made == Claim(at_s=1.5, turn=2, status=status)
    assert isinstance(claiming.claim({"status": "dunno"}, at_s=0, turn=0), ToolResult)


def test_missing_may_be_one_phrase() -> None:
    """A text where a list was asked for is one phrase; nothing at all is none."""
    made = claiming.claim({"status": "partial", "missing": "the receipt"}, at_s=0, turn=0)
    assert isinstance(made, Claim)
    assert made.missing == ["the receipt"]
    made = claiming.claim({"status": "done", "missing": None, "summary": None}, at_s=0, turn=0)
    assert made == Claim(at_s=0, turn=0, status="done")
