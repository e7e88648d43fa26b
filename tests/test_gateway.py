"""The gateway: the chain in its order, both recorders, limits, hostile arguments, and whose failure it is."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentbench import seeds
from agentbench.calls import ToolResult
from agentbench.record import Call, Event, Note, TrialRecord
from tests import notes

OUTAGE = {"fault": "outage", "with": {"status": 503}}


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)


def one(record: TrialRecord) -> Call:
    """The only call of a trial."""
    (call,) = record.calls
    return call


# -- the chain -----------------------------------------------------------------------------------------


def test_both_recorders_see_their_side() -> None:
    """The record holds what was asked and told on one side, and what was executed with its effects on the other."""

    async def agent(message: str, tools: Any) -> str:
        assert (await tools.add_note(text="milk"))["text"] == "milk"
        return "Done."

    record = notes.run(agent)
    call = one(record)
    assert (call.id, call.tool, call.ordinal, call.asked) == ("c1", "add_note", 1, {"text": "milk"})
    (done,) = call.done
    assert done.arguments == call.asked
    assert done.reply == call.told
    assert (done.at_s, done.end_s, call.end_s) == (0, 1, 1)
    assert done.effects == [0]
    assert (record.ledger[0].author, record.ledger[0].table, record.ledger[0].op) == ("call:c1", "note", "insert")


def test_the_first_injection_is_outermost() -> None:
    """With two strikes on one call, the first in the list wraps the second: the agent sees what the first made."""

    async def agent(message: str, tools: Any) -> str:
        reply = await tools.result("list_notes", {})
        return f"{reply.status} {reply.failure}"

    outage_first = [OUTAGE, {"fault": "latency", "with": {"delay_s": 10}}]
    record = notes.run(agent, injections=outage_first)
    assert [firing.injection for firing in one(record).fired] == [0], "the outage never asked the latency behind it"

    record = notes.run(agent, injections=list(reversed(outage_first)))
    call = one(record)
    assert [(firing.injection, firing.fault) for firing in call.fired] == [(0, "latency"), (1, "outage")]
    assert call.end_s >= 10
    assert call.told.status == 503
    assert call.done == []


def test_lost_reply_shows_on_one_side_only() -> None:
    """A lost reply: executed with its effect on the inner side, a timeout on the outer."""

    async def agent(message: str, tools: Any) -> str:
        with pytest.raises(TimeoutError):
            await tools.add_note(text="milk")
        return "It timed out."

    lost = {"fault": "lost_reply", "with": {"as": "timeout", "after_s": 30}}
    call = one(notes.run(agent, injections=[lost]))
    assert call.told.failure == "timeout"
    assert call.end_s == 30
    assert [execution.reply.ok for execution in call.done] == [True]
    assert call.done[0].effects == [0]


def test_duplicate_delivery_is_two_executions() -> None:
    """Each execution of a call is entered by itself, with its own effects."""

    async def agent(message: str, tools: Any) -> str:
        await tools.rate(id="NOTE-1", stars=2.0)
        return "Done."

    record = notes.run(agent, injections=[{"fault": "duplicate_delivery"}])
    assert [execution.reply.ok for execution in one(record).done] == [True, True]
    assert [effect.author for effect in record.ledger] == ["call:c1"]  # the second changed nothing more


def test_the_same_calls_are_hit_in_any_order_of_arrival() -> None:
    """With a probability, 50 shuffles of the same parallel calls have the very same ones hit."""
    names = [f"NOTE-{number}" for number in range(5)] * 6

    def shuffled(order: int) -> Callable[..., Any]:
        async def agent(message: str, tools: Any) -> str:
            mixed = list(names)
            seeds.derive("shuffle", order).shuffle(mixed)

            async def get(name: str, wait: float) -> None:
                await asyncio.sleep(wait)
                await tools.result("get_note", {"id": name})

            waits = seeds.derive("waits", order)
            await asyncio.gather(*(get(name, waits.random()) for name in mixed))
            return "Done."

        return agent

    hit = set()
    for order in range(50):
        record = notes.run(shuffled(order), injections=[{**OUTAGE, "at": {"probability": 0.4}}])
        assert len(record.calls) == 30
        hit.add(tuple(sorted(call.asked["id"] for call in record.calls if call.fired)))
    assert len(hit) == 1
    assert 4 < len(hit.pop()) < 20


def test_a_larger_probability_only_adds() -> None:
    """What is hit at a small probability is hit at every larger one."""

    async def agent(message: str, tools: Any) -> str:
        for number in range(40):
            await tools.result("get_note", {"id": f"NOTE-{number}"})
        return "Done."

    hits = []
    for probability in (0.1, 0.3, 0.6, 0.9):
        record = notes.run(
            agent, injections=[{**OUTAGE, "at": {"probability": probability}}], limits={"tool_calls": 40}
        )
        hits.append({call.id for call in record.calls if call.fired})
    assert all(small < large for small, large in itertools.pairwise(hits))


# -- limits and ends -----------------------------------------------------------------------------------


def test_the_limit_of_calls_ends_the_agent() -> None:
    """The call beyond the limit is not made: the trial ends at the limit, with the calls before it."""
    after = []

    async def agent(message: str, tools: Any) -> str:
        while True:
            await tools.result("list_notes", {})
            after.append(1)

    record = notes.run(agent, limits={"tool_calls": 3})
    assert (record.ending.kind, record.ending.detail) == ("limit", "tool_calls")
    assert len(record.calls) == len(after) == 3


def test_reports_without_end_reach_the_limit_too() -> None:
    """An agent that only ever reports is ended as well."""

    async def agent(message: str, tools: Any) -> str:
        while True:
            await tools.result("report_outcome", {"status": "done"})

    record = notes.run(agent, limits={"tool_calls": 5})
    assert record.ending.detail == "tool_calls"
    assert sum(type(event).__name__ == "Claim" for event in record.events) == 5


def test_an_agent_that_goes_on_after_a_limit_is_refused() -> None:
    """Whoever swallows the cancellation and calls again changes nothing and is not recorded."""
    attempts = []
    numbers = itertools.count()

    async def agent(message: str, tools: Any) -> str:
        while len(attempts) < 5:
            try:
                await tools.result("add_note", {"text": f"n{next(numbers)}"})
            except asyncio.CancelledError:
                attempts.append(1)
        return "I am still here."

    record = notes.run(agent, limits={"tool_calls": 2})
    assert record.ending.kind == "limit"
    assert len(record.calls) == len(record.ledger) == 2


def test_a_request_under_way_at_the_limit_does_nothing_more() -> None:
    """A call in a task of its own that the limit overtakes never reaches the world."""

    async def agent(message: str, tools: Any) -> str:
        task = asyncio.ensure_future(asyncio.shield(asyncio.ensure_future(tools.result("add_note", {"text": "late"}))))
        await asyncio.sleep(0)
        await tools.result("list_notes", {})
        await tools.result("list_notes", {})
        return str(task)

    record = notes.run(agent, limits={"tool_calls": 2})
    assert record.ending.detail == "tool_calls"
    assert record.ledger == []
    assert {call.tool: call.told.failure for call in record.calls}["add_note"] == "abandoned"


def test_a_call_that_the_agent_gives_up_is_abandoned() -> None:
    """A call cut off by the agent's own timeout is recorded as abandoned, at the instant of giving up."""

    async def agent(message: str, tools: Any) -> str:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await tools.result("add_note", {"text": "milk"})
        return "Gave up."

    record = notes.run(agent)
    assert record.ending.kind == "finished"
    assert one(record).told.failure == "abandoned"
    assert one(record).end_s == 0.2
    assert record.ledger == []


