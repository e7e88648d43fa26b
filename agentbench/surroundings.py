"""What an agent may change in its process besides the world, and putting it back after each trial.

Invariant: a trial begins with the same working directory, environment variables, umask, recursion limit, signal
handlers and random numbers, whatever the trials before it did in the same process.
"""

import contextlib
import os
import signal
import sys
import threading
from typing import Any

from agentbench import seeds

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD)
_POOL = ("ThreadPoolExecutor", "asyncio_")  # idle threads of a pool stay; that they work is counted elsewhere


class Surroundings:
    """Taken before a trial; `restore` puts everything back. Seeds Python's global generator with `seed`."""

    def __init__(self, seed: str) -> None:
        self._folder: str | None = None
        with contextlib.suppress(OSError):  # somebody may have deleted it
            self._folder = os.getcwd()
        self._variables = _variables()
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._recursion = sys.getrecursionlimit()
        self._main = threading.current_thread() is threading.main_thread()
        self._handlers: dict[int, Any] = {each: signal.getsignal(each) for each in _SIGNALS} if self._main else {}
        self._alarmed = signal.getitimer(signal.ITIMER_REAL) != (0.0, 0.0)
        self._threads = set(threading.enumerate())
        seeds.settle(seed)

    def restore(self) -> None:
        """Put everything back as it was; what cannot be is left as it is."""
        with contextlib.suppress(OSError):
            os.chdir(self._folder or "/")
        if _variables() != self._variables:
            os.environb.clear()
            os.environb.update(self._variables)
        os.umask(self._umask)
        with contextlib.suppress(RecursionError):
            sys.setrecursionlimit(self._recursion)
        if self._main and not self._alarmed:
            signal.setitimer(signal.ITIMER_REAL, 0)  # the agent's alarm would go off in the next trial
        for number, handler in self._handlers.items():
            if signal.getsignal(number) is not handler and handler is not None:
                signal.signal(number, handler)

    def threads_left(self) -> bool:
        """Whether the agent left a thread of its own at work.

        Pools keep idle threads, and daemon threads are how libraries keep house; neither is meant.
        """
        return any(
            thread.is_alive() and not thread.daemon and not thread.name.startswith(_POOL)
            for thread in threading.enumerate()
            if thread not in self._threads
        )


def _variables() -> dict[bytes, bytes]:
    # The mapping behind `os.environ`, where Python has one: it is copied at once, and not variable by variable.
    return dict(getattr(os.environb, "_data", os.environb))
