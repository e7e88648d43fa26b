"""A tiny world of notes, on disk for whoever loads it by name, and trials in it for the tests of execution."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentbench import clock
from agentbench.abc import Order
from agentbench.adapters.callable import CallableAdapter
from agentbench.environment import Environment
from agentbench.faultload import Injection
from agentbench.gateway import Door, Journal
from agentbench.judgement import Landing
from agentbench.plan import PlannedTool, Trial
from agentbench.record import TrialRecord
from agentbench.stage import Opener, Stage
from agentbench.trial import Attempt
from agentbench.witness import landings

ENVIRONMENT = '''
"""Notes: five of them to begin with."""

from typing import Annotated, Any

from pydantic import Field

from agentbench.environment import ApiError, Environment, page
from agentbench.world import World

SCHEMA = """
CREATE TABLE note (id TEXT PRIMARY KEY, text TEXT NOT NULL UNIQUE, stars INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE link (source TEXT NOT NULL REFERENCES note (id), target TEXT NOT NULL, PRIMARY KEY (source, target)) STRICT
"""


def populate(world: World, random: Any) -> None:
    for number in range(5):
        world.execute("INSERT INTO note (id, text) VALUES (?, ?)", f"NOTE-{number}", f"note {number}")


environment = Environment(summary="Notes.", schema=SCHEMA, populate=populate)


@environment.tool(effect="read", latency_s=0.5)
def list_notes(world: World, limit: Annotated[int, Field(ge=1, le=50)] = 10, cursor: str | None = None) -> Any:
    """List the notes."""
    return page(world.rows("SELECT * FROM note ORDER BY rowid"), limit=limit, cursor=cursor)


@environment.tool(effect="read", latency_s=0.5)
def get_note(world: World, id: str) -> Any:
    """Show one note."""
    note = world.row("SELECT * FROM note WHERE id = ?", id)
    if note is None:
        raise ApiError(404, "not_found", f"There is no note {id}.")
    return note


@environment.tool(effect="write", latency_s=1.0, idempotency_key="key")
def add_note(
    world: World, text: Annotated[str, Field(min_length=1)], stars: int = 0, key: str | None = None
) -> Any:
    """Add a note."""
    note = world.new_id("NOTE")
    world.execute("INSERT INTO note VALUES (?, ?, ?)", note, text, stars)
    return {"id": note, "text": text}


@environment.tool(effect="write", latency_s=1.0)
def rate(world: World, id: str, stars: Annotated[float, Field(ge=0, le=5)]) -> Any:
    """Give a note stars."""
    if not world.execute("UPDATE note SET stars = ? WHERE id = ?", int(stars), id):
        raise ApiError(404, "not_found", f"There is no note {id}.")
    return {"id": id}


@environment.tool(effect="write")
def break_down(world: World) -> Any:
    """Change something, and then fail in a way that no tool should."""
    world.execute("DELETE FROM note WHERE id = 'NOTE-0'")
    raise RuntimeError("a defect of the tool")


@environment.tool(effect="read")
def sneak(world: World) -> Any:
    """Say that it reads, and write."""
    world.execute("DELETE FROM note WHERE id = 'NOTE-0'")
    return {}
'''

SCENARIO = {
    "why": "A note that is asked for must be there at the end.",
    "environment": "notes",
    "script": [{"user": "Add the note 'milk', please."}],
    "reference": [{"call": "list_notes"}, {"call": "add_note", "with": {"text": "milk"}}],
    "checks": {"added": {"sql": "SELECT count(*) = 1 FROM note WHERE text = 'milk'"}},
    "outcomes": {"success": ["added"]},
}
SCENARIO_FILE = textwrap.dedent("""\
    why: A note that is asked for must be there at the end.
    environment: notes
    script:
      - user: Add the note 'milk', please.
    reference:
      - call: list_notes
      - call: add_note
        with: {text: milk}
        optional: added
    checks:
      added: {sql: "SELECT count(*) = 1 FROM note WHERE text = 'milk'"}
      counted: {sql: "SELECT count(*) >= 5 FROM note"}
    writes:
      note: {key: [text], at_most: 1}
    outcomes:
      success: [added]
      degraded: [{has: [counted], missing: [added], utility: 0.5}]
    """)

TWO_TURNS = {
    **SCENARIO,
    "script": [{"user": "Add the note 'milk', please."}, {"user": "And thank you."}],
}

Agent = Callable[..., Any]


def install(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the environment and one scenario where `agentbench.plugins` looks; returns the scenario's path."""
    folder = root / "environments" / "notes"
    folder.mkdir(parents=True)
    (folder / "environment.py").write_text(ENVIRONMENT)
    scenario = root / "scenarios" / "notes" / "milk.yaml"
    scenario.parent.mkdir(parents=True)
    scenario.write_text(SCENARIO_FILE)
    monkeypatch.setenv("AGENTBENCH_PATH", str(root))
    return scenario


class Agents(Stage):
    """A stage that drives functions of the test, by name."""

    def __init__(self, agents: Mapping[str, Agent], mode: clock.Mode = "virtual") -> None:
        super().__init__(mode)
        self._agents = agents

    def opener(self, ref: str, door: Door, environment: Environment) -> Opener:
        """Connect the function anew for each trial."""
        return CallableAdapter().connect(self._agents[ref], door)


def order(
    *,
    agent: str = "agent",
    injections: Sequence[Mapping[str, Any]] = (),
    scenario: Mapping[str, Any] = SCENARIO,
    attempt: int = 1,
    number: int = 0,
    mode: clock.Mode = "virtual",
    deadline_s: float = 20.0,
    limits: Mapping[str, Any] | None = None,
) -> Order:
    """An order of one trial; `limits` replace the scenario's own."""
    content = {**scenario, "limits": dict(limits)} if limits else dict(scenario)
    made = [Injection.model_validate(each).model_dump(mode="json", by_alias=True) for each in injections]
    name = (
        "notes.milk" if not limits and scenario is SCENARIO else f"notes.{sorted((limits or {}).items())}{id(scenario)}"
    )
    trial = Trial(
        id=f"{agent}/notes.milk/own/{number}",
        agent=agent,
        scenario=name,
        faultload="own",
        number=number,
        seed=f"seed-{number}",
        injections=made,
        control=None,
        attainable="success",
    )
    return Order(
        trial=msgspec.to_builtins(trial),
        scenario=content,
        agent={"name": agent, "ref": agent},
        attempt=attempt,
        clock=mode,
        deadline_s=deadline_s,
    )


@contextmanager
def stage(mode: clock.Mode = "virtual", **agents: Agent) -> Iterator[Agents]:
    """A stage with these agents; closed at the end."""
    made = Agents(agents, mode)
    try:
        yield made
    finally:
        made.close()


def run(agent: Agent, *, journal: Journal | None = None, mode: clock.Mode = "virtual", **wanted: Any) -> TrialRecord:
    """One trial of one agent on a fresh stage."""
    with stage(mode, agent=agent) as made:
        return Attempt(made, order(mode=mode, **wanted), sandbox="none", journal=journal).run()


def struck(
    agent: Agent, fault: str, *, scenario: Mapping[str, Any] = SCENARIO, **injection: Any
) -> tuple[TrialRecord, Landing]:
    """One trial under one fault, and what its witness says of it."""
    record = run(agent, injections=[{"fault": fault, **injection}], scenario=scenario)
    made = order(injections=[{"fault": fault, **injection}], scenario=scenario)
    planned = {"add_note": PlannedTool(effect="write"), "list_notes": PlannedTool(effect="read")}
    (landing,) = landings(record, msgspec.convert(made.trial, Trial), planned)
    return record, landing


def notes(record: TrialRecord) -> list[str]:
    """The kinds of notes in a record."""
    return [event.kind for event in record.events if type(event).__name__ == "Note"]
