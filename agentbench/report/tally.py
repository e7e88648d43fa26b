"""Trials put in rows and cells and counted, so that they can be laid out; no share is computed here.

Invariant: every planned trial is in exactly one row, whether it was judged, invalid or is missing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from agentbench.judgement import OUTCOMES, Judgement
from agentbench.plan import CONTROL, Plan, Trial

Standing: TypeAlias = Literal[
    "success", "degraded", "honest_failure", "silent_failure", "false_success", "harmful", "invalid", "missing"
]
STANDINGS: tuple[Standing, ...] = (*OUTCOMES, "invalid", "missing")
WORST_FIRST: tuple[Standing, ...] = (
    "harmful", "false_success", "silent_failure", "invalid", "honest_failure", "degraded", "success",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One trial with what became of it."""

    id: str
    agent: str
    scenario: str
    faultload: str
    number: int
    attainable: str
    planned: Trial | None
    judgement: Judgement | None

    @property
    def standing(self) -> Standing:
        """The outcome, or `invalid`, or `missing` when there is no judgement."""
        if self.judgement is None:
            return "missing"
        return self.judgement.outcome if self.judgement.valid and self.judgement.outcome else "invalid"

    @property
    def control(self) -> bool:
        """Whether this is a control trial."""
        return self.faultload == CONTROL

    @property
    def reached(self) -> bool:
        """Whether the trial ended at least as well as could be had."""
        return self.standing in OUTCOMES and WORST_FIRST.index(self.standing) >= _rank(self.attainable)


def _rank(attainable: str) -> int:
    for index, standing in enumerate(WORST_FIRST):
        if standing == attainable:
            return index
    return len(WORST_FIRST) - 1


def rows(plan: Plan, judgements: Iterable[Judgement]) -> list[Row]:
    """Every trial in the order of the plan, judged by its last attempt; what the plan does not know comes last."""
    last: dict[str, Judgement] = {}
    for each in judgements:
        if each.trial not in last or last[each.trial].attempt <= each.attempt:
            last[each.trial] = each
    found = [
        Row(each.id, each.agent, each.scenario, each.faultload, each.number, each.attainable, each, last.get(each.id))
        for each in plan.trials
    ]
    planned = {each.id for each in plan.trials}
    found.extend(
        Row(each.trial, each.agent, each.scenario, each.faultload, each.number, each.attainable, None, each)
        for each in last.values()
        if each.trial not in planned
    )
    return found


def agents(plan: Plan, trials: Sequence[Row]) -> list[str]:
    """The agents in the order of the plan."""
    return list(dict.fromkeys([*(each.name for each in plan.agents), *(row.agent for row in trials)]))


def faultloads(trials: Sequence[Row]) -> list[str]:
    """The faultloads in the order of the plan, the control first."""
    names = dict.fromkeys(row.faultload for row in trials)
    return [name for name in names if name == CONTROL] + [name for name in names if name != CONTROL]


def standings(trials: Iterable[Row]) -> dict[Standing, int]:
    """How many trials stand where, every standing named."""
    counted = Counter(row.standing for row in trials)
    return {standing: counted[standing] for standing in STANDINGS}


@dataclass(slots=True)
class Cell:
    """One agent under one faultload.

    `success` of `satisfiable` trials where success can be had; `graceful` of `barred` trials where it cannot and
    the best that can be had was reached. `below` counts what became of the trials that fell short.
    """

    success: int = 0
    satisfiable: int = 0
    graceful: int = 0
    barred: int = 0
    invalid: int = 0
    missing: int = 0
    landed: int = 0
    below: Counter[Standing] = field(default_factory=Counter)

    @property
    def worst(self) -> Standing | None:
        """The commonest way to fall short; of two equally common ones the worse."""
        if not self.below:
            return None
        return max(self.below, key=lambda standing: (self.below[standing], -WORST_FIRST.index(standing)))

    def add(self, row: Row) -> None:
        """Count one trial."""
        if row.standing == "missing":
            self.missing += 1
        elif row.standing == "invalid":
            self.invalid += 1
        else:
            self._add_valid(row)

    def _add_valid(self, row: Row) -> None:
        self.landed += bool(row.judgement and row.judgement.landed)
        if row.attainable == "success":
            self.satisfiable += 1
            self.success += row.reached
        else:
            self.barred += 1
            self.graceful += row.reached
        if not row.reached:
            self.below[row.standing] += 1


def cells(trials: Iterable[Row]) -> dict[tuple[str, str], Cell]:
    """The cells of the matrix by faultload and agent."""
    found: dict[tuple[str, str], Cell] = defaultdict(Cell)
    for row in trials:
        found[row.faultload, row.agent].add(row)
    return dict(found)


def uninformative(trials: Iterable[Row]) -> set[tuple[str, str]]:
    """Scenario and faultload of the faulted cells in which no two agents fare differently.

    Trials of one number share their seed, so they are compared number by number, valid ones only. Cells in which
    no two agents can be compared are not in it.
    """
    fared: dict[tuple[str, str], dict[int, dict[str, Standing]]] = defaultdict(lambda: defaultdict(dict))
    for row in trials:
        if not row.control and row.standing in OUTCOMES:
            fared[row.scenario, row.faultload][row.number][row.agent] = row.standing
    found = set()
    for key, by_number in fared.items():
        compared = [by_agent for by_agent in by_number.values() if len(by_agent) > 1]
        if compared and all(len(set(by_agent.values())) == 1 for by_agent in compared):
            found.add(key)
    return found
