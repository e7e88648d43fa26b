"""What the user says and what agents hand over: both sides are on record, and agents that die are started again."""

import textwrap
from typing import Any

import pytest

from agentbench.judgement import Landing
from agentbench.plan import Trial
from agentbench.record import Answer, Exchange, HandOver, TrialRecord, UserTurn
from agentbench.witness import landings
from tests import notes

HEAD = """
from dataclasses import dataclass, replace
from typing import ClassVar

@dataclass(frozen=True)
class Made:
    phase: ClassVar = "before"
    explicit: ClassVar = False
    blocking: ClassVar = False
"""
FAULTS = {
    "mute": """
        site: ClassVar = "user"
        witness: ClassVar = "kept_away"
        async def inject(self, turn, proceed, ctx):
            return ""
        """,
    "twice": """
        site: ClassVar = "user"
        witness: ClassVar = "said_twice"
        async def inject(self, turn, proceed, ctx):
            await proceed(turn)
            return await proceed(turn)
        """,
    "louder": """
        site: ClassVar = "user"
        witness: ClassVar = "said_otherwise"
        async def inject(self, turn, proceed, ctx):
            return await proceed(replace(turn, text=turn.text.upper()))
        """,
    "defect": """
        site: ClassVar = "user"
        witness: ClassVar = "kept_away"
        async def inject(self, turn, proceed, ctx):
            raise RuntimeError("broken")
        """,
    "liar": """
        site: ClassVar = "user"
        witness: ClassVar = "kept_away"
        async def inject(self, turn, proceed, ctx):
            return await proceed(turn)
        """,
    "late": """
        site: ClassVar = "handover"
        witness: ClassVar = "arrived_late"
        async def inject(self, message, proceed, ctx):
            await ctx.sleep(7)
            ctx.receipt["delay_s"] = 7
            await proceed(message)
        """,
    "drop": """
        site: ClassVar = "handover"
        witness: ClassVar = "kept_away"
        async def inject(self, message, proceed, ctx):
            pass
        """,
    "die": """
        site: ClassVar = "context"
        channel: ClassVar = "call"
        witness: ClassVar = "unchanged"
        async def inject(self, call, proceed, ctx):
            await proceed(call)
            ctx.crash()
        """,
}


@pytest.fixture(autouse=True)
def world(tmp_path, monkeypatch):
    """The notes, and faults of the test's own."""
    notes.install(tmp_path, monkeypatch)
    (tmp_path / "faults").mkdir()
    for name, body in FAULTS.items():
        text = HEAD + textwrap.indent(textwrap.dedent(body), "    ") + "\nfault = Made\n"
        (tmp_path / "faults" / f"{name}.py").write_text(text)


def run(agent: Any, fault: str, **injection: Any) -> tuple[TrialRecord, Landing]:
    """A trial under one fault, and what the witness says of it."""
    injections = [{"fault": fault, **injection}]
    record = notes.run(agent, injections=injections)
    trial = Trial(id=record.trial, agent="agent", scenario="notes.milk", faultload="own", number=0, seed=record.seed,
                  injections=injections, control=None, attainable="success")  # fmt: skip
    (landing,) = landings(record, trial, {})
    return record, landing


async def echo(message: str, tools: Any) -> str:
    """Say it again."""
    return f"you said: {message}"


def test_message_that_is_kept_away_is_never_heard():
    """The agent is not called at all; the record shows what was said, and that nothing was heard."""
    record, landing = run(echo, "mute")
    (exchange,) = (event for event in record.events if isinstance(event, Exchange))
    assert (exchange.said, exchange.heard) == ("Add the note 'milk', please.", [])
    assert not [event for event in record.events if isinstance(event, UserTurn | Answer)]
    assert (landing.state, record.ending.kind) == ("witnessed", "finished")


def test_message_that_is_said_twice_is_two_turns():
    """Each delivery is a turn of its own with its own answer."""
    record, landing = run(echo, "twice")
    assert [event.turn for event in record.events if isinstance(event, UserTurn)] == [0, 1]
    assert landing.state == "witnessed"


