"""A message between agents that is corrupted arrives damaged in one place."""

import pytest

from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    notes.install(tmp_path, monkeypatch)


async def boss(message: str, tools, context) -> str:
    """Hands its order over, and says what arrived."""
    arrived = await context.hand_over("boss to clerk", {"do": "add", "text": "Käse", "to": "list", "times": 2})
    return f"{arrived} at {context.now_s():g} s"


SENT = {"do": "add", "text": "Käse", "to": "list", "times": 2}


def received(way):
    """What arrived of the order."""
    record, landing = notes.struck(boss, "handover_corrupted", **{"with": {"as": way}})
    (event,) = (event for event in record.events if type(event).__name__ == "HandOver")
    assert (event.sent, landing.state) == (SENT, "witnessed")
    (arrived,) = event.received
    return arrived


def test_one_field_is_lost():
    """The others are as they were."""
    arrived = received("field_lost")
    assert len(arrived) == 3
    assert arrived.items() <= SENT.items()


def test_one_text_is_cut_in_half():
    """It begins as it did."""
    arrived = received("truncated")
    (cut,) = (name for name in SENT if arrived[name] != SENT[name])
    assert SENT[cut].startswith(arrived[cut])
    assert len(arrived[cut]) == len(SENT[cut]) // 2


def test_two_fields_of_one_kind_are_exchanged():
    """All values are there, two of them in each other's place."""
    arrived = received("exchanged")
    changed = [name for name in SENT if arrived[name] != SENT[name]]
    assert len(changed) == 2
    assert sorted(map(str, arrived.values())) == sorted(map(str, SENT.values()))


def test_letters_are_misread():
    """UTF-8 that was read as Latin-1, and only where there is a letter to misread."""
    assert received("encoding") == {**SENT, "text": "KÃ¤se"}


def test_what_cannot_be_damaged_arrives_as_it_is():
    """A number has no field to lose; the trial says that nothing changed."""

    async def agent(message: str, tools, context) -> str:
        return str(await context.hand_over("c", 7))

    record, landing = notes.struck(agent, "handover_corrupted")
    assert (record.answer, landing.state) == ("[7]", "ineffective")
