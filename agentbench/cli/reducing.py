"""The search for the smallest schedule and script under which a trial still fails in the same way.

Invariant: what is kept failed in the same way when it was executed, with every injection left in it witnessed and a
control that came out as the original's.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from agentbench import reduction, scenario, seeds
from agentbench.cli.failing import CannotShrink, Failure
from agentbench.cli.trying import Laboratory, Spent, Tried, under
from agentbench.errors import UsageError
from agentbench.judgement import Judgement
from agentbench.plan import Plan, Trial
from agentbench.record import TrialRecord, comparable
from agentbench.reduction import Data
from agentbench.shrink import Sequential, ddmin
from agentbench.witness import NOOP

SEEDS_MAX = 10  # under how many seeds the same hits are tried, where the trial's own cannot be had
REPLAYS = 2


@dataclass(frozen=True, kw_only=True)
class Case:
    """A scenario and the injections in it; `tried` is an execution in which it failed, when there was one."""

    content: dict[str, Any]
    injections: list[Data]
    tried: Tried | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """Equal for equal cases."""
        return seeds.digest(self.content, self.injections)


class Reducer:
    """Shrinks one failure for a file that will be the scenario `name`; `kept(case)` is told of each better case.

    `best` is the smallest case so far that a run of the file would show, None as long as there is none. `minimal` is
    true once nothing more can be left out of it. `test` decides for agents that do not repeat themselves.
    """

    def __init__(
        self, laboratory: Laboratory, failure: Failure, *, name: str, faultload: str, test: Sequential,
        kept: Callable[[Case, str], None], provable: Callable[[Path], bool],
    ) -> None:  # fmt: skip
        self.failure = failure
        self.best: Case | None = None
        self.minimal = False
        self.deterministic = True
        self.reused = 0
        self.accepted = 0
        self.seed = 1
        self.name = name
        self.faultload = faultload
        self._laboratory = laboratory
        self._test = test
        self._kept = kept
        self._provable = provable
        self._known: dict[str, Case | None] = {}
        self._controls: dict[str, bool] = {}
        self._plans: dict[str, Plan | None] = {}

    def run(self) -> None:
        """Shrink; raises `CannotShrink` when the failure does not come back, and `Spent` when trials are used up."""
        again = self._replayed()
        start = self._as_file(self._concrete(again))
        try:
            self._reduce(start)
        except Spent:
            return
        self.minimal = True

    def start_over(self) -> None:
        """The best case did not come back: the agent does not repeat itself, so nothing that was found counts."""
        self.deterministic, self.best, self.accepted = False, None, 0
        self._known.clear()
        self._controls.clear()
        self.run()

    def plan(self, case: Case) -> tuple[Plan, Trial] | None:
        """How a run of the file would execute a case; None for one that cannot be written."""
        if not reduction.together(case.injections):
            return None
        key = seeds.digest(case.content)
        if key not in self._plans:
            self._plans[key] = self._planned(case.content)
        plan = self._plans[key]
        return None if plan is None else (plan, self._trial(plan.trials[0], case.injections))

    # -- the original ----------------------------------------------------------------------------------

    def _replayed(self) -> Tried:
        """The failing trial executed again; whether two of them are equal tells how to decide from here on."""
        plan, trial = self.failure.plan, self.failure.trial
        tries = [self._laboratory.attempt(plan, trial) for _ in range(REPLAYS)]
        failed = [tried for tried in tries if self.failure.same(tried.judgement)]
        if len({_comparable(tried.record) for tried in tries}) > 1 or 0 < len(failed) < REPLAYS:
            self.deterministic = False
        if self.deterministic and not failed:
            raise CannotShrink(
                f"executed again, the trial ends as {_words(tries[0].judgement)} and not as "
                f"{_words(self.failure.judgement)}; agent, world or faults are not what they were"
            )
        while not self.deterministic and self._test.verdict(len(failed), len(tries) - len(failed)) == "open":
            tries.append(self._laboratory.attempt(plan, trial))
            failed += [tries[-1]] if self.failure.same(tries[-1].judgement) else []
        if self.deterministic or self._test.verdict(len(failed), len(tries) - len(failed)) == "accept":
            return failed[-1]
        raise CannotShrink(
            f"the agent does not repeat itself, and executed again the trial failed in the same way only "
            f"{len(failed)} times of {len(tries)}: too rarely for --p0 {self._test.p0:g} --p1 {self._test.p1:g}"
        )

    def _concrete(self, again: Tried) -> list[list[Data]]:
        """The injections that landed, as groups of single hits as far as the failure stays the same."""
        trial, record = self.failure.trial, again.record
        landed = {each.index for each in again.judgement.landings if each.state == "witnessed" and each.fault != NOOP}
        if not landed:
            raise CannotShrink("no fault landed in it, so that no fault is its cause")
        hits = reduction.struck(record, trial.injections)
        whole = [[each] for each in trial.injections]
        groups = [hits[index] for index in sorted(landed)]
        found = self._landed(groups)
        if found is not None:
            return found
        # One of them is more than its hits, such as a fault that remembers: the others may still be taken apart.
        groups = [whole[index] for index in sorted(landed)]
        for place, index in enumerate(sorted(landed)):
            changed = [*groups[:place], hits[index], *groups[place + 1 :]]
            groups = changed if self._together(changed) else groups
        found = self._landed(groups)
        if found is None:
            raise CannotShrink("without the injections that did not land, the trial does not fail in the same way")
        return found

    def _landed(self, groups: list[list[Data]]) -> list[list[Data]] | None:
        """The groups without the hits that nobody can see, None when the failure is another one then."""
        while True:
            tried = self._together(groups)
            if tried is None:
                return None
            unseen = {each.index for each in tried.judgement.landings if each.state != "witnessed"}
            if not unseen:
                return groups
            places = iter(range(sum(map(len, groups))))
            groups = [left for group in groups if (left := [hit for hit in group if next(places) not in unseen])]

    def _together(self, groups: Sequence[Sequence[Data]]) -> Tried | None:
        """An execution of the original trial under these hits in which it failed alike, with one seen at least."""
        if not reduction.together([hit for group in groups for hit in group]):
            return None
        return self._settled(self._original(groups), strict=False)

    def _original(self, groups: Sequence[Sequence[Data]]) -> tuple[Plan, Trial]:
        flat = [hit for group in groups for hit in group]
        return self.failure.plan, under(self.failure.trial, flat)

    def _as_file(self, groups: list[list[Data]]) -> list[list[Data]]:
        """Choose the seed under which a run of the file shows the failure."""
        flat = [hit for group in groups for hit in group]
        content = scenario.dump(scenario.parse(self.failure.plan.scenarios[self.failure.trial.scenario].content))
        content = {key: part for key, part in content.items() if key not in ("id", "faultload")}
        self._laboratory.plan(content, self.name, self.failure.plan, self.failure.agent, self.seed)  # raises if wrong
        for seed in dict.fromkeys([1, self.failure.plan.seed, *range(2, SEEDS_MAX)]):
            self.seed = seed
            self._plans.clear()
            self._known.clear()
            if self._fails(Case(content=content, injections=flat), "as single hits"):
                return groups
        raise CannotShrink(
            f"the failure comes back under the trial's own seed, and under none of {SEEDS_MAX} others: "
            "it hangs on what was drawn for this very trial; 'agentbench replay' executes it again"
        )

    # -- the search ------------------------------------------------------------------------------------

    def _reduce(self, groups: list[list[Data]]) -> None:
        """All steps again and again, until none of them finds anything."""
        self._leave_out(groups, "injections")
        before = ""
        while self.best is not None and before != self.best.key:
            before = self.best.key
            self._leave_out([[each] for each in self.best.injections], "hits")
            self._simplify()
            self._cut_script()

    def _leave_out(self, groups: list[list[Data]], what: str) -> None:
        best = self._current

        def fails(some: list[list[Data]]) -> bool:
            flat = [hit for group in some for hit in group]
            return bool(flat) and self._fails(Case(content=best.content, injections=flat), what)

        ddmin(groups, fails)

    def _simplify(self) -> None:
        for place in range(len(self._current.injections)):
            best = self._current

            def fails(changed: Data, best: Case = best, place: int = place) -> bool:
                injections = [*best.injections[:place], changed, *best.injections[place + 1 :]]
                return self._fails(Case(content=best.content, injections=injections), "parameters")

            reduction.simplified(best.injections[place], fails)

    def _cut_script(self) -> None:
        best = self._current
        first, *rest = best.content["script"]

        def fails(some: list[Any]) -> bool:
            case = Case(content={**best.content, "script": [first, *some]}, injections=best.injections)
            return self._fails(case, "script")

        ddmin(rest, fails)

    @property
    def _current(self) -> Case:
        assert self.best is not None  # the start failed, or there would be no search
        return self.best

    # -- one question ----------------------------------------------------------------------------------

    def _fails(self, case: Case, what: str) -> bool:
        """Whether a case fails in the same way; each is executed only once, and what does is the best so far."""
        if case.key in self._known:
            self.reused += 1
            self.best = self._known[case.key] or self.best
            return self._known[case.key] is not None
        tried = self._executed(case)
        self._known[case.key] = None
        if tried is not None:
            self.accepted += 1
            self.best = self._known[case.key] = dataclasses.replace(case, tried=tried)
            self._kept(self.best, what)
        return tried is not None

    def _executed(self, case: Case) -> Tried | None:
        planned = self.plan(case)
        if planned is None:
            return None
        tried = self._settled(planned)
        changed = self.best is not None and self.best.content != case.content
        if tried is None or (changed and not self._provable(self._laboratory.write(case.content, self.name))):
            return None
        return tried if self._control_holds(planned[0]) else None

    def _control_holds(self, plan: Plan) -> bool:
        control = plan.trials[0]
        key = seeds.digest(self.seed, plan.scenarios[self.name].content)
        if key not in self._controls:
            wanted = self.failure.control.outcome
            self._controls[key] = self._decided(plan, control, lambda judged: judged.outcome == wanted) is not None
        return self._controls[key]

    def _settled(self, planned: tuple[Plan, Trial], *, strict: bool = True) -> Tried | None:
        return self._decided(*planned, partial(self._same, strict=strict))

    def _same(self, judged: Judgement, *, strict: bool) -> bool:
        """`strict`: every injection must have landed; else one is enough."""
        states = [each.state == "witnessed" for each in judged.landings]
        return self.failure.same(judged) and (all(states) if strict else any(states))

    def _decided(self, plan: Plan, trial: Trial, good: Callable[[Judgement], bool]) -> Tried | None:
        """The last good execution of a trial if it comes out well: at once, or by the sequential test."""
        if self.deterministic:
            tried = self._laboratory.attempt(plan, trial)
            return tried if good(tried.judgement) else None
        found: list[Tried] = []
        total = 0
        while (verdict := self._test.verdict(len(found), total - len(found))) == "open":
            tried = self._laboratory.attempt(plan, trial)
            total += 1
            found += [tried] if good(tried.judgement) else []
        return found[-1] if verdict == "accept" else None

    # -- plans -----------------------------------------------------------------------------------------

    def _planned(self, content: dict[str, Any]) -> Plan | None:
        try:
            return self._laboratory.plan(content, self.name, self.failure.plan, self.failure.agent, self.seed)
        except UsageError:
            return None

    def _trial(self, control: Trial, injections: list[Data]) -> Trial:
        return under(
            control,
            injections,
            id=f"{control.agent}/{control.scenario}/{self.faultload}/{control.number}",
            faultload=self.faultload,
            control=control.id,
        )


def _comparable(record: TrialRecord) -> bytes:
    """What two executions of a trial are compared by; in real time instants never repeat, but the calls may."""
    if record.clock == "virtual":
        return comparable(record)
    calls = [(call.tool, call.asked, call.told.status, call.told.failure) for call in record.calls]
    return msgspec.json.encode([calls, record.ending.kind], order="deterministic")


def _words(judged: Judgement) -> str:
    return f"'{judged.outcome or 'invalid'}{f' ({judged.kind})' if judged.kind else ''}'"
