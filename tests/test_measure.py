"""Measuring a run: attempts, pairs, missing trials, counts, and that it is fast and keeps no records."""

import subprocess
import sys
import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.measure import Measuring, measure
from tests import records
from tests.records import DONE, DOWN, call, claim, execution, fired, notified, paid, plan, record, trial

OUTAGE = {"fault": "outage", "at": {"tool": "transfer"}}
BOTH = [*paid(), *notified()]
NOOPED = call(fired=[fired("unchanged", fault="noop")])
STRUCK = call(told=DOWN, done=[], fired=[fired("not_executed")])


def template(_scenario):
    """The start state of every scenario."""
    return records.template()


def run(trials, made):
    """The judgements by trial, and the measures."""
    found, measured = measure(plan(*trials), made, template)
    return {each.trial: each for each in found}, measured


def pair(number=0, **changes):
    """A control and its faulted twin."""
    return trial(number=number, **changes), trial(OUTAGE, number=number, **changes)


def good(of, **parts):
    """A record of a trial that reached its goals and said so."""
    return record(of, NOOPED, claim("done"), changes=BOTH, **parts)


def bad(of, **parts):
    """A record of a trial that an outage ended."""
    return record(of, STRUCK, claim("failed"), **parts)


def test_a_pair_is_matched_with_its_control():
    """The faulted trial knows that its control passed and that both started alike."""
    clean, faulted = pair()
    found, measured = run([clean, faulted], [good(clean), bad(faulted)])
    assert (found[clean.id].outcome, found[clean.id].pairing, found[clean.id].control_passed) == (
        "success",
        "control",
        None,
    )
    twin = found[faulted.id]
    assert (twin.outcome, twin.pairing, twin.control_passed, twin.landed) == ("honest_failure", "matched", True, True)
    assert measured.trials == {"planned": 2, "valid": 2, "invalid": 0, "missing": 0}
    assert measured.outcomes == {
        "success": 1, "degraded": 0, "honest_failure": 1, "silent_failure": 0, "false_success": 0, "harmful": 0,
    }  # fmt: skip
    assert measured.faults == {"planned": 1, "injected": 1, "witnessed": 1, "not_reached": 0, "ineffective": 0}
    assert measured.run["plan"] == plan(clean, faulted).hash
    assert (measured.run["clock"], measured.run["sandbox"]) == ("virtual", "process")


def test_a_pair_that_starts_differently_is_nondeterministic():
    """An event that only one of the two has before the fault marks the pair, and the control still counts."""
    clean, faulted = pair()
    other = record(clean, call("list_payees", id="c1"), call(id="c2", at_s=0.2, end_s=0.4), claim("done"), changes=BOTH)
    found, _ = run([clean, faulted], [other, bad(faulted)])
    assert (found[faulted.id].pairing, found[faulted.id].control_passed) == ("nondeterministic", True)


def test_a_failed_control_is_known():
    """A control without success is known as such, so that recovery leaves the pair out."""
    clean, faulted = pair()
    found, measured = run([clean, faulted], [record(clean, NOOPED), bad(faulted)])
    assert found[faulted.id].control_passed is False
    recovery = next(each for each in measured.measures if each.name == "recovery_rate")
    assert (recovery.value, recovery.reason) == (None, "no trial with a landed fault has a control that passed")


def test_a_pair_without_a_valid_control_is_unpaired():
    """A control that is missing or invalid leaves the faulted trial unpaired."""
    clean, faulted = pair()
    for controls in ([], [good(clean, ending="testbed")]):
        found, measured = run([clean, faulted], [*controls, bad(faulted)])
        assert (found[faulted.id].pairing, found[faulted.id].control_passed) == ("unpaired", None)
        assert measured.trials["missing"] == (not controls)
        assert measured.trials["invalid"] == len(controls)


def test_the_last_attempt_that_the_testbed_did_not_break_counts():
    """Attempts come in any order; a broken one counts only if there is no other, and no attempt counts twice."""
    of = trial()
    broken = [record(of, ending="testbed", detail=f"no. {n}", attempt=n) for n in (1, 4)]
    fine = [good(of, attempt=2), record(of, claim("failed"), attempt=3)]
    for made in ([*broken, *fine], [*fine, *broken], [fine[1], broken[1], fine[0], fine[1], broken[0]]):
        found, measured = run([of], made)
        assert (found[of.id].attempt, found[of.id].outcome) == (3, "honest_failure")
        assert measured.trials == {"planned": 1, "valid": 1, "invalid": 0, "missing": 0}
    found, measured = run([of], broken)
    assert found[of.id].invalid_reason == "the testbed failed: no. 4"
    assert measured.trials == {"planned": 1, "valid": 0, "invalid": 1, "missing": 0}
    assert sum(measured.outcomes.values()) == 0


