"""Trials in rows and cells."""

from types import ModuleType

import msgspec

from agentbench.report import tally


def test_every_planned_trial_is_in_one_row(sample: ModuleType) -> None:
    """Judged, invalid and missing trials together are the plan, in its order."""
    run = sample.build()
    rows = tally.rows(run.plan, run.judgements)
    assert [row.id for row in rows] == [trial.id for trial in run.plan.trials]
    counts = tally.standings(rows)
    assert counts["missing"] == 1
    assert counts["invalid"] == 3
    assert sum(counts.values()) == len(run.plan.trials)


def test_the_last_attempt_counts(sample: ModuleType) -> None:
    """Of two judgements of one trial the later attempt is shown, and the trial is counted once."""
    run = sample.build()
    again = msgspec.structs.replace(run.judgements[0], attempt=1, outcome="harmful")
    rows = tally.rows(run.plan, [again, *run.judgements])
    assert len(rows) == len(run.plan.trials)
    assert next(row for row in rows if row.id == again.trial).standing == "harmful"


def test_a_trial_the_plan_does_not_know_is_shown_too(sample: ModuleType) -> None:
    """A judgement without a planned trial is not dropped in silence."""
    run = sample.build()
    strange = msgspec.structs.replace(run.judgements[0], trial="other/x/y/0")
    assert tally.rows(run.plan, [*run.judgements, strange])[-1].id == "other/x/y/0"


def test_cells_keep_what_cannot_succeed_apart(sample: ModuleType) -> None:
    """Where the best attainable end is a degraded one, reaching it counts as graceful and never as a success."""
    run = sample.build()
    cells = tally.cells(tally.rows(run.plan, run.judgements))
    dead = cells["dead-messages", "careful"]
    assert (dead.success, dead.satisfiable, dead.graceful, dead.barred) == (0, 0, 6, 9)
    assert dead.worst == "honest_failure"
    lost = cells["lost-transfer", "retrying"]
    assert (lost.success, lost.satisfiable, lost.worst) == (3, 9, "harmful")
    assert cells["stale-lists", "retrying"].invalid == 3
    assert cells["flaky-reads", "naive"].missing == 1


def test_of_equally_common_ends_the_worse_is_named() -> None:
    """A tie between two ways to fall short is decided by severity."""
    cell = tally.Cell()
    cell.below.update({"silent_failure": 2, "harmful": 2, "honest_failure": 1})
    assert cell.worst == "harmful"


def test_uninformative_cells(sample: ModuleType) -> None:
    """Only faulted cells in which all agents fare the same are uninformative; invalid trials are left aside."""
    run = sample.build()
    found = tally.uninformative(tally.rows(run.plan, run.judgements))
    assert found == {(scenario, "stale-lists") for scenario in sample.SCENARIOS}


def test_one_agent_alone_is_never_uninformative(sample: ModuleType) -> None:
    """Without a second agent there is nothing to tell apart."""
    run = sample.build()
    rows = [row for row in tally.rows(run.plan, run.judgements) if row.agent == "naive"]
    assert tally.uninformative(rows) == set()
