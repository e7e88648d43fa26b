"""The search itself: what it ends with cannot lose anything more, whatever the agent and its faults are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from agentbench.cli.reducing import CannotShrink, Case, Failure, Reducer
from agentbench.cli.trying import Laboratory, under
from agentbench.faultload import Faultload
from agentbench.plan import PlannedAgent
from agentbench.shrink import Sequential
from tests import notes, records

AGENT = '''
async def agent(message, tools):
    """Add the note, and give up after three failures of any call."""
    failed = 0
    for call in (tools.list_notes, lambda: tools.add_note(text="milk"), tools.list_notes):
        while True:
            try:
                await call()
                break
            except Exception:
                failed += 1
                if failed == 3:
                    raise
    await tools.report_outcome(status="done", summary="Added.", missing=[])


async def late(message, tools):
    """Fail only when everything together took longer than 40 s."""
    import asyncio

    async with asyncio.timeout(40):
        await tools.list_notes()
        await tools.add_note(text="milk")
    await tools.report_outcome(status="done", summary="Added.", missing=[])


_trials = []


async def forgetful(message, tools):
    """Crash in every second trial, and give up honestly in the others."""
    _trials.append(message)
    if len(_trials) % 2:
        await agent(message, tools)
    else:
        await tools.report_outcome(status="failed", summary="No.", missing=["added"])
'''
STORM = [
    {"fault": "latency", "with": {"delay_s": 2}, "at": {"every": 2}},
    {"fault": "outage", "at": {"tool": "list_notes"}, "lasts": {"calls": 2}},
    {"fault": "timeout", "at": {"tool": "add_note"}, "lasts": "permanent"},
    {"fault": "reorder_rows", "at": {"tool": "list_notes"}, "lasts": "permanent"},
    {"fault": "outage", "at": {"tool": "rate"}},
]


@pytest.fixture(autouse=True)
def _notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)
    Path("agents.py").write_text(AGENT)


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    """A laboratory for many trials."""
    made = Laboratory(most=2000, deadline_s=None)
    yield made
    made.close()


def reducer(
    laboratory: Laboratory, injections: Sequence[dict[str, Any]], agent: str = "agent", **changes: Any
) -> Reducer:
    """A reducer of a trial that failed under these injections."""
    like = msgspec.structs.replace(records.plan(), sandbox="inprocess")
    content = yaml.safe_load(notes.SCENARIO_FILE) | changes
    plan = laboratory.plan(content, "notes.before", like, PlannedAgent(name=agent, ref=f"./agents.py:{agent}"), 7)
    control = plan.trials[0]
    given = Faultload.model_validate({"injections": list(injections)}).model_dump(mode="json", by_alias=True)
    trial = under(
        control, given["injections"], id=f"{agent}/notes.before/storm/0", faultload="storm", control=control.id
    )
    failure = Failure(
        plan=plan, trial=trial, judgement=laboratory.attempt(plan, trial).judgement,
        control=laboratory.attempt(plan, control).judgement,
    )  # fmt: skip
    return Reducer(
        laboratory, failure, name="notes.after", faultload="shrunk-storm", test=Sequential(),
        kept=lambda case, what: None, provable=lambda path: True,
    )  # fmt: skip


def fails(made: Reducer, laboratory: Laboratory, injections: list[dict[str, Any]]) -> bool:
    """Whether the best scenario still fails alike under other injections, all of them seen."""
    assert made.best is not None
    planned = made.plan(Case(content=made.best.content, injections=injections))
    assert planned is not None
    judged = laboratory.attempt(*planned).judgement
    return made.failure.same(judged) and all(each.state == "witnessed" for each in judged.landings)


def test_nothing_more_can_be_left_out(laboratory: Laboratory) -> None:
    """Of a storm exactly three failures are left; without any one of them the agent does not fail alike."""
    made = reducer(laboratory, STORM)
    made.run()
    assert made.best is not None
    left = made.best.injections
    assert made.minimal
    assert len(left) == 3
    assert {each["fault"] for each in left} <= {"outage", "timeout"}
    assert fails(made, laboratory, left)
    for place in range(len(left)):
        assert not fails(made, laboratory, left[:place] + left[place + 1 :])


def test_the_best_case_was_executed_as_it_is(laboratory: Laboratory) -> None:
    """What is handed back failed alike with every injection witnessed, and its control passed."""
    made = reducer(laboratory, STORM)
    made.run()
    assert made.best is not None
    assert made.best.tried is not None
    judged = made.best.tried.judgement
    assert made.failure.same(judged)
    assert {landing.state for landing in judged.landings} == {"witnessed"}
    assert made.best.tried.order.trial["injections"] == made.best.injections


def test_no_case_is_executed_twice(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that are known are not asked for again by executing."""
    made = reducer(laboratory, STORM)
    seen: list[Any] = []
    attempt = laboratory.attempt

    def noted(plan: Any, trial: Any) -> Any:
        if trial.scenario == "notes.after" and trial.control is not None:
            seen.append(msgspec.json.encode([trial.injections, plan.scenarios[trial.scenario].content]))
        return attempt(plan, trial)

    monkeypatch.setattr(laboratory, "attempt", noted)
    made.run()
    assert made.reused > 0
    assert len(seen) == len(set(seen))


