"""No isolation: trials run in agentbench's own process, one after another; for debugging an agent."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

from agentbench import plugins
from agentbench.abc import Order
from agentbench.record import TrialRecord
from agentbench.stage import Stage
from agentbench.trial import Attempt


class Sandbox:
    """Runs every trial right here: an agent that hangs, blocks or exits takes the run with it."""

    isolation: ClassVar[str] = "none"

    def __init__(self, *, workers: int, scratch: Path) -> None:
        self._stages: dict[str, Stage] = {}

    def check(self, refs: Sequence[str], environments: Sequence[str], mode: Literal["virtual", "real"]) -> None:
        """Load and connect every agent; raises `UsageError` for one that cannot be."""
        stage = self._stage(mode)
        for ref in refs:
            for name in environments:
                environment = plugins.environment(name)
                stage.opener(ref, stage.door(environment), environment)

    def run(self, orders: Iterator[Order]) -> Iterator[tuple[Order, TrialRecord]]:
        """Execute the orders one by one."""
        for order in orders:
            attempt = Attempt(self._stage(order.clock), order, sandbox="inprocess")
            with _interruptible():
                record = attempt.run()
            if attempt.spoiled:
                self.close()
            yield order, record

    def close(self) -> None:
        """No process was started; the event loops are closed."""
        for stage in self._stages.values():
            stage.close()
        self._stages.clear()

    def _stage(self, mode: str) -> Stage:
        if mode not in self._stages:
            self._stages[mode] = Stage("real" if mode == "real" else "virtual")
        return self._stages[mode]


@contextmanager
def _interruptible() -> Iterator[None]:
    """Tell a real Ctrl-C from a `KeyboardInterrupt` that an agent raises: only the former ends the run."""
    pressed = False

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed = True
        signal.default_int_handler(number, frame)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
