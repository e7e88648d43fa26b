"""The trial that is to be shrunk: whether it failed at all, what counts as the same failure, and where to write.

Invariant: only a trial that is worse than its own control, under faults that landed, is a failure to be shrunk.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from agentbench import scenario
from agentbench.checks import Examiner
from agentbench.documents import closest
from agentbench.errors import UsageError
from agentbench.judgement import OUTCOMES, Judgement
from agentbench.outcomes import judge_by
from agentbench.plan import Plan, PlannedAgent, Trial
from agentbench.store import RunDirectory

MARK = "# Written by 'agentbench shrink'"


class CannotShrink(Exception):
    """There is nothing to be shrunk, for a reason that is no mistake of the call: exit code 4."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A trial that failed, with the judgement of it and of its control."""

    plan: Plan
    trial: Trial
    judgement: Judgement
    control: Judgement

    @property
    def agent(self) -> PlannedAgent:
        """The agent that failed."""
        return next(agent for agent in self.plan.agents if agent.name == self.trial.agent)

    @property
    def environment(self) -> str:
        """The environment of its scenario."""
        return str(self.plan.scenarios[self.trial.scenario].content["environment"])

    @property
    def equivalence(self) -> str:
        """What counts as the same failure, in words."""
        judged = self.judgement
        kind = f" with harm of the kind '{judged.kind}'" if judged.outcome == "harmful" else ""
        return f"'{judged.outcome}'{kind}"

    def same(self, judged: Judgement) -> bool:
        """Whether a trial failed in the same way: the same outcome and, for harm, of the same kind."""
        mine = self.judgement
        return judged.valid and judged.outcome == mine.outcome and (
            mine.outcome != "harmful" or judged.kind == mine.kind)  # fmt: skip


def failure_of(directory: RunDirectory, name: str) -> Failure:
    """The trial and its control, judged; raises `UsageError`, or `CannotShrink` where nothing can be judged."""
    plan = directory.plan()
    trials = {trial.id: trial for trial in plan.trials}
    if name not in trials:
        raise UsageError(f"this run has no trial '{name}'", where=directory.path,
                         remedy=closest(name, list(trials))[:300])  # fmt: skip
    trial = trials[name]
    if trial.control is None:
        raise UsageError(f"'{name}' is a control: no fault strikes in it", where=directory.path,
                         remedy="give a trial with faults")  # fmt: skip
    judged = _judged(directory, plan, trial)
    control = _judged(directory, plan, trials[trial.control])
    assert judged.outcome is not None
    assert control.outcome is not None
    if OUTCOMES.index(judged.outcome) <= OUTCOMES.index(control.outcome):
        problem = f"'{name}' ended as '{judged.outcome}' and its control as '{control.outcome}': no fault did any harm"
        raise UsageError(problem, where=directory.path, remedy="give a trial that is worse than its control")
    if not judged.landed:
        raise CannotShrink("no fault landed in it, so that no fault is its cause")
    return Failure(plan=plan, trial=trial, judgement=judged, control=control)


def _judged(directory: RunDirectory, plan: Plan, trial: Trial) -> Judgement:
    record = directory.find(trial.id)
    if record is None:
        raise UsageError(f"the trial '{trial.id}' has no record yet", where=directory.path,
                         remedy="run the same command with the same --out again")  # fmt: skip
    planned = plan.scenarios[trial.scenario]
    examiner = Examiner(scenario.parse(planned.content), planned.tools, directory.world(trial.scenario))
    judged = judge_by(examiner, record, trial)
    if not judged.valid:
        raise CannotShrink(f"'{trial.id}' is invalid: {judged.invalid_reason}")
    return judged


def target_for(out: Path | None, failure: Failure) -> Path:
    """Where to write; a file of somebody else is never overwritten."""
    environment = failure.environment
    trial = failure.trial
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", f"{trial.scenario.partition('.')[2]}-{trial.agent}-{trial.faultload}")
    path = out or Path(environment) / f"{stem}.yaml"
    if path.suffix != ".yaml" or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", path.stem):
        raise UsageError(f"'{path.name}' cannot be the name of a scenario", where="--out", remedy="write NAME.yaml")
    if path.resolve().parent.name != environment:
        raise UsageError(f"a scenario lies in a folder named as its environment, '{environment}'", where="--out",
                         remedy=f"write {path.parent / environment / path.name}")  # fmt: skip
    try:
        theirs = path.exists() and not path.read_text("utf-8").startswith(MARK)
    except (OSError, UnicodeDecodeError):
        theirs = True
    if theirs:
        raise UsageError("this file is there already", where=path, remedy="give another --out")
    _writable(path)
    return path


def _writable(path: Path) -> None:
    """Raise a `UsageError` where nothing can be written, before a search is spent on it; makes no folder."""
    folder = next(each for each in path.absolute().parents if each.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"cannot write there: {error.strerror}", where=path, remedy="give another --out") from None
