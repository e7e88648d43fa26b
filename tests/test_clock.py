"""Virtual time: what moves the clock, what holds it, and that it is the same every time."""

import asyncio
import os
import selectors
import signal
import socket
import threading
import time

import pytest

from agentbench import clock
from agentbench.clock import TrialClock, VirtualLoop, call_from_thread, new_loop, watch_sleep


def run(coroutine, loop=None):
    """Run on a fresh virtual loop; returns the result and the virtual seconds that it took."""
    made = loop or VirtualLoop()
    try:
        started = made.time()
        return made.run_until_complete(coroutine), made.time() - started
    finally:
        made.close()


def test_a_long_wait_takes_the_virtual_seconds_and_no_real_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting 30 s moves the clock by 30 s without ever asking the system to wait."""
    waits = []
    loop = VirtualLoop()
    inner = loop._jump._inner
    real = inner.select
    monkeypatch.setattr(inner, "select", lambda timeout=None: (waits.append(timeout), real(timeout))[1])
    _, took = run(asyncio.sleep(30), loop)
    assert took == 30
    assert set(waits) == {0}


def test_timers_go_off_in_the_order_of_their_instants() -> None:
    """Sleeps that are started in any order end in the order of their length, at their exact instants."""
    ended = []

    async def sleeper(seconds: float) -> None:
        await asyncio.sleep(seconds)
        ended.append((seconds, asyncio.get_running_loop().time()))

    async def all_of_them() -> None:
        await asyncio.gather(*(sleeper(seconds) for seconds in (3600.0, 0.001, 5.0, 1e-6, 5.0)))

    run(all_of_them())
    assert ended == [(1e-6, 1e-6), (0.001, 0.001), (5.0, 5.0), (5.0, 5.0), (3600.0, 3600.0)]


@pytest.mark.parametrize("stale", [0, 1, 2, 3, 7, 40])
def test_timers_of_one_instant_go_off_in_the_order_in_which_they_were_set(stale: int) -> None:
    """Whatever cancelled timers earlier trials left in the heap, parallel waits of one length end first come first."""
    loop = VirtualLoop()
    for number in range(stale):
        loop.call_later(100 + number, pytest.fail).cancel()
    loop.rewind()
    ended = []

    async def sleeper(number: int) -> None:
        await asyncio.sleep(1)
        ended.append(number)
        await asyncio.sleep(0.7)
        ended.append(number)

    async def all_of_them() -> None:
        await asyncio.gather(*(sleeper(number) for number in range(20)))

    run(all_of_them(), loop)
    assert ended == [*range(20), *range(20)]


def test_a_day_and_more_can_be_waited() -> None:
    """Waits longer than asyncio's longest select still end at their instant."""
    _, took = run(asyncio.sleep(3 * 86_400))
    assert took == pytest.approx(3 * 86_400)


def test_timeouts_are_in_virtual_time() -> None:
    """`asyncio.timeout` and `wait_for` go off in the virtual clock."""

    async def both() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(100), 12)
        return asyncio.get_running_loop().time()

    assert run(both())[0] == 42


def test_a_thread_at_work_freezes_the_clock() -> None:
    """While an executor job runs, no timer goes off, however long the job takes; afterwards time goes on."""
    release = threading.Event()
    order = []

    async def main() -> None:
        async def timer() -> None:
            await asyncio.sleep(1)
            order.append("timer")

        def job() -> None:
            release.wait(10)
            order.append("job")

        pending = asyncio.ensure_future(timer())
        work = asyncio.get_running_loop().run_in_executor(None, job)
        for _ in range(20):
            await asyncio.sleep(0)
        assert asyncio.get_running_loop().time() == 0
        release.set()
        await work
        await pending

    assert run(main())[1] == 1
    assert order == ["job", "timer"]


def test_executor_jobs_take_no_virtual_time() -> None:
    """However long jobs really take, the same program stands at the same instant at the end, every time."""

    async def main() -> float:
        for seconds in (0.002, 0.0, 0.004):
            await asyncio.to_thread(threading.Event().wait, seconds)
            await asyncio.sleep(1.5)
        return asyncio.get_running_loop().time()

    assert {run(main())[0] for _ in range(5)} == {4.5}


def test_a_job_that_fails_lets_the_clock_go() -> None:
    """An exception in a thread releases the clock as a result does."""

    def bad() -> None:
        raise ValueError("no")

    async def main() -> None:
        with pytest.raises(ValueError, match="no"):
            await asyncio.to_thread(bad)
        await asyncio.sleep(7)

    assert run(main())[1] == 7