def test_changed_message_is_what_the_agent_hears():
    """The agent hears the changed text; what the script says stays on record beside it."""
    record, landing = run(echo, "louder")
    (exchange,) = (event for event in record.events if isinstance(event, Exchange))
    assert exchange.heard == ["ADD THE NOTE 'MILK', PLEASE."]
    assert record.answer == "you said: ADD THE NOTE 'MILK', PLEASE."
    assert landing.state == "witnessed"


def test_receipt_without_evidence_does_not_count():
    """A fault that claims to have kept a message away, and did not, is found out."""
    _, landing = run(echo, "liar")
    assert landing.state == "unwitnessed"
    assert "arrived all the same" in landing.reason


def test_defect_of_a_fault_is_the_testbeds():
    """A fault that raises ends the trial as broken, and its firing is on record."""
    record, _ = run(echo, "defect")
    assert record.ending.kind == "testbed"
    assert "the fault 'defect' failed: RuntimeError: broken" in record.ending.detail


def test_what_the_agent_raises_under_a_fault_is_its_crash():
    """An exception of the agent passes through the faults around the turn."""

    async def fails(message: str, tools: Any) -> str:
        raise ValueError("the agent's own")

    record, landing = run(fails, "louder")
    assert (record.ending.kind, record.ending.detail) == ("crashed", "ValueError: the agent's own")
    assert landing.state == "witnessed"


async def team(message: str, tools: Any, context: Any) -> str:
    """A planner that hands over to a worker."""
    arrived = await context.hand_over("planner to worker", {"do": message})
    return f"the worker got {len(arrived)} messages at {context.now_s():g} s"


def test_message_between_agents_arrives_as_it_was_sent():
    """Without a fault a hand-over gives what was sent, at once, and is on record."""
    record = notes.run(team)
    (event,) = (event for event in record.events if isinstance(event, HandOver))
    assert event.sent == {"do": "Add the note 'milk', please."}
    assert event.received == [event.sent]
    assert record.answer == "the worker got 1 messages at 0 s"


@pytest.mark.parametrize(("fault", "answer"), [("late", "the worker got 1 messages at 7 s"),
                                               ("drop", "the worker got 0 messages at 0 s")])  # fmt: skip
def test_message_between_agents_is_delayed_or_dropped(fault, answer):
    """What the other agent receives, and when, is up to the faults on the channel."""
    record, landing = run(team, fault, at={"channel": "planner*"})
    assert record.answer == answer
    assert landing.state == "witnessed"


def test_agent_that_is_killed_does_nothing_more_and_is_started_again():
    """Code of the dead process is never answered, not even its clean-up; a new session gets the message again."""
    lives: list[str] = []

    async def agent(message: str, tools: Any) -> str:
        lives.append("begun")
        try:
            found = (await tools.list_notes())["items"]
            if not any(note["text"] == "milk" for note in found):
                await tools.add_note(text="milk")
            lives.append("went on")
        finally:
            if len(lives) == 1:
                lives.append("cleaned up")
        return "Done."

    record, _ = run(agent, "die", at={"tool": "add_note"})
    assert lives[:3] == ["begun", "begun", "went on"]
    assert "restarted" in notes.notes(record)
    assert [call.told.failure or call.told.status for call in record.calls] == [200, "abandoned", 200]
    assert sum(effect.table == "note" for effect in record.ledger) == 1
    assert (record.answer, record.ending.kind) == ("Done.", "finished")


def test_limits_end_an_agent_that_dies_again_and_again():
    """A process that is killed at every call does not keep the trial alive for ever."""

    async def agent(message: str, tools: Any) -> str:
        await tools.add_note(text="milk")
        return "Done."

    record = notes.run(
        agent, injections=[{"fault": "die", "lasts": "permanent"}], limits={"tool_calls": 5, "time_s": 60}
    )
    assert (record.ending.kind, record.ending.detail) == ("limit", "tool_calls")