def test_a_number_goes_down_to_where_it_still_matters(laboratory: Laboratory) -> None:
    """A delay is halved until it is just long enough for the agent's own time limit."""
    made = reducer(laboratory, [{"fault": "latency", "with": {"delay_s": 640}, "at": {"tool": "add_note"}}], "late")
    made.run()
    assert made.best is not None
    [left] = made.best.injections
    assert 38 < left["with"]["delay_s"] <= 40


def test_the_script_loses_what_does_not_matter(laboratory: Laboratory) -> None:
    """User turns and events of the world that the failure does not need are gone; the first turn stays."""
    star = {"sql": "UPDATE note SET stars = 1 WHERE id = 'NOTE-1'"}
    script = [
        {"user": "Add the note 'milk', please."},
        {"world": {"after": {"tool": "list_notes"}, **star}},
        {"user": {"when": "asked", "say": "Yes."}},
    ]
    made = reducer(laboratory, STORM, script=script)
    made.run()
    assert made.best is not None
    assert made.best.content["script"] == script[:1]


def test_what_breaks_the_control_is_no_step(laboratory: Laboratory) -> None:
    """An event of the world without which the agent fails by itself stays in the script."""
    script = [
        {"user": "Add the note 'milk', please."},
        {"world": {"after": {"tool": "list_notes"}, "sql": "UPDATE note SET stars = 1 WHERE id = 'NOTE-1'"}},
    ]
    checks = {
        "added": {"sql": "SELECT count(*) = 1 FROM note WHERE text = 'milk'"},
        "counted": {"sql": "SELECT count(*) >= 5 FROM note"},
        "starred": {"sql": "SELECT stars = 1 FROM note WHERE id = 'NOTE-1'"},
    }
    outcomes = {"success": ["added", "starred"]}
    made = reducer(laboratory, STORM, script=script, checks=checks, outcomes=outcomes)
    made.run()
    assert made.best is not None
    assert made.best.content["script"] == script


def test_a_failure_that_comes_too_rarely_is_refused(laboratory: Laboratory) -> None:
    """Half of the replays are neither the failure nor not: the sequential test does not accept, and it is said."""
    made = reducer(laboratory, STORM, "forgetful")
    with pytest.raises(CannotShrink, match="too rarely"):
        made.run()
    assert not made.deterministic


def test_what_no_fault_did_is_refused(laboratory: Laboratory) -> None:
    """Where nothing landed, there is no cause to be found among the faults."""
    made = reducer(laboratory, [STORM[-1]])
    with pytest.raises(CannotShrink, match="no fault landed"):
        made.run()