def test_calls_that_nobody_awaits_are_closed_with_the_trial() -> None:
    """A call still open when the agent has answered is abandoned, in the order of the calls, and does nothing."""

    async def agent(message: str, tools: Any) -> str:
        pending = [asyncio.ensure_future(tools.result("add_note", {"text": f"n{number}"})) for number in range(3)]
        await asyncio.sleep(0.1)
        return f"Started {len(pending)}."

    record = notes.run(agent)
    assert [call.id for call in record.events if isinstance(call, Call)] == ["c1", "c2", "c3"]
    assert {call.told.failure for call in record.calls} == {"abandoned"}
    assert record.ledger == []
    assert notes.notes(record) == ["leftover_tasks"]


def test_tools_kept_beyond_the_trial_are_refused() -> None:
    """The tools of a trial that is over answer nothing, and the next trial's record has none of it."""
    kept = []

    async def first(message: str, tools: Any) -> str:
        kept.append(tools)
        return "Kept."

    async def second(message: str, tools: Any) -> str:
        return "Nothing."

    with notes.stage(first=first, second=second) as stage:
        from agentbench.trial import Attempt

        Attempt(stage, notes.order(agent="first"), sandbox="none").run()
        with pytest.raises(asyncio.CancelledError):
            stage.loop.run_until_complete(kept[0].result("add_note", {"text": "late"}))
        assert Attempt(stage, notes.order(agent="second"), sandbox="none").run().calls == []