def test_records_that_the_plan_does_not_know_are_counted_apart():
    """A record of another plan is not judged, and said to be there."""
    found, measured = run([trial()], [good(trial()), good(trial(number=9))])
    assert len(found) == 1
    assert measured.trials == {"planned": 1, "valid": 1, "invalid": 0, "missing": 0, "unplanned": 1}


def test_an_empty_run_is_measured():
    """With no record at all everything is missing and every measure undefined."""
    clean, faulted = pair()
    found, measured = run([clean, faulted], [])
    assert found == {}
    assert measured.trials == {"planned": 2, "valid": 0, "invalid": 0, "missing": 2}
    assert all(each.value is None and each.reason for each in measured.measures)


def test_faults_count_only_valid_trials():
    """Injections of invalid trials are not among the counted ones; the others add up."""
    unmet = {"fault": "outage", "at": {"tool": "freeze_card"}}
    trials = [trial(unmet if number == 2 else OUTAGE, number=number) for number in range(4)]
    refused = call(fired=[fired("not_executed")])  # it says that it was not executed, and it was
    made = [bad(trials[0]), record(trials[1], refused), record(trials[2], call()), record(trials[3], ending="testbed")]
    found, measured = run(trials, made)
    assert [found[each.id].valid for each in trials] == [True, False, True, False]
    assert measured.faults == {"planned": 2, "injected": 1, "witnessed": 1, "not_reached": 1, "ineffective": 0}


def test_judgements_come_in_the_order_of_the_plan():
    """Whatever the order of the records, the judgements and measures are the same."""
    trials = [each for number in range(3) for each in pair(number)]
    made = [good(each) if each.control is None else bad(each) for each in trials]
    first, last = measure(plan(*trials), made, template), measure(plan(*trials), made[::-1], template)
    assert first == last
    assert [each.trial for each in first[0]] == [each.id for each in trials]


@given(st.permutations(range(8)), st.integers(0, 8))
def test_any_order_and_any_part_adds_up(order, kept):
    """Valid, invalid and missing trials add up to the planned ones for any part of the records in any order."""
    trials = [each for number in range(4) for each in pair(number)]
    made = [good(each) if each.control is None else bad(each) for each in trials]
    made[3] = record(trials[3], ending="testbed")
    _, measured = run(trials, [made[place] for place in order[:kept]])
    counts = measured.trials
    assert counts["valid"] + counts["invalid"] + counts["missing"] == counts["planned"] == 8
    assert sum(measured.outcomes.values()) == counts["valid"]


def test_judgements_are_given_as_records_come():
    """A caller that shows progress gets each judgement at once, and None for what does not count."""
    of = trial()
    measuring = Measuring(plan(of), template)
    assert measuring.add(good(of, attempt=2)).outcome == "success"
    assert measuring.add(record(of, attempt=1)) is None
    assert measuring.add(good(trial(number=5))) is None


def test_the_start_state_is_asked_for_once_per_scenario():
    """However many trials there are, each scenario's start state is made once."""
    asked = []
    trials = [trial(number=number, scenario=name) for number in range(5) for name in ("bank.a", "bank.b")]
    measure(plan(*trials), map(good, trials), lambda name: asked.append(name) or records.template())
    assert sorted(asked) == ["bank.a", "bank.b"]


def test_measures_survive_json():
    """What is measured can be written and read as JSON, judgements too."""
    clean, faulted = pair()
    found, measured = measure(plan(clean, faulted), [good(clean), bad(faulted)], template)
    assert msgspec.json.decode(msgspec.json.encode(measured), type=type(measured)) == measured
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[type(found[0])]) == found


def test_records_are_not_kept():
    """Judging a thousand trials with large replies keeps little of each."""
    trials = [each for number in range(500) for each in pair(number)]
    big = msgspec.structs.replace(DONE, body={"items": ["x" * 1000] * 50})

    def made():
        for each in trials:
            whole = good(each) if each.control is None else bad(each)
            reading = call("list_payees", id="c9", told=big, done=[execution(big)], at_s=5, end_s=6)
            yield msgspec.structs.replace(whole, events=[*whole.events, reading])

    measuring = Measuring(plan(*trials), template)
    stream = made()
    measuring.add(next(stream))
    tracemalloc.start()
    for each in stream:
        measuring.add(each)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / len(trials) < 10_000


@pytest.mark.parametrize("module", ["measure", "metrics", "outcomes"])
def test_measuring_imports_nothing_heavy(module):
    """A stored run can be measured where neither LangGraph nor Docker is installed, without execution or faults."""
    code = (
        f"import sys, agentbench.{module}\n"
        "heavy = ('langgraph', 'langchain', 'docker', 'scipy', 'numpy', 'agentbench.gateway', 'agentbench.runner',\n"
        "         'agentbench.trial', 'agentbench.worker', 'agentbench.faults.', 'agentbench.adapters.')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