def test_a_thread_that_calls_back_lets_time_pass() -> None:
    """A job that waits for the loop does not hold the clock: the coroutine's own waits take virtual time."""

    async def main() -> str:
        loop = asyncio.get_running_loop()

        async def tool() -> str:
            await asyncio.sleep(30)
            return "reply"

        return await asyncio.to_thread(lambda: call_from_thread(loop, tool()))

    assert run(main()) == ("reply", 30)


def test_calls_from_many_threads_end_at_the_same_instant_every_time() -> None:
    """Threads that call back at once always stand at the same virtual instant at the end."""

    async def main() -> float:
        loop = asyncio.get_running_loop()

        def job(number: int) -> None:
            call_from_thread(loop, asyncio.sleep(number))

        await asyncio.gather(*(asyncio.to_thread(job, number) for number in range(4)))
        return loop.time()

    assert {run(main())[0] for _ in range(20)} == {3}


def test_call_from_thread_gives_the_exception() -> None:
    """What the coroutine raises is raised in the thread."""

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def bad() -> None:
            raise LookupError("none")

        with pytest.raises(LookupError):
            await asyncio.to_thread(lambda: call_from_thread(loop, bad()))

    run(main())


def test_a_foreign_socket_holds_the_clock_at_real_speed() -> None:
    """While a real connection is open, a timer waits for real, and a byte that comes first stops the clock there."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        answered = threading.Timer(0.02, theirs.send, (b"x",))
        answered.start()
        assert await asyncio.wait_for(loop.sock_recv(ours, 1), 600) == b"x"
        answered.join()
        return loop.time()

    with ours, theirs:
        assert 0 < run(main())[0] < 60


def test_once_the_socket_is_gone_time_jumps_again() -> None:
    """After a reader is removed, waits cost no real time again."""
    ours, theirs = socket.socketpair()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, lambda: None)
        loop.remove_reader(ours)
        await asyncio.sleep(86_400)

    with ours, theirs:
        assert run(main())[1] == 86_400


def test_rewinding_cancels_what_was_left() -> None:
    """A timer of one trial never goes off in the next, and the next begins at 0."""
    loop = VirtualLoop()
    rang = []
    loop.call_later(50, rang.append, "late")
    loop.run_until_complete(asyncio.sleep(20))
    loop.rewind()
    assert loop.time() == 0
    run(asyncio.sleep(500), loop)
    assert rang == []


def test_many_timers_are_not_kept() -> None:
    """A trial with very many waits holds on to no more than those that are pending."""

    async def main() -> None:
        for _ in range(5000):
            await asyncio.sleep(0.001)

    loop = VirtualLoop()
    run(main(), loop)
    assert len(loop._timers) <= 1000


def test_a_cancelled_job_still_counts_as_a_thread() -> None:
    """A thread that nobody waits for any more is seen, so that its worker is not used again."""
    release = threading.Event()
    loop = VirtualLoop()

    async def main() -> None:
        started = threading.Event()
        work = asyncio.ensure_future(asyncio.to_thread(lambda: (started.set(), release.wait(10))))
        await asyncio.sleep(0)
        assert started.wait(10)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    loop.run_until_complete(main())
    assert (loop.threads, loop.jobs) == (1, 0)
    release.set()
    loop.run_until_complete(loop.shutdown_default_executor())
    assert loop.threads == 0
    loop.close()


def test_real_time_is_real() -> None:
    """A loop of real time goes by the system's clock, and counts threads too."""
    loop = new_loop("real")
    try:
        assert not isinstance(loop, VirtualLoop)
        before = time.monotonic()
        assert before <= loop.time() <= time.monotonic()
        assert loop.run_until_complete(asyncio.wait_for(loop.run_in_executor(None, lambda: 7), 5)) == 7
        assert loop.threads == 0
    finally:
        loop.close()


def test_the_trials_clock_counts_from_its_beginning() -> None:
    """A trial's clock starts at 0 wherever the loop stands, in microseconds, and waits in it."""
    loop = VirtualLoop()
    loop.run_until_complete(asyncio.sleep(3))
    trial = TrialClock(loop)
    loop.run_until_complete(trial.sleep(0.1 + 0.2))
    assert trial.now_s() == 0.3
    loop.run_until_complete(trial.sleep(-1))
    assert trial.now_s() == 0.3
    loop.close()


