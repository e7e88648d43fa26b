"""A lost reply leaves its effect behind."""

import pytest


async def test_timeout_leaves_the_effect(bench, make):
    """The note is committed, and the caller gives up `after_s` seconds after it asked."""
    told = await bench.strike(make("lost_reply", as_="timeout", after_s=30), "add_note", text="hello")
    assert (told.failure, told.status, told.body) == ("timeout", None, None)
    assert (bench.notes, bench.now, bench.receipt) == (6, 30, {"withheld_status": 200})
    assert [(effect.table, effect.op) for effect in bench.world.effects] == [("note", "insert"), ("line", "insert")]


async def test_reset_leaves_the_effect(bench, make):
    """The note is committed, and the connection ends when the tool is done."""
    told = await bench.strike(make("lost_reply", as_="reset"), "add_note", text="hello")
    with pytest.raises(ConnectionResetError):
        told.unwrap()
    assert (bench.notes, bench.now) == (6, 0.5)


async def test_client_never_gives_up_before_the_tool_is_done(bench, make):
    """An `after_s` shorter than the tool's own time does not move the clock back."""
    await bench.strike(make("lost_reply", after_s=0.1), "add_note", text="hello")
    assert bench.now == 0.5


async def test_blind_repeat_does_it_twice_and_a_key_does_not(bench, make):
    """This is what the fault is for: a repeat adds a second note unless it carries the same idempotency key."""
    await bench.strike(make("lost_reply"), "add_note", text="hello")
    await bench.call("add_note", text="hello")
    assert bench.notes == 7
    await bench.strike(make("lost_reply"), "add_note", text="keyed", key="k1")
    await bench.call("add_note", text="keyed", key="k1")
    assert bench.notes == 8


async def test_refusal_of_the_tool_is_told(bench, make):
    """Where nothing was committed there is nothing to lose: the tool's own error comes through."""
    told = await bench.strike(make("lost_reply"), "add_note", text="hello", after="NOTE-X")
    assert (told.status, bench.notes, bench.now) == (404, 5, 0.5)
