"""A partial effect is neither done nor undone."""

import pytest

from agentbench.errors import UsageError


def rows(bench):
    """The tables that hold something of what was added."""
    found = {"note": bench.notes > 5, "line": bench.world.value("SELECT count(*) FROM line") > 0}
    return {name for name, there in found.items() if there}


@pytest.mark.parametrize(("keep", "stands"), [("first", {"note"}), ("last", {"line"})])
async def test_one_half_stands_and_the_other_does_not(bench, make, keep, stands):
    """The answer is the tool's own, and in the ledger the fault has undone what is missing."""
    told = await bench.strike(make("partial_effect", keep=keep), "add_note", text="hello")
    assert told is bench.executed[0]
    assert rows(bench) == stands
    (undone,) = [effect for effect in bench.world.effects if effect.author == "fault:0"]
    assert (undone.op, {undone.table} | stands) == ("delete", {"note", "line"})
    assert bench.receipt == {"rows": 2, "taken_back": 1}


async def test_caller_can_be_told_of_an_error(bench, make):
    """`as: error` is a 500, and the half is there all the same."""
    told = await bench.strike(make("partial_effect", as_="error", keep="first"), "add_note", text="hello")
    assert (told.status, rows(bench)) == (500, {"note"})


async def test_repeat_with_the_same_key_does_the_work_again(bench, make):
    """What was not finished is not remembered: the key replays nothing."""
    await bench.strike(make("partial_effect"), "add_note", text="hello", key="k")
    assert bench.world.value("SELECT count(*) FROM _idempotency") == 0
    again = await bench.call("add_note", text="hello", key="k")
    assert "Idempotent-Replayed" not in again.headers
    assert bench.added == 1


@pytest.mark.parametrize(("tool", "arguments"), [("list_notes", {}), ("change_note", {"id": "NOTE-1", "text": "x"})])
async def test_what_cannot_be_halved_is_left_alone(bench, make, tool, arguments):
    """A read has no rows, and a single row no half."""
    assert await bench.strike(make("partial_effect"), tool, **arguments) is bench.executed[0]
    assert bench.receipt == {}
    assert not [effect for effect in bench.world.effects if effect.author == "fault:0"]


async def test_refusal_is_told_as_it_is(bench, make):
    """What the tool refuses committed nothing."""
    assert (await bench.strike(make("partial_effect"), "add_note", text="")).status == 422


@pytest.mark.parametrize("wrong", [{"share": 0}, {"share": 1}, {"keep": "middle"}, {"as": "timeout"}])
def test_other_parameters_are_refused(make, wrong):
    """A share lies between the ends, and the reply is one of two."""
    with pytest.raises(UsageError):
        make("partial_effect", **wrong)


def test_says_of_itself_what_its_parameters_make_of_it(make):
    """Only with `as: error` is the agent told."""
    assert not make("partial_effect").explicit
    assert make("partial_effect", as_="error").explicit
    assert type(make("partial_effect")).explicit is False