def test_blocking_sleeps_are_noticed_with_their_place() -> None:
    """`time.sleep` is told of with its seconds and whether it blocked this thread; a sleep of 0 is no wait."""
    seen = []
    with watch_sleep(lambda seconds, here: seen.append((seconds, here))):
        time.sleep(0.001)
        time.sleep(0)
        thread = threading.Thread(target=lambda: time.sleep(0.002))
        thread.start()
        thread.join()
        with pytest.raises(TypeError):
            time.sleep("long")  # type: ignore[arg-type]
    time.sleep(0.001)
    assert seen == [(0.001, True), (0.002, False)]
    assert time.sleep is clock._sleep


def test_wall_clock_is_for_display_and_deadlines() -> None:
    """The present instant is ISO 8601 in UTC, and the deadline clock never goes back."""
    assert clock.wall_now().endswith("+00:00")
    first = clock.wall_s()
    assert clock.wall_s() >= first


# -- waits that concern nobody --------------------------------------------------------------------------


def waited(seconds: float, before) -> tuple[float, list[str]]:
    """The trial's clock after a wait of one task, and what happened; `before(loop, log)` sets the stage."""
    log: list[str] = []
    loop = VirtualLoop()

    async def wait() -> float:
        trial_clock = TrialClock(loop)
        before(loop, log)
        await trial_clock.sleep(seconds)
        log.append("woke")
        return trial_clock.now_s()

    return run(wait(), loop)[0], log


def test_a_wait_that_nothing_else_fills_needs_no_round_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing ready and no timer before its end, a wait of the trial's clock never leaves its task."""
    monkeypatch.setattr(asyncio, "sleep", pytest.fail)
    assert waited(30, lambda loop, log: loop.call_later(31, log.append, "later")) == (30, ["woke"])


@pytest.mark.parametrize("at_s", [0, 1, 29.999999, 30])
def test_what_is_due_during_a_wait_happens_before_its_end(at_s: float) -> None:
    """A callback that is ready, or a timer up to the very instant of the wait's end, comes first."""
    assert waited(30, lambda loop, log: loop.call_later(at_s, log.append, "due")) == (30, ["due", "woke"])


def test_a_ready_task_runs_during_a_wait() -> None:
    """Another task that can go on does so before the waiting one wakes."""

    def other(loop: VirtualLoop, log: list[str]) -> None:
        async def work() -> None:
            log.append("worked")

        loop.keep = loop.create_task(work())  # type: ignore[attr-defined]

    assert waited(30, other) == (30, ["worked", "woke"])


async def _cancelled_before(trial_clock: TrialClock) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await trial_clock.sleep(1)


def test_a_cancelled_task_does_not_skip_its_wait() -> None:
    """A cancellation that is on its way arrives at the wait, as at any other."""
    loop = VirtualLoop()
    with pytest.raises(asyncio.CancelledError):
        run(_cancelled_before(TrialClock(loop)), loop)


def test_a_job_on_a_thread_holds_the_clock_during_a_wait() -> None:
    """While a job works, a wait does not move the clock past it."""
    go = threading.Event()

    def job(loop: VirtualLoop, log: list[str]) -> None:
        def work() -> None:
            go.wait(10)
            loop.call_soon_threadsafe(log.append, "job ended")

        loop.run_in_executor(None, work)
        loop.call_soon(go.set)

    assert waited(30, job) == (30, ["job ended", "woke"])


async def busy(rounds: int) -> None:
    """Keep the loop busy for so many rounds."""
    for _ in range(rounds):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("foreign", "least", "most"), [(False, 1, 30), (True, 300, 320)])
def test_a_busy_loop_looks_outside_now_and_then(
    foreign: bool, least: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing but itself to listen to, a loop that has work polls seldom; with a foreign socket, every round."""
    polls: list[tuple[float, ...]] = []
    poll = selectors.DefaultSelector.select
    monkeypatch.setattr(
        selectors.DefaultSelector, "select", lambda self, *wait: polls.append(wait) or poll(self, *wait)
    )
    loop = VirtualLoop()
    ours, theirs = socket.socketpair()
    if foreign:
        loop.add_reader(ours, pytest.fail)
    run(busy(300), loop)
    ours.close()
    theirs.close()
    assert least <= len(polls) <= most


def test_a_signal_reaches_a_busy_loop() -> None:
    """A loop that never rests still hears of a signal."""
    loop = VirtualLoop()
    heard: list[str] = []
    loop.add_signal_handler(signal.SIGUSR1, heard.append, "heard")

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        await busy(200)
        assert heard

    run(work(), loop)
