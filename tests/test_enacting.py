"""Executions in the real world, rehearsed ones, late ones, and those that are taken back."""

import asyncio

from agentbench.calls import ToolCall
from tests.faults.conftest import Bench


def ask(coroutine):
    """The result of a coroutine."""
    return asyncio.run(coroutine)


def call(tool="add_note", id="c1", **arguments):
    """A call."""
    return ToolCall(id=id, tool=tool, arguments=arguments)


def test_preview_answers_and_changes_nothing():
    """A rehearsal is on record as one, and leaves world, ledger and clock as they were; errors are told as they are."""
    bench = Bench()
    deeds = bench.enactor.deeds(0, call(), bench.done)
    before = bench.world.digest()
    told = ask(deeds.preview(call(text="hello")))
    assert told.ok
    assert ask(deeds.preview(call(text=""))).status == 422
    assert (bench.world.digest(), bench.world.effects, bench.now) == (before, [], 0.0)
    assert [each.replica for each in bench.done] == [True, True]
    assert deeds.effects() == []


def test_preview_reserves_its_ids():
    """Nobody else gets an id that was told, and what is enacted gets it."""
    bench = Bench()
    deeds = bench.enactor.deeds(2, call(), bench.done)
    promised = ask(deeds.preview(call(text="hello"))).body["id"]
    other = ask(bench.enactor.execution([])(call(id="c2", text="other"))).body["id"]
    done = ask(deeds.enact(call(text="hello"))).body["id"]
    after = ask(bench.enactor.execution([])(call(id="c3", text="third"))).body["id"]
    assert promised == done
    assert len({promised, other, after}) == 3
    assert {effect.author for effect in deeds.effects()} == {"fault:2"}


def test_what_is_due_is_done_before_anybody_looks():
    """A later call is executed at its instant, in the order of the instants, when the world is looked at."""
    bench = Bench()
    for number, delay_s in enumerate((30.0, 10.0, None)):
        deeds = bench.enactor.deeds(0, call(), bench.done)
        deeds.later(call(id=f"c{number}", text=f"{delay_s}"), delay_s=delay_s)
    bench.now = 40.0
    ask(bench.enactor.execution([])(call("list_notes", id="c9")))
    assert [(each.author, each.at_s) for each in bench.world.effects[::2]] == [("call:c1", 10.0), ("call:c0", 30.0)]
    bench.enactor.settle(everything=True)
    assert [(each.author, each.at_s) for each in bench.world.effects[4::2]] == [("call:c2", 40.5)]
    bench.enactor.settle(everything=True)
    assert len(bench.done) == 3


def test_stamps_of_a_late_execution_are_of_its_instant():
    """What a tool writes as the present instant is that of the execution, not of whoever looked first."""
    bench = Bench()
    with bench.world.changing("call:c1", 30.0):
        assert bench.world.now.second == 30
    assert bench.world.now.second == 0


def test_only_rows_that_stand_as_they_were_left_are_taken_back():
    """A row that was changed since stays, and the ledger tells what was undone, under the fault."""
    bench = Bench()
    deeds = bench.enactor.deeds(0, call(), bench.done)
    ask(bench.enactor.execution(bench.done)(call(text="hello")))
    note, line = deeds.effects()
    with bench.world.changing("world:0", 0.0):
        bench.world.execute("UPDATE note SET text = 'other' WHERE id = ?", note.key["id"])
    assert deeds.take_back([note, line]) == 1
    undone = [effect for effect in bench.world.effects if effect.author == "fault:0"]
    assert [(effect.table, effect.op, effect.key) for effect in undone] == [("line", "delete", line.key)]


def test_updates_and_deletions_are_taken_back_too():
    """The state before and the state after are one."""
    bench = Bench()
    before = bench.world.digest()
    with bench.world.changing("call:c1", 0.0) as made:
        bench.world.execute("UPDATE note SET text = 'x' WHERE id = 'NOTE-1'")
        bench.world.execute("DELETE FROM note WHERE id = 'NOTE-2'")
    assert bench.enactor.take_back(made, "fault:0") == 2
    assert bench.world.digest() == before
