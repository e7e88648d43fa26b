"""Executes a plan: gives out the trials that have no record yet, and stores each record as it comes.

Invariant: a trial is finished when its record is on disk; running the same plan again does only what is missing.
"""

import contextlib
import os
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from agentbench import clock, plugins, scenario
from agentbench.abc import Order, Sandbox
from agentbench.errors import TestbedError, UsageError
from agentbench.plan import Plan, Trial
from agentbench.record import TrialRecord
from agentbench.store import RecordWriter, RunDirectory

ATTEMPTS_MAX = 3  # a trial that the testbed broke is repeated with the same seed at most twice
DEADLINE_S = 60.0

log = structlog.get_logger("agentbench.runner")
Progress = Callable[[TrialRecord, int, int], None]


class Runner:
    """Runs a plan into a directory; `progress(record, finished, planned)` is told of every record.

    `deadline_s` is the real time that a trial may take before its process is killed; None chooses 60 s, or in
    real time the scenario's own limit and 30 s.
    """

    def __init__(
        self,
        plan: Plan,
        run: RunDirectory,
        *,
        workers: int,
        deadline_s: float | None = None,
        progress: Progress = lambda record, finished, planned: None,
    ) -> None:
        self.plan = plan
        self.run_directory = run
        self._workers = workers
        self._deadline_s = deadline_s
        self._progress = progress
        self._trials = {trial.id: trial for trial in plan.trials}
        self._attempts: Counter[str] = Counter()
        self._finished: set[str] = set()  # before this execution began; grows no more, for runs may be long
        self._count = 0
        self._again: deque[Trial] = deque()
        self._resumed = 0
        self._progressed = 0

    def execute(self) -> None:
        """Run what is missing; raises `UsageError` before the first trial when an agent cannot be loaded.

        `KeyboardInterrupt` passes through after the workers are dead and the records are on disk.
        """
        absent = not self.run_directory.path.exists()
        writer = RecordWriter(self.run_directory)  # first, for it keeps other runners out
        fresh = absent and not self.run_directory.plan_path.exists()
        try:
            self.run_directory.begin(self.plan)
            self._write_all(writer)
        except UsageError:
            if fresh and self._progressed == 0:  # a mistake in the call leaves nothing behind
                self.run_directory.remove()
            raise
        finally:
            writer.close()

    def _write_all(self, writer: RecordWriter) -> None:
        self._take_stock()
        if len(self._finished) == len(self._trials):
            return
        self._keep_worlds()
        self._work(writer)

    @property
    def resumed(self) -> int:
        """How many trials had a record before this execution began."""
        return self._resumed

    def _work(self, writer: RecordWriter) -> None:
        scratch = self.run_directory.path / "workers"
        sandbox = plugins.sandbox_class(self.plan.sandbox)(workers=self._workers, scratch=scratch)
        try:
            self._check(sandbox)
            log.info("agents are loaded", agents=[agent.name for agent in self.plan.agents], workers=self._workers)
            for order, record in sandbox.run(self._orders()):
                writer.append(record)
                self._progressed += 1
                self._take(order, record)
        except OSError as error:
            raise TestbedError(f"the testbed broke: {error}") from error
        finally:
            sandbox.close()
        with contextlib.suppress(OSError):
            _drop_empty_logs(scratch)

    def _check(self, sandbox: Sandbox) -> None:
        environments = sorted({name.partition(".")[0] for name in self.plan.scenarios})
        mode: Literal["virtual", "real"] = "real" if self.plan.clock == "real" else "virtual"
        sandbox.check([agent.ref for agent in self.plan.agents], environments, mode)

    def _take_stock(self) -> None:
        for record in self.run_directory.records():
            if record.trial not in self._trials:
                continue
            self._attempts[record.trial] = max(self._attempts[record.trial], record.attempt)
            if record.ending.kind != "testbed" or record.attempt >= ATTEMPTS_MAX:
                self._finished.add(record.trial)
        self._resumed = self._count = len(self._finished)
        log.info("taking stock", planned=len(self._trials), finished=self._resumed)
        if self.run_directory.damaged:
            log.warning("damaged records are ignored; their trials run again", count=self.run_directory.damaged)

    def _keep_worlds(self) -> None:
        for name, entry in self.plan.scenarios.items():
            content = scenario.parse(entry.content)
            environment = plugins.environment(content.environment)
            try:
                template = environment.template(content.given.seed, content.given.sql)
            except Exception as error:  # noqa: BLE001 - SQL of a scenario: one clear line
                raise UsageError(f"'given' cannot be applied: {error}", where=entry.path) from None
            self.run_directory.put_world(name, template)

    def _orders(self) -> Iterator[Order]:
        """The orders still to do; may be asked again after it had nothing, for what was put back since."""
        return _Orders(self._pending(), self._again, self.order)

    def _pending(self) -> Iterator[Trial]:
        return (trial for trial in self.plan.trials if trial.id not in self._finished)

    def order(self, trial: Trial) -> Order:
        """The next attempt at a trial."""
        entry = self.plan.scenarios[trial.scenario]
        mode: Literal["virtual", "real"] = "real" if self.plan.clock == "real" else "virtual"
        deadline_s = self._deadline_s or DEADLINE_S
        if mode == "real" and self._deadline_s is None:
            deadline_s = scenario.parse(entry.content).limits.time_s + 30
        self._attempts[trial.id] += 1
        ref = next(agent.ref for agent in self.plan.agents if agent.name == trial.agent)
        return Order(
            trial=msgspec.to_builtins(trial),
            scenario=entry.content,
            agent={"name": trial.agent, "ref": ref},
            attempt=self._attempts[trial.id],
            clock=mode,
            deadline_s=deadline_s,
        )

    def _take(self, order: Order, record: TrialRecord) -> None:
        if record.ending.kind == "testbed":
            log.warning("the testbed failed in a trial", trial=record.trial, attempt=record.attempt,
                        detail=record.ending.detail)  # fmt: skip
            if record.attempt < ATTEMPTS_MAX:
                self._again.append(self._trials[record.trial])
                return
        log.debug("trial finished", trial=record.trial, ending=record.ending.kind, duration_s=record.wall.duration_s)
        self._attempts.pop(record.trial, None)
        self._count += 1
        self._progress(record, self._count, len(self._trials))


class _Orders(Iterator[Order]):
    def __init__(self, pending: Iterator[Trial], again: deque[Trial], order: Callable[[Trial], Order]) -> None:
        self._pending = pending
        self._again = again
        self._order = order

    def __next__(self) -> Order:
        if self._again:
            return self._order(self._again.popleft())
        return self._order(next(self._pending))


def workers_here() -> int:
    """How many workers this machine can keep busy."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on macOS
        return max(1, os.cpu_count() or 1)


def _drop_empty_logs(scratch: Path) -> None:
    for path in scratch.iterdir():
        if path.suffix == ".journal" or path.stat().st_size == 0:
            path.unlink()
    if not any(scratch.iterdir()):
        shutil.rmtree(scratch)


def started() -> str:
    """A name for a new run: its local-time-free instant."""
    return clock.wall_now()[:19].replace("-", "").replace(":", "").replace("T", "-")
