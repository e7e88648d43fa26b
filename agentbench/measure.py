"""Measuring a run: from its plan and records to judgements and measures, without executing anything.

Invariant: every trial of the plan counts exactly once, as valid, invalid or missing, whatever the order of records.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from agentbench import metrics, scenario
from agentbench.checks import Examiner
from agentbench.judgement import OUTCOMES, Judgement, Measured, Pairing
from agentbench.outcomes import judge_by
from agentbench.pairing import Start, Trail, same_start, start, trail
from agentbench.plan import Plan, Trial
from agentbench.record import TrialRecord
from agentbench.witness import NOOP

Template = Callable[[str], bytes]


class Kept(msgspec.Struct, frozen=True):
    """What is kept of a trial: its judgement, its rank among the attempts, and what pairing needs."""

    judgement: Judgement
    rank: tuple[bool, int]
    trail: Trail | None
    start: Start | None


class Measuring:
    """Judges records as they come; `finish` then pairs the trials and computes the measures.

    `template` gives the start state of a scenario. Keeps judgements and digests, never a record.
    """

    def __init__(self, plan: Plan, template: Template) -> None:
        self._plan = plan
        self._template = template
        self._trials = {trial.id: trial for trial in plan.trials}
        self._examiners: dict[str, Examiner] = {}
        self._kept: dict[str, Kept] = {}
        self._unplanned = 0
        self._clocks: set[str] = set()
        self._sandboxes: set[str] = set()

    def add(self, record: TrialRecord) -> Judgement | None:
        """Judge a record; None when it is of no trial of the plan, or an attempt that a better one has replaced.

        Of several attempts at a trial the last one that the testbed did not break counts, else the last.
        """
        trial = self._trials.get(record.trial)
        if trial is None:
            self._unplanned += 1
            return None
        rank = (record.ending.kind != "testbed", record.attempt)
        known = self._kept.get(trial.id)
        if known is not None and known.rank >= rank:
            return None
        judgement = judge_by(self._examiner(trial.scenario), record, trial)
        valid, control = judgement.valid, trial.control is None
        self._kept[trial.id] = Kept(
            judgement,
            rank,
            trail(record) if valid and control else None,
            start(record) if valid and not control else None,
        )
        self._clocks.add(record.clock)
        self._sandboxes.add(record.sandbox)
        return judgement

    def finish(self) -> tuple[list[Judgement], Measured]:
        """The judgements in the order of the plan, paired with their controls, and the measures over them."""
        judgements = [self._paired(trial) for trial in self._plan.trials if trial.id in self._kept]
        measured = Measured(
            run=self._about(),
            trials=self._counts(judgements),
            outcomes=_outcomes(judgements),
            faults=_faults(judgements),
            measures=metrics.measures(judgements, [agent.name for agent in self._plan.agents]),
        )
        return judgements, measured

    def _examiner(self, name: str) -> Examiner:
        if name not in self._examiners:
            planned = self._plan.scenarios[name]
            self._examiners[name] = Examiner(scenario.parse(planned.content), planned.tools, self._template(name))
        return self._examiners[name]

    def _paired(self, trial: Trial) -> Judgement:
        kept = self._kept[trial.id]
        if trial.control is None:
            return kept.judgement
        control = self._kept.get(trial.control)
        if control is None or not control.judgement.valid:
            return kept.judgement
        pairing: Pairing = "unpaired"
        if control.trail is not None and kept.start is not None:
            pairing = "matched" if same_start(control.trail, kept.start) else "nondeterministic"
        passed = control.judgement.outcome == "success"
        return msgspec.structs.replace(kept.judgement, pairing=pairing, control_passed=passed)

    def _about(self) -> dict[str, Any]:
        plan = self._plan
        return {
            "plan": plan.hash,
            "agentbench": plan.agentbench,
            "profile": plan.profile,
            "seed": plan.seed,
            "trials_per_cell": plan.trials_per_cell,
            "clock": ", ".join(sorted(self._clocks)) or plan.clock,
            "sandbox": ", ".join(sorted(self._sandboxes)) or plan.sandbox,
        }

    def _counts(self, judgements: list[Judgement]) -> dict[str, int]:
        valid = sum(each.valid for each in judgements)
        counts = {
            "planned": len(self._trials),
            "valid": valid,
            "invalid": len(judgements) - valid,
            "missing": len(self._trials) - len(judgements),
        }
        return counts | ({"unplanned": self._unplanned} if self._unplanned else {})


def measure(plan: Plan, records: Iterable[TrialRecord], template: Template) -> tuple[list[Judgement], Measured]:
    """Judge the records of a run and measure it; the order of the records does not matter."""
    measuring = Measuring(plan, template)
    for record in records:
        measuring.add(record)
    return measuring.finish()


def _outcomes(judgements: Iterable[Judgement]) -> dict[str, int]:
    counts = Counter(each.outcome for each in judgements if each.valid)
    return {outcome: counts[outcome] for outcome in OUTCOMES}


def _faults(judgements: Iterable[Judgement]) -> dict[str, int]:
    """What became of the injections of valid trials, `noop` aside; injected = witnessed + ineffective."""
    landings = [landing for each in judgements if each.valid for landing in each.landings if landing.fault != NOOP]
    states = Counter(landing.state for landing in landings)
    return {
        "planned": len(landings),
        "injected": sum(landing.fired > 0 for landing in landings),
        "witnessed": states["witnessed"],
        "not_reached": states["not_reached"],
        "ineffective": states["ineffective"],
    }
