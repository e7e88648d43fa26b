"""A delayed effect is told at once and seen later."""

import pytest

from agentbench.errors import UsageError


async def test_effect_is_not_there_until_its_time(bench, make):
    """Nothing is seen before `delay_s` is over, and then the very record that was told."""
    told = await bench.strike(make("delayed_effect", delay_s=60), "add_note", text="hello")
    assert (told.ok, bench.now, bench.notes) == (True, 0.5, 5)
    bench.now = 59.5
    assert len((await bench.call("list_notes")).body["items"]) == 5
    assert len((await bench.call("list_notes")).body["items"]) == 6
    assert (await bench.call("get_note", id=told.body["id"])).body == told.body
    assert {(effect.author, effect.at_s) for effect in bench.world.effects} == {("call:c0", 60.5)}


async def test_ids_that_others_draw_meanwhile_are_others(bench, make):
    """The ids of the answer are kept for it."""
    first = await bench.strike(make("delayed_effect"), "add_note", text="hello")
    second = await bench.call("add_note", text="other")
    bench.enactor.settle(everything=True)
    third = await bench.call("add_note", text="third")
    assert len({reply.body["id"] for reply in (first, second, third)}) == 3
    assert bench.added == 3


async def test_effect_can_come_after_some_calls(bench, make):
    """With `calls: 2` two further calls see nothing, and the third does."""
    await bench.strike(make("delayed_effect", calls=2), "add_note", text="hello")
    seen = [len((await bench.strike(make("noop"), "list_notes")).body["items"]) for _ in range(3)]
    assert seen == [5, 5, 6]


async def test_repeat_is_one_too_many_without_a_key(bench, make):
    """Who looks, sees nothing and repeats has it twice; with the same key, once."""
    for key, notes in ((None, 7), ("k", 8)):
        await bench.strike(make("delayed_effect"), "add_note", text="hello", key=key)
        await bench.call("add_note", text="hello", key=key)
        bench.enactor.settle(everything=True)
        assert bench.notes == notes


@pytest.mark.parametrize(("tool", "arguments"), [("list_notes", {}), ("add_note", {"text": ""})])
async def test_reads_and_refusals_are_answered_as_ever(bench, make, tool, arguments):
    """There is nothing that could come later."""
    assert await bench.strike(make("delayed_effect"), tool, **arguments) is bench.executed[0]
    bench.enactor.settle(everything=True)
    assert (bench.notes, bench.receipt) == (5, {})


@pytest.mark.parametrize("wrong", [{"delay_s": 0}, {"delay_s": 86_401}, {"calls": 0}])
def test_other_delays_are_refused(make, wrong):
    """A delay lies above 0 s and within a day, and is of one call or more."""
    with pytest.raises(UsageError):
        make("delayed_effect", **wrong)