# -- whose failure it is -------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["break_down", "sneak"])
def test_a_defect_of_a_tool_is_the_testbeds_failure(tool: str) -> None:
    """A tool that raises anything but its API's errors, or writes under the name of reading, breaks the trial."""

    async def agent(message: str, tools: Any) -> str:
        try:
            await tools.result(tool, {})
        except asyncio.CancelledError:
            await tools.result("list_notes", {})
        return "Fine."

    record = notes.run(agent)
    assert record.ending.kind == "testbed"
    assert tool in record.ending.detail
    assert notes.notes(record) == ["testbed"]


def test_a_write_that_fails_leaves_nothing() -> None:
    """What a failing tool had changed before is rolled back and not in the ledger."""

    async def agent(message: str, tools: Any) -> str:
        await tools.result("break_down", {})
        return "Fine."

    assert notes.run(agent).ledger == []


def test_a_fault_that_fails_is_the_testbeds_failure(tmp_path: Path) -> None:
    """An exception in a fault's own code is never the agent's."""
    folder = tmp_path / "faults"
    folder.mkdir()
    (folder / "crooked.py").write_text(
        '"""Fails."""\nfrom dataclasses import dataclass\nfrom typing import ClassVar\n\n'
        "@dataclass(frozen=True)\nclass Crooked:\n"
        "    site: ClassVar = 'tool'\n    phase: ClassVar = 'before'\n    explicit: ClassVar = True\n"
        "    blocking: ClassVar = False\n    witness: ClassVar = 'unchanged'\n\n"
        "    async def inject(self, call, proceed, ctx):\n        raise KeyError('oh')\n\nfault = Crooked\n"
    )

    async def agent(message: str, tools: Any) -> str:
        await tools.result("list_notes", {})
        return "Fine."

    record = notes.run(agent, injections=[{"fault": "crooked"}])
    assert record.ending.kind == "testbed"
    assert "the fault 'crooked' failed: KeyError" in record.ending.detail


def test_a_journal_that_cannot_be_written_is_the_testbeds_failure() -> None:
    """A full disk under the journal breaks the trial; the agent is not said to have crashed."""

    class Full:
        written = 0

        def event(self, event: Event) -> None:
            self.written += 1
            if self.written > 3:
                raise OSError(28, "No space left on device")

        def effects(self, effects: Any) -> None:
            self.event(Note(at_s=0, kind="x"))

    async def agent(message: str, tools: Any) -> str:
        for _ in range(5):
            await tools.result("list_notes", {})
        return "Fine."

    record = notes.run(agent, journal=Full())
    assert record.ending.kind == "testbed"
    assert "No space left" in record.ending.detail


def test_model_calls_are_recorded_and_limited() -> None:
    """Each model call is an event; past the limit of tokens the trial ends, and a name that is not Unicode is kept."""

    async def agent(message: str, tools: Any, context: Any) -> str:
        for _ in range(10):
            context.model_called(model="m\ud800", started_s=0.0, input_tokens=40, output_tokens=None, error=None)
            await asyncio.sleep(1)
        return "Never."

    record = notes.run(agent, limits={"tokens": 100})
    assert (record.ending.kind, record.ending.detail) == ("limit", "tokens")
    models = [event for event in record.events if type(event).__name__ == "ModelCall"]
    assert [event.input_tokens for event in models] == [40, 40, 40]
    assert models[0].model == "m\\ud800"


def test_a_stale_reply_comes_from_a_copy() -> None:
    """A replica answers from the start of the trial and is marked; the real world is not touched by it."""

    async def agent(message: str, tools: Any) -> str:
        await tools.add_note(text="milk")
        return str(len((await tools.list_notes())["items"]))

    record = notes.run(agent, injections=[{"fault": "stale", "at": {"tool": "list_notes"}}])
    assert record.answer == "5"
    assert any(execution.replica for execution in record.calls[1].done)


def test_results_are_what_the_tools_gave() -> None:
    """Without an injection, reply and record are the tool's own."""

    async def agent(message: str, tools: Any) -> str:
        reply: ToolResult = await tools.result("get_note", {"id": "NOTE-9"})
        return f"{reply.status} {reply.body['error']['code']}"

    assert notes.run(agent).answer == "404 not_found"
