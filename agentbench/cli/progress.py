"""Progress of a run: a bar with rate and endings on a terminal, plain lines otherwise; always on standard error."""

import sys
from collections import Counter
from types import TracebackType
from typing import Any

from agentbench import clock
from agentbench.cli.console import say
from agentbench.record import TrialRecord

LINES = 10


class Progress:
    """Told of every record; judges nothing, so that what it counts is how trials ended."""

    def __init__(self, planned: int) -> None:
        self._planned = planned
        self._endings: Counter[str] = Counter()
        self._began = clock.wall_s()
        self._bar: Any = None
        self._task: Any = None
        self._first: int | None = None

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task("trials", total=self._planned, counts="", rate="0")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, record: TrialRecord, finished: int, planned: int) -> None:
        """Count one more record."""
        self._endings[_word(record)] += 1
        if self._first is None:
            self._first = finished - 1
        rate = f"{(finished - self._first) / max(clock.wall_s() - self._began, 1e-6):.0f}"
        if self._bar is not None:
            self._bar.update(self._task, completed=finished, counts=self._counts(), rate=rate)
        elif finished == planned or finished * LINES // planned != (finished - 1) * LINES // planned:
            say(f"{finished:,}/{planned:,} trials, {rate} per second; {self._counts()}")

    def _counts(self) -> str:
        return ", ".join(f"{count:,} {word}" for word, count in self._endings.most_common())


def _word(record: TrialRecord) -> str:
    claim = record.claim
    if record.ending.kind != "finished":
        return record.ending.kind
    return f"claimed {claim.status}" if claim else "no claim"


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rate]} per second; {task.fields[counts]}"),
        console=Console(stderr=True),
    )
