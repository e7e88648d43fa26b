"""Single trials through the ordinary sandbox and judge: counted, bounded, and of the scenario that was meant."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from agentbench.cli.trying import Laboratory, Spent
from agentbench.plan import Plan, PlannedAgent
from agentbench.runner import ATTEMPTS_MAX
from tests import notes, records

AGENT = '''
async def agent(message, tools):
    """Add the note that the message names, and count the calls."""
    await tools.add_note(text=message.split("'")[1])
    await tools.report_outcome(status="done", summary="Added.", missing=[])
    return "Added."


async def breaking(message, tools):
    """Meet a tool that is broken."""
    await tools.break_down()
'''
LIKE = msgspec.structs.replace(records.plan(), sandbox="inprocess")


@pytest.fixture(autouse=True)
def _notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)
    Path("agents.py").write_text(AGENT)


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    """A laboratory for five trials."""
    made = Laboratory(most=5, deadline_s=None)
    yield made
    made.close()


def plan(laboratory: Laboratory, text: str = "milk", agent: str = "agent", **changes: Any) -> Plan:
    """A plan of one control trial, of a scenario that is always named the same."""
    content = yaml.safe_load(notes.SCENARIO_FILE) | {"script": [{"user": f"Add the note '{text}', please."}]} | changes
    return laboratory.plan(content, "notes.same", LIKE, PlannedAgent(name=agent, ref=f"./agents.py:{agent}"), 1)


def test_trials_are_executed_judged_and_counted(laboratory: Laboratory) -> None:
    """An attempt gives the order, the record and the verdict."""
    made = plan(laboratory)
    tried = laboratory.attempt(made, made.trials[0])
    assert tried.judgement.outcome == "success"
    assert tried.record.trial == tried.order.trial["id"] == made.trials[0].id
    assert laboratory.used == 1


def test_no_more_than_allowed(laboratory: Laboratory) -> None:
    """When all trials are used up, nothing more is executed."""
    made = plan(laboratory)
    for _ in range(5):
        laboratory.attempt(made, made.trials[0])
    with pytest.raises(Spent):
        laboratory.attempt(made, made.trials[0])
    assert laboratory.used == 5


@pytest.mark.parametrize("sandbox", ["inprocess", "process"])
def test_another_scenario_of_the_same_name_is_not_mistaken(laboratory: Laboratory, sandbox: str) -> None:
    """Workers keep a scenario by its name; a changed one gets a worker of its own."""
    for text in ("milk", "bread", "milk"):
        made = msgspec.structs.replace(plan(laboratory, text), sandbox=sandbox)
        tried = laboratory.attempt(made, made.trials[0])
        assert [call.asked["text"] for call in tried.record.calls] == [text]
        assert tried.judgement.outcome == ("success" if text == "milk" else "false_success")


def test_what_the_testbed_breaks_is_repeated_and_counted(laboratory: Laboratory) -> None:
    """A broken tool is tried as often as in a run, and then it is no verdict."""
    made = plan(laboratory, agent="breaking")
    tried = laboratory.attempt(made, made.trials[0])
    assert not tried.judgement.valid
    assert tried.record.attempt == laboratory.used == ATTEMPTS_MAX
