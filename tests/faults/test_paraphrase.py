"""The same in other words: keyed, on record, and of consequence to an agent that reads by pattern."""

import re
from typing import Any

from agentbench.judgement import Landing
from agentbench.plan import Trial
from agentbench.record import Exchange, TrialRecord
from agentbench.witness import landings
from tests import notes
from tests.faults.speaking import SAID, speak

SCENARIO = {
    **notes.SCENARIO,
    "script": [{"user": "Please add exactly one more note for me, called milk, and give it 1,200 words at the most."}],
}
PATTERN = re.compile(r"note for me, called (\w+), and give it 1,200 words")


async def by_pattern(message: str, tools: Any) -> str:
    """Read the text by a fixed pattern, as brittle agents do."""
    found = PATTERN.search(message)
    await tools.add_note(text=found[1] if found else "something")
    return "Done."


async def by_sense(message: str, tools: Any) -> str:
    """Read the one word that counts, however it is wrapped."""
    words = [word for word in ("milk", "mlik", "MILK") if word in message]
    await tools.add_note(text="milk" if words else "something")
    return "Done."


def played(agent: Any, strength: float, number: int) -> tuple[TrialRecord, Landing]:
    """A trial with this strength, and what became of the injection."""
    injections = [{"fault": "paraphrase", "with": {"strength": strength}}]
    record = notes.run(agent, injections=injections, scenario=SCENARIO, number=number)
    trial = Trial(id=record.trial, agent="agent", scenario="notes.milk", faultload="own", number=number,
                  seed=record.seed, injections=injections, control=None, attainable="success")  # fmt: skip
    (landing,) = landings(record, trial, {})
    return record, landing


def added(record: TrialRecord) -> list[Any]:
    """The notes that were added."""
    return [effect.after["text"] for effect in record.ledger if effect.table == "note" and effect.after]


def test_agent_that_reads_by_pattern_falls_and_one_that_reads_the_sense_does_not(tmp_path, monkeypatch):
    """With strength the share of wrong end states of the brittle reader grows; the other's end state stays equal."""
    notes.install(tmp_path, monkeypatch)
    wrong = []
    for strength in (0.0, 0.2, 0.8):
        ends = [added(played(by_pattern, strength, number)[0]) for number in range(20)]
        wrong.append(sum(end != ["milk"] for end in ends))
        assert all(added(played(by_sense, strength, number)[0]) == ["milk"] for number in range(20))
    assert wrong[0] == 0
    assert wrong[0] < wrong[1] < wrong[2]


def test_change_is_witnessed_and_none_is_ineffective(tmp_path, monkeypatch):
    """What was said and what was heard are on record; at strength 0 they are the same."""
    notes.install(tmp_path, monkeypatch)
    record, landing = played(by_sense, 1.0, 0)
    (exchange,) = (event for event in record.events if isinstance(event, Exchange))
    assert (landing.state, exchange.heard == [exchange.said]) == ("witnessed", False)
    assert played(by_sense, 0.0, 0)[1].state == "ineffective"


def test_same_key_says_the_same_again():
    """The words depend on the key alone."""
    one, same, other = (speak("paraphrase", strength=0.8, seed=seed).texts for seed in ("a", "a", "b"))
    assert one == same != other
    assert one != [SAID]


def test_what_a_reader_takes_from_it_is_the_same():
    """A scripted agent, which does not read, is not touched by it."""
    assert speak("paraphrase", strength=1).gives == ["all"]
