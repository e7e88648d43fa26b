"""The one door to time: the trial's clock, virtual or real, and the event loop that makes virtual time.

Invariant: virtual time moves only when nothing is ready to run, no thread works and no foreign socket is open, so
that a 30 s timeout costs microseconds and falls on the same instant every time.
"""

import asyncio
import math
import selectors
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, TypeVar

T = TypeVar("T")
Mode: TypeAlias = Literal["virtual", "real"]

UNPOLLED_MAX = 50  # rounds of a busy loop in which nothing outside is looked at

_sleep = time.sleep


class TrialClock:
    """Seconds since the trial began, on a running loop's clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._start = loop.time()

    def now_s(self) -> float:
        """Seconds of the trial's clock, rounded to the microsecond."""
        return round(self._loop.time() - self._start, 6)

    async def sleep(self, seconds: float) -> None:
        """Wait in the trial's clock."""
        if seconds > 0 and not (isinstance(self._loop, VirtualLoop) and self._loop.skip(seconds)):
            await asyncio.sleep(seconds)


class TrialLoop(asyncio.SelectorEventLoop):
    """The loop of one trial after another: knows the threads at work, and what timers a trial leaves behind."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        self._timers: list[asyncio.TimerHandle] = []  # since the last `rewind`
        self._prune_at = 1000
        self.threads = 0  # executor jobs that are on a thread now, abandoned ones too
        self._counting = threading.Lock()
        super().__init__(selector)

    def rewind(self) -> None:
        """Begin anew for a trial: timers that the last one left behind would go off in this one."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's; `rewind` cancels it."""
        timer = super().call_at(when, callback, *args, context=context)
        self._timers.append(timer)
        if len(self._timers) >= self._prune_at:
            now = self.time()
            self._timers = [each for each in self._timers if not each.cancelled() and each.when() > now]
            self._prune_at = max(1000, 2 * len(self._timers))
        return timer

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As asyncio's, but counted."""

        def job() -> Any:
            with self._counting:
                self.threads += 1
            try:
                return func(*args)
            finally:
                with self._counting:
                    self.threads -= 1

        return super().run_in_executor(executor, job)


class VirtualLoop(TrialLoop):
    """An event loop whose clock jumps to the next timer when there is nothing else to wait for.

    While an executor job runs, the clock stands still; while a foreign socket is registered, it moves as real
    time does; a job that waits for this loop (`call_from_thread`) does not hold it.
    """

    def __init__(self) -> None:
        self._jump = _JumpSelector()
        self._latest: dict[float, float] = {}  # instants asked for since the last `rewind`, and the last one given
        super().__init__(self._jump)
        self._jump.foreign = 0  # what is registered by now is the loop's own wake-up socket

    def time(self) -> float:
        """The virtual instant, in seconds."""
        # BaseEventLoop asks for the time while it is being made, before the selector is there.
        return self._jump.now

    def rewind(self) -> None:
        """Set the clock to 0 as well, so that every trial counts with the same floating-point numbers."""
        super().rewind()
        self._jump.now = 0.0
        self._latest.clear()

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's, but timers of one instant go off in the order in which they were set.

        Asyncio's heap leaves that open, so that parallel calls would be answered in another order in each worker.
        Here each further timer of an instant is set for the next floating-point number.
        """
        given = self._latest.get(when)
        when_given = when if given is None else math.nextafter(given, math.inf)
        self._latest[when] = when_given
        if len(self._latest) >= self._prune_at:
            now = self.time()
            self._latest = {asked: last for asked, last in self._latest.items() if last >= now}
        return super().call_at(when_given, callback, *args, context=context)

    def skip(self, seconds: float) -> bool:
        """Move the clock by a wait of the running task, if nothing else could happen during it; else return False."""
        jump, when = self._jump, self._jump.now + seconds
        task = asyncio.current_task(self)
        timers = getattr(self, "_scheduled", None)  # asyncio's own; a loop without them waits in the ordinary way
        if getattr(self, "_ready", True) or timers is None or (timers and timers[0].when() <= when):
            return False
        if not jump.idle() or task is None or task.cancelling():
            return False
        jump.now += when - jump.now
        return True

    @property
    def jobs(self) -> int:
        """How many executor jobs hold the clock."""
        return self._jump.jobs

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As asyncio's, but the clock waits for the job."""
        future = super().run_in_executor(executor, func, *args)
        self._jump.jobs += 1
        future.add_done_callback(self._job_done)
        return future

    @contextmanager
    def parked(self) -> Iterator[None]:
        """While a job waits for something that this loop does, it does not hold the clock."""
        self._jump.jobs -= 1
        try:
            yield
        finally:
            self._jump.jobs += 1

    def _job_done(self, _future: Any) -> None:
        self._jump.jobs -= 1


class _JumpSelector(selectors.BaseSelector):
    """Polls real descriptors, and moves its clock instead of waiting."""

    def __init__(self) -> None:
        self.now = 0.0
        self.jobs = 0
        self.foreign = 0  # sockets that are not the loop's own
        self._unpolled = 0
        self._inner = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return self._glance()
        ready = self._inner.select(0)
        if ready:
            return ready
        if self.jobs > 0 or timeout is None:
            return self._inner.select(None)  # frozen: a job ends with a wake-up
        if self.foreign > 0:
            started = time.monotonic()
            ready = self._inner.select(timeout)
            self.now += min(time.monotonic() - started, timeout) if ready else timeout
            return ready
        self.now += timeout
        return []

    def _glance(self) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready while the loop has work to do: with nothing foreign, only a signal or a wake-up can be.

        Neither is waited for by the work at hand, and a poll costs as much as a small step of a task.
        """
        if self.foreign <= 0 and self._unpolled < UNPOLLED_MAX:
            self._unpolled += 1
            return []
        self._unpolled = 0
        return self._inner.select(0)

    def idle(self) -> bool:
        """Whether no job and no foreign socket holds the clock."""
        return self.jobs <= 0 and self.foreign <= 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._inner.register(fileobj, events, data)
        self.foreign += 1
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = self._inner.unregister(fileobj)
        self.foreign -= 1
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


def new_loop(mode: Mode) -> TrialLoop:
    """A loop of the kind that a clock mode needs."""
    return VirtualLoop() if mode == "virtual" else TrialLoop()


def call_from_thread(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop and wait for it in a thread of its executor; virtual time goes on meanwhile."""

    async def released() -> T:
        if isinstance(loop, VirtualLoop) and loop.jobs > 0:
            with loop.parked():
                return await coroutine
        return await coroutine

    return asyncio.run_coroutine_threadsafe(released(), loop).result()


@contextmanager
def watch_sleep(noticed: Callable[[float, bool], None]) -> Iterator[None]:
    """While it lasts, tell of every `time.sleep`: its seconds, and whether it blocked this very thread."""
    mine = threading.get_ident()

    def sleep(seconds: Any, /) -> None:
        if isinstance(seconds, int | float) and seconds > 0:  # 0 only gives way to other threads
            noticed(float(seconds), threading.get_ident() == mine)
        _sleep(seconds)

    time.sleep = sleep
    try:
        yield
    finally:
        time.sleep = _sleep


def wall_now() -> str:
    """The present instant as ISO 8601 in UTC; for display only."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def wall_s() -> float:
    """A monotonic clock in seconds, for durations and deadlines outside trials."""
    return time.monotonic()
