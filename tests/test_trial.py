"""One attempt at a trial: whatever an agent does is in the record, and costs no later trial anything."""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentbench import record as records
from agentbench.errors import TestbedError, UsageError
from agentbench.record import Note, TrialRecord
from agentbench.stage import Stage
from agentbench.trial import Attempt
from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)


async def good(message: str, tools: Any) -> str:
    """Does what it is asked."""
    await tools.list_notes()
    await tools.add_note(text="milk")
    await tools.result("report_outcome", {"status": "done"})
    return "Added."


def attempt(stage: Stage, agent: str, **wanted: Any) -> TrialRecord:
    """One trial on a stage."""
    return Attempt(stage, notes.order(agent=agent, **wanted), sandbox="none").run()


# -- what an agent may raise ---------------------------------------------------------------------------


class Speechless(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Unspeakable(BaseException):
    """Cannot be shown either, and is no Exception."""

    def __repr__(self) -> str:
        raise SystemExit(3)

    __str__ = __repr__


def endless_cause() -> Exception:
    """An exception that is its own cause's cause."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


RAISED: dict[str, Callable[[], BaseException]] = {
    "Exception": lambda: ValueError("bad"),
    "BaseException": lambda: BaseException("bare"),
    "SystemExit": lambda: SystemExit(0),
    "KeyboardInterrupt": lambda: KeyboardInterrupt(),
    "GeneratorExit": lambda: GeneratorExit(),
    "CancelledError": lambda: asyncio.CancelledError("by itself"),
    "StopAsyncIteration": lambda: StopAsyncIteration(),
    "StopIteration": lambda: StopIteration(),
    "ExceptionGroup": lambda: ExceptionGroup("several", [ValueError("a"), KeyError("b")]),
    "BaseExceptionGroup": lambda: BaseExceptionGroup("several", [SystemExit(1), ValueError("a")]),
    "str raises": Speechless,
    "str exits": Unspeakable,
    "100 MB": lambda: ValueError("x" * 100_000_000),
    "endless cause": endless_cause,
    "surrogates": lambda: ValueError("\ud800\x00\x1b[2J"),
    "MemoryError": lambda: MemoryError(),
    "RecursionError": lambda: RecursionError("too deep"),
    "TimeoutError": lambda: TimeoutError(),
    "TestbedError": lambda: TestbedError("pretending to be the testbed"),
    "UsageError": lambda: UsageError("pretending too"),
    "OSError": lambda: OSError(28, "No space left on device"),
}


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("where", ["itself", "subtask"])
def test_whatever_an_agent_raises_is_its_crash(kind: str, where: str) -> None:
    """Each kind of exception, raised by the agent or by a task it awaits, is `crashed`; later trials are unaffected."""

    async def raiser() -> None:
        raise RAISED[kind]()

    async def bad(message: str, tools: Any) -> str:
        await tools.add_note(text="before")
        if where == "itself":
            await raiser()
        await asyncio.ensure_future(raiser())
        return "Never."

    with notes.stage(bad=bad, good=good) as stage:
        before = attempt(stage, "good")
        record = attempt(stage, "bad")
        assert record.ending.kind == "crashed"
        assert len(record.ending.detail) <= 500
        assert [effect.author for effect in record.ledger] == ["call:c1"]
        assert records.decode(records.encode(record)).ending == record.ending
        after = attempt(stage, "good")
    assert after.ending.kind == "finished"
    assert records.comparable(after) == records.comparable(before)


def test_deep_recursion_is_a_crash() -> None:
    """An agent that recurses without end crashes by Python's own limit."""

    async def deeper(message: str, tools: Any) -> str:
        return await deeper(message, tools)

    record = notes.run(deeper)
    assert record.ending.kind == "crashed"
    assert record.ending.detail.startswith("RecursionError")


def test_what_an_agent_returns_may_be_anything_that_the_adapter_takes() -> None:
    """An answer with lone surrogates, or far too long, is kept in a bounded form."""

    async def odd(message: str, tools: Any) -> str:
        return "\ud800" + "x" * 1_000_000

    record = notes.run(odd)
    assert record.ending.kind == "finished"
    assert record.answer.startswith("\\ud800xxx")
    assert len(record.answer) < 70_000
    records.encode(record)


# -- what an agent may leave or do besides -------------------------------------------------------------


def test_a_swallowed_cancellation_ends_all_the_same() -> None:
    """An agent that takes a limit's cancellation and goes on waiting is given up after a grace, with its limit."""

    async def stubborn(message: str, tools: Any) -> str:
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                continue

    with notes.stage(stubborn=stubborn) as stage:
        made = Attempt(stage, notes.order(agent="stubborn", limits={"time_s": 10}), sandbox="none")
        record = made.run()
        assert (record.ending.kind, record.ending.detail) == ("limit", "time_s")
        assert record.end_s == 40
        assert made.spoiled, "its task is still there, so the stage must not be used again"


def test_tasks_left_behind_are_ended_and_said() -> None:
    """Background tasks are cancelled when the agent has answered; the note says how many there were."""

    async def careless(message: str, tools: Any) -> str:
        async def tick() -> None:
            while True:
                await tools.list_notes()

        asyncio.get_running_loop().call_later(1000, pytest.fail, "a timer of this trial went off later")
        careless.tasks = [asyncio.ensure_future(tick()) for _ in range(3)]  # type: ignore[attr-defined]
        await asyncio.sleep(2)
        return "Left them."

    with notes.stage(careless=careless, good=good) as stage:
        made = Attempt(stage, notes.order(agent="careless"), sandbox="none")
        record = made.run()
        assert record.ending.kind == "finished"
        assert [event.detail for event in record.events if isinstance(event, Note)] == ["3"]
        assert record.end_s == 2
        assert not made.spoiled
        assert attempt(stage, "good").ending.kind == "finished"


def test_tasks_that_start_others_when_cancelled_are_ended_too() -> None:
    """A task that answers its cancellation with a new task is followed up."""

    async def hydra(message: str, tools: Any) -> str:
        async def head(heads: int) -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                if heads:
                    kept.append(asyncio.ensure_future(head(heads - 1)))

        kept = [asyncio.ensure_future(head(2))]
        await asyncio.sleep(0)
        return "Left one."

    with notes.stage(hydra=hydra) as stage:
        made = Attempt(stage, notes.order(agent="hydra"), sandbox="none")
        assert made.run().ending.kind == "finished"
        assert not made.spoiled


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_task_that_exits_while_it_is_ended_does_not_get_out(error: type[BaseException]) -> None:
    """A left task that raises what tears down a loop, when it is cancelled, stays inside its trial."""

    async def bad(message: str, tools: Any) -> str:
        async def tick() -> None:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                raise error(1) from None

        kept.append(asyncio.ensure_future(tick()))
        await asyncio.sleep(0)
        return "Left one."

    kept: list[Any] = []
    with notes.stage(bad=bad, good=good) as stage:
        assert attempt(stage, "bad").ending.kind == "crashed"
        assert attempt(stage, "good").ending.kind == "finished"


def test_a_thread_left_at_work_spoils_the_stage() -> None:
    """An executor job or a thread of its own that goes on after the answer means that the process is not used again."""
    release = threading.Event()

    async def job(message: str, tools: Any) -> str:
        kept.append(asyncio.get_running_loop().run_in_executor(None, release.wait, 20))
        return "Left it."

    async def thread(message: str, tools: Any) -> str:
        threading.Thread(target=release.wait, args=(20,)).start()
        return "Left it."

    kept: list[Any] = []
    for agent in (job, thread):
        with notes.stage(agent=agent, good=good) as stage:
            made = Attempt(stage, notes.order(), sandbox="none")
            record = made.run()
            assert record.ending.kind == "finished"
            assert made.spoiled
            release.set()
            stage.loop.run_until_complete(stage.loop.shutdown_default_executor())
        release.clear()


def test_stopping_the_loop_is_a_crash() -> None:
    """An agent that stops the loop has crashed, and the loop serves the next trial."""

    async def stopper(message: str, tools: Any) -> str:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(1)
        return "Never."

    with notes.stage(stopper=stopper, good=good) as stage:
        assert attempt(stage, "stopper").ending.kind == "crashed"
        assert attempt(stage, "good").ending.kind == "finished"


def test_blocking_sleeps_are_noted() -> None:
    """`time.sleep` in an agent is in the record with its seconds, and takes no virtual time."""

    async def sleepy(message: str, tools: Any) -> str:
        time.sleep(0.002)  # noqa: ASYNC251 - the very mistake
        return "Rested."

    record = notes.run(sleepy)
    (note,) = [event for event in record.events if isinstance(event, Note)]
    assert (note.kind, note.at_s) == ("blocking_sleep", 0)
    assert "time.sleep(0.002) on the event loop" in note.detail


def test_sync_agents_run_in_a_thread_in_virtual_time() -> None:
    """A sync agent's tool calls take their virtual latency and nothing else."""

    def sync(message: str, tools: Any) -> str:
        tools.list_notes()
        tools.add_note(text="milk")
        return "Added."

    record = notes.run(sync)
    assert (record.ending.kind, record.end_s) == ("finished", 1.5)
    assert [call.end_s for call in record.calls] == [0.5, 1.5]


def test_a_sync_agent_at_a_limit_ends_with_it() -> None:
    """A limit that is reached in a sync agent's thread ends the trial."""

    def sync(message: str, tools: Any) -> str:
        while True:
            tools.list_notes()

    record = notes.run(sync, limits={"tool_calls": 4})
    assert (record.ending.kind, record.ending.detail) == ("limit", "tool_calls")
    assert len(record.calls) == 4


# -- limits and time -----------------------------------------------------------------------------------


def test_the_limit_of_time_is_virtual() -> None:
    """An agent that waits for ever is ended at the limit of the trial's clock, with what it did until then."""

    async def waiter(message: str, tools: Any) -> str:
        await tools.add_note(text="milk")
        await asyncio.Event().wait()
        return "Never."

    record = notes.run(waiter, limits={"time_s": 3600})
    assert (record.ending.kind, record.ending.detail, record.end_s) == ("limit", "time_s", 3600)
    assert len(record.ledger) == 1


def test_what_an_agent_raises_at_a_limit_is_no_crash() -> None:
    """After a limit, an exception is only how the agent goes."""

    async def sore(message: str, tools: Any) -> str:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            raise ValueError("interrupted") from None
        return "Never."

    assert notes.run(sore, limits={"time_s": 5}).ending.kind == "limit"


def test_the_limit_of_turns() -> None:
    """The user does not say more than the limit of turns allows."""
    talk = {**notes.SCENARIO, "script": [{"user": f"Turn {number}."} for number in range(5)], "limits": {"turns": 3}}

    async def talker(message: str, tools: Any) -> str:
        return f"Heard: {message}"

    record = notes.run(talker, scenario=talk)
    assert (record.ending.kind, record.ending.detail) == ("limit", "turns")
    assert record.answer == "Heard: Turn 0.\nHeard: Turn 1.\nHeard: Turn 2."


def test_thirty_second_timeouts_cost_nothing() -> None:
    """Twenty 30 s timeouts are ten minutes of the trial's clock and never make the system wait."""

    async def patient(message: str, tools: Any) -> str:
        for _ in range(20):
            reply = await tools.result("list_notes", {})
            assert reply.failure == "timeout"
        return "All timed out."

    waits = []
    with notes.stage(agent=patient) as stage:
        inner = stage.loop._jump._inner  # type: ignore[attr-defined]
        select = inner.select
        inner.select = lambda timeout=None: (waits.append(timeout), select(timeout))[1]
        timeout = {"fault": "timeout", "with": {"after_s": 30}, "lasts": "permanent"}
        record = Attempt(stage, notes.order(injections=[timeout]), sandbox="none").run()
    assert record.ending.kind == "finished"
    assert record.end_s == 600
    assert set(waits) == {0}
    assert len(waits) < 500


def test_real_time_is_stamped() -> None:
    """The same trial in real time runs, and says so."""
    slow = {**notes.SCENARIO}

    async def quick(message: str, tools: Any) -> str:
        await tools.result("report_outcome", {"status": "done"})
        return "Done."

    record = notes.run(quick, scenario=slow, mode="real")
    assert (record.clock, record.ending.kind) == ("real", "finished")


# -- the same every time -------------------------------------------------------------------------------


def test_the_same_order_gives_the_same_bytes() -> None:
    """Parallel calls, ids, faults and an agent's own random numbers come out the same, after whatever ran between."""

    async def busy(message: str, tools: Any) -> str:
        await asyncio.gather(*(tools.result("add_note", {"text": f"n{number}"}) for number in range(6)))
        await asyncio.sleep(random.random())  # as the jitter of a retry
        kept = asyncio.ensure_future(tools.result("list_notes", {}))
        await asyncio.sleep(0)
        return f"{random.random()} {kept.done()}"

    injections = [{"fault": "lost_reply", "with": {"as": "reset"}, "at": {"probability": 0.4}}]
    with notes.stage(busy=busy, good=good) as stage:
        seen = set()
        for _ in range(5):
            seen.add(records.comparable(attempt(stage, "busy", injections=injections)))
            attempt(stage, "good")
    with notes.stage(busy=busy) as other:
        seen.add(records.comparable(attempt(other, "busy", injections=injections)))
    assert len(seen) == 1


def test_two_trials_differ_in_their_ids() -> None:
    """Another seed gives other ids and other random numbers."""
    first, second = (notes.run(good, number=number) for number in (0, 1))
    assert first.ledger[0].key != second.ledger[0].key


# -- whose failure it is -------------------------------------------------------------------------------


def test_a_script_that_cannot_change_the_world_is_the_testbeds_failure() -> None:
    """SQL of the script that fails, after a call or after a turn, is no crash of the agent."""
    for after in ({"tool": "list_notes"}, {"turn": 0}):
        broken = {
            **notes.SCENARIO,
            "script": [{"user": "Go."}, {"world": {"after": after, "sql": "DELETE FROM absent"}}],
        }
        record = notes.run(good, scenario=broken)
        assert record.ending.kind == "testbed", after
        assert "no such table" in record.ending.detail


def test_the_script_changes_the_world_in_its_own_name() -> None:
    """An event of the script is in the record with its effects, whose author it is."""
    sql = "UPDATE note SET text = 'x' WHERE id = 'NOTE-1'; SELECT 1; DELETE FROM note WHERE id = 'NOTE-2'"
    changing = {**notes.SCENARIO, "script": [{"user": "Go."}, {"world": {"after": {"tool": "list_notes"}, "sql": sql}}]}
    record = notes.run(good, scenario=changing)
    (event,) = [each for each in record.events if type(each).__name__ == "WorldEvent"]
    assert event.effects == [0, 1]
    assert {(effect.author, effect.op) for effect in record.ledger[:2]} == {
        ("world:0", "update"),
        ("world:0", "delete"),
    }


def test_a_trial_that_cannot_be_prepared_is_the_testbeds_failure() -> None:
    """An unknown environment or a broken start state gives a record that says so, and no exception."""
    record = notes.run(good, scenario={**notes.SCENARIO, "environment": "nowhere"})
    assert (record.ending.kind, record.events) == ("testbed", [])
    record = notes.run(good, scenario={**notes.SCENARIO, "given": {"sql": "DELETE FROM absent"}})
    assert record.ending.kind == "testbed"


def test_an_agent_that_cannot_be_connected_is_one_clear_line(tmp_path: Path) -> None:
    """Whatever a reference's adapter raises while it connects is a `UsageError` that names the reference."""
    (tmp_path / "mine.py").write_text("def agent(message, tools, wants): ...\nraises = 5\n")
    from agentbench import plugins

    with_door = Stage("virtual")
    environment = plugins.environment("notes")
    for ref in ("./mine.py:agent", "./mine.py:raises", "./mine.py:absent"):
        with pytest.raises(UsageError):
            with_door.opener(ref, with_door.door(environment), environment)
    with_door.close()


def test_an_agent_that_fails_before_its_first_answer_is_heard_out() -> None:
    """A factory that raises in the trial is the agent's crash; the user's words are in the record already."""

    def factory(tools: Any) -> Any:
        raise ValueError("cannot be made")

    record = notes.run(factory)
    assert record.ending.kind == "crashed"
    assert [type(event).__name__ for event in record.events] == ["UserTurn"]


def test_the_journal_has_each_call_twice_and_each_effect_once() -> None:
    """A call is journaled when it begins and when it ends, so that a killed process leaves it behind."""

    class Kept:
        def __init__(self) -> None:
            self.events: list[Any] = []
            self.rows: list[Any] = []

        def event(self, event: Any) -> None:
            self.events.append((type(event).__name__, getattr(event, "told", None)))

        def effects(self, effects: Any) -> None:
            self.rows.extend(effects)

    journal = Kept()
    record = notes.run(good, journal=journal)
    names = [name for name, _ in journal.events]
    assert names == ["UserTurn", "Call", "Call", "Call", "Call", "Claim", "Answer"]
    assert [told.failure for name, told in journal.events if name == "Call"] == ["abandoned", None, "abandoned", None]
    assert journal.rows == record.ledger
