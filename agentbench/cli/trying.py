"""Executes and judges single trials, one after another, through the ordinary sandbox and the ordinary judge.

Invariant: no more trials are executed than allowed, and every one of them is counted.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from agentbench import documents, luring, plugins, scenario, seeds
from agentbench import plan as plans
from agentbench.abc import Order, Sandbox
from agentbench.checks import Examiner
from agentbench.judgement import Judgement
from agentbench.outcomes import judge_by
from agentbench.plan import Plan, PlannedAgent, Trial
from agentbench.record import TrialRecord
from agentbench.store import RunDirectory


class Spent(Exception):
    """No more trials may be executed."""


class Tried(NamedTuple):
    """One executed trial: by which order, what was observed, and the verdict."""

    order: Order
    record: TrialRecord
    judgement: Judgement


def under(trial: Trial, injections: Sequence[dict[str, Any]], **changes: Any) -> Trial:
    """The same trial under other injections."""
    channels = [plugins.channel_of(plugins.fault_class(each["fault"])) for each in injections]
    goals = luring.carried(trial.goals, trial.injections, injections)
    return msgspec.structs.replace(trial, injections=list(injections), channels=channels, goals=goals, **changes)


class Laboratory:
    """Executes trials of any plan; `most` is how many, `used` how many there were so far.

    What the testbed breaks is repeated as in a run, and counts each time.
    """

    def __init__(self, *, most: int, deadline_s: float | None) -> None:
        self.most = most
        self.used = 0
        self._deadline_s = deadline_s
        self._folder = tempfile.TemporaryDirectory(prefix="agentbench-")
        self._sandbox: Sandbox | None = None
        self._loaded: dict[str, str] = {}  # what the sandbox knows under the name of a scenario
        self._examiners: dict[str, Examiner] = {}

    def close(self) -> None:
        """End the sandbox."""
        self._end()
        self._folder.cleanup()

    def attempt(self, plan: Plan, trial: Trial) -> Tried:
        """Execute a trial once more and judge it; raises `Spent` when no more may be executed."""
        from agentbench.runner import ATTEMPTS_MAX, Runner  # heavy, and every verb's module is imported for --help

        runner = Runner(plan, RunDirectory(Path(self._folder.name)), workers=1, deadline_s=self._deadline_s)
        while True:
            if self.used >= self.most:
                raise Spent
            self.used += 1
            order = runner.order(trial)
            [(_, record)] = list(self._ready(plan, order).run(iter([order])))
            if record.ending.kind != "testbed" or record.attempt >= ATTEMPTS_MAX:
                return Tried(order, record, judge_by(self._examiner(plan, trial), record, trial))

    def plan(self, content: dict[str, Any], name: str, like: Plan, agent: PlannedAgent, seed: int) -> Plan:
        """A plan of the control trial of a scenario that is not on disk yet; raises `UsageError` for a wrong one."""
        path = self.write(content, name)
        return plans.make(
            scenarios={name: path}, agents=[agent], profile=None, trials=1, seed=seed, clock=like.clock,
            sandbox=like.sandbox,
        )  # fmt: skip

    def write(self, content: dict[str, Any], name: str) -> Path:
        """Put a scenario where a file of this name would lie, in a folder of our own."""
        environment, _, stem = name.partition(".")
        path = Path(self._folder.name) / "scenarios" / environment / f"{stem}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(documents.dumped(content), "utf-8")
        return path

    # -- what is kept between trials -------------------------------------------------------------------

    def _ready(self, plan: Plan, order: Order) -> Sandbox:
        """The sandbox; a fresh one when it knows another scenario under this name, for workers parse each only once."""
        name, digest = order.trial["scenario"], seeds.digest(order.scenario)
        if self._loaded.setdefault(name, digest) != digest:
            self._end()
            self._loaded = {name: digest}
        if self._sandbox is None:
            scratch = Path(self._folder.name) / "workers"
            self._sandbox = plugins.sandbox_class(plan.sandbox)(workers=1, scratch=scratch)
            self._sandbox.check([order.agent["ref"]], [order.scenario["environment"]], order.clock)
        return self._sandbox

    def _end(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def _examiner(self, plan: Plan, trial: Trial) -> Examiner:
        planned = plan.scenarios[trial.scenario]
        key = seeds.digest(planned.content)
        if key not in self._examiners:
            content = scenario.parse(planned.content)
            template = plugins.environment(content.environment).template(content.given.seed, content.given.sql)
            self._examiners[key] = Examiner(content, planned.tools, template)
        return self._examiners[key]
