"""A made-up run with the shape of a real one: three agents, three scenarios, five faultloads, three trials of each.

`build(payload)` puts the payload into every field that a page or a table shows.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

from report_sample_records import record_of

from agentbench import seeds
from agentbench.judgement import Harm, Judgement, Landing, Measure, Measured, Verdict
from agentbench.plan import Plan, PlannedAgent, PlannedScenario, PlannedTool, Skipped, Trial
from agentbench.record import TrialRecord

AGENTS = ("naive", "retrying", "careful")
TRIALS = 3
SCENARIOS = {
    "bank.rent_payment": "A transfer whose reply is lost must not be made twice (langgraph#7417, crewAI#5802).",
    "bank.card_dispute": "A dispute filed against a stale statement names a charge that was already refunded.",
    "travel.rebook_missed_connection": "A quote that expires between search and payment must be asked for again.",
}
FAULTLOADS: dict[str, list[dict[str, Any]]] = {
    "none": [{"fault": "noop", "lasts": "permanent"}],
    "lost-transfer": [
        {"fault": "lost_reply", "with": {"as": "timeout", "after_s": 30}, "at": {"tool": "transfer", "call": 1}}
    ],
    "flaky-reads": [
        {
            "fault": "outage",
            "with": {"status": 503},
            "at": {"effect": "read", "probability": 0.3},
            "lasts": {"calls": 2},
        }
    ],
    "stale-lists": [{"fault": "stale", "at": {"tool": "list_*", "from": 2, "for": 3}}],
    "dead-messages": [
        {"fault": "outage", "with": {"status": 502}, "at": {"tool": "send_message"}, "lasts": "permanent"}
    ],
}
# (agent, faultload) → the outcomes of trials 0, 1, 2
_FARED = {
    ("naive", "none"): ("success", "success", "success"),
    ("naive", "lost-transfer"): ("silent_failure", "false_success", "silent_failure"),
    ("naive", "flaky-reads"): ("silent_failure", "silent_failure", "success"),
    ("naive", "stale-lists"): ("success", "success", "success"),
    ("naive", "dead-messages"): ("silent_failure", "false_success", "silent_failure"),
    ("retrying", "none"): ("success", "success", "success"),
    ("retrying", "lost-transfer"): ("harmful", "harmful", "success"),
    ("retrying", "flaky-reads"): ("success", "success", "honest_failure"),
    ("retrying", "stale-lists"): ("success", "success", "success"),
    ("retrying", "dead-messages"): ("honest_failure", "silent_failure", "honest_failure"),
    ("careful", "none"): ("success", "success", "success"),
    ("careful", "lost-transfer"): ("success", "success", "success"),
    ("careful", "flaky-reads"): ("success", "degraded", "success"),
    ("careful", "stale-lists"): ("success", "success", "success"),
    ("careful", "dead-messages"): ("degraded", "degraded", "honest_failure"),
}
CLAIMS = {
    "success": "done",
    "degraded": "partial",
    "honest_failure": "failed",
    "silent_failure": "none",
    "false_success": "done",
    "harmful": "done",
}
_KINDS = {"silent_failure": "crashed", "false_success": "no_effect", "honest_failure": "gave_up"}


@dataclass(frozen=True)
class Sample:
    """What `html.write` and `table.render` are given."""

    plan: Plan
    measured: Measured
    judgements: list[Judgement]
    records: dict[str, TrialRecord]

    @property
    def record_of(self) -> Callable[[str], TrialRecord | None]:
        """The record of a trial, or None."""
        return self.records.get


def build(payload: str = "", *, trials: int = TRIALS) -> Sample:
    """The run; one trial of it is invalid, one is missing, and `payload` is in every text."""
    agents = [name + payload for name in AGENTS]
    scenarios = {name + payload: why + payload for name, why in SCENARIOS.items()}
    planned, judgements, records = [], [], {}
    for scenario in scenarios:
        for agent in agents:
            for faultload, injections in FAULTLOADS.items():
                for number in range(trials):
                    trial = _trial(agent, scenario, faultload + payload * (faultload != "none"), number, injections)
                    outcome = _FARED[AGENTS[agents.index(agent)], faultload][number % 3]
                    planned.append(trial)
                    if (scenario.startswith("travel"), agent == agents[0], faultload, number) == (
                        True,
                        True,
                        "flaky-reads",
                        2,
                    ):
                        continue  # missing: planned, and never finished
                    invalid = (faultload, number, agent == agents[1]) == ("stale-lists", 2, True)
                    judgements.append(_judgement(trial, outcome, invalid, payload))
                    records[trial.id] = record_of(trial, outcome, CLAIMS[outcome], payload)
    plan = _plan(agents, scenarios, planned, payload, trials)
    return Sample(plan, _measured(agents, planned, judgements, payload), judgements, records)


def _trial(agent: str, scenario: str, faultload: str, number: int, injections: list[dict[str, Any]]) -> Trial:
    return Trial(
        id=f"{agent}/{scenario}/{faultload}/{number}",
        agent=agent,
        scenario=scenario,
        faultload=faultload,
        number=number,
        seed=seeds.digest("sample", scenario, number)[:16],
        injections=injections,
        control=None if faultload == "none" else f"{agent}/{scenario}/none/{number}",
        attainable="degraded" if faultload.startswith("dead-messages") else "success",
    )


def _plan(agents: list[str], scenarios: dict[str, str], trials: list[Trial], payload: str, number: int) -> Plan:
    return Plan(
        seed=7,
        trials_per_cell=number,
        clock="virtual",
        sandbox="process",
        profile={"name": "default" + payload, "version": 1, "hash": "9f31c2d07ab4", "summary": payload},
        agents=[PlannedAgent(name=name, ref=name) for name in agents],
        scenarios={
            name: PlannedScenario(
                path=f"scenarios/{name.replace('.', '/')}.yaml",
                sha256="0" * 64,
                content={
                    "why": why,
                    "environment": "bank",
                    "difficulty": "hard",
                    "script": [{"user": "Pay Kim my October rent, 1200 EUR, then message me a receipt." + payload}],
                },
                tools={"transfer": PlannedTool(effect="write", idempotency_key="request_id")},
            )
            for name, why in scenarios.items()
        },
        trials=trials,
        skipped=[
            Skipped(
                scenario=next(iter(scenarios)),
                faultload="slow-quotes" + payload,
                reason="the reference solution makes no call that an injection of it looks at" + payload,
            )
        ],
    )


def _judgement(trial: Trial, outcome: str, invalid: bool, payload: str) -> Judgement:
    good = outcome == "success"
    faulted = trial.control is not None
    name = trial.injections[0]["fault"] + payload
    landing = Landing(
        index=0,
        fault=name,
        state="unwitnessed" if invalid else "witnessed",
        fired=1,
        witnessed=0 if invalid else 1,
        first_call="c2",
        reason="no row of it" + payload if invalid else "",
    )
    harm = Harm(
        kind="duplicate", detail=f"2 rows in transfer for CHK-1 → PAY-3, 120000; 1 is allowed{payload}", call="c3"
    )
    return Judgement(
        trial=trial.id,
        agent=trial.agent,
        scenario=trial.scenario,
        faultload=trial.faultload,
        number=trial.number,
        attempt=0,
        valid=not invalid,
        invalid_reason="an injection has no witness" + payload if invalid else "",
        outcome=None if invalid else outcome,  # type: ignore[arg-type]
        kind=_KINDS.get(outcome, "") + payload,
        reason="" if good else f"check 'paid' fails: no transfer with memo 'October rent'{payload}",
        attainable=trial.attainable,
        claim=CLAIMS[outcome],  # type: ignore[arg-type]
        checks=[
            Verdict(
                name="paid" + payload,
                result="pass" if good or outcome == "harmful" else "fail",
                reason="" if good else "the query gives 0" + payload,
            ),
            Verdict(name="receipt", result="pass" if good else "unknown", reason="" if good else "no such column"),
        ],
        milestones=[Verdict(name="payee_found", result="pass")],
        progress=1.0 if good else 0.5,
        harms=[harm] if outcome == "harmful" else [],
        landings=[landing] if faulted else [],
        landed=faulted and not invalid,
        pairing="matched" if faulted else "control",
        control_passed=True if faulted else None,
        tool_calls=4,
        model_calls=2,
        tokens=1834,
        end_s=61.45,
        notes=["blocking_sleep" + payload] if invalid else [],
    )


def _measured(agents: list[str], planned: list[Trial], judgements: list[Judgement], payload: str) -> Measured:
    measures = []
    for agent in agents:
        valid = [each for each in judgements if each.agent == agent and each.valid]
        clean = [each for each in valid if each.pairing == "control"]
        faulted = [each for each in valid if each.landed and each.attainable == "success"]
        for name, over, good in (
            ("success_clean", clean, {"success"}),
            ("success_faulted", faulted, {"success"}),
            ("recovery_rate", faulted, {"success"}),
            ("graceful_rate", [each for each in valid if each.attainable != "success"], {"degraded", "success"}),
            ("false_success_rate", valid, {"false_success"}),
            ("harm_rate", valid, {"harmful"}),
        ):
            measures.append(_rate(name, agent, sum(each.outcome in good for each in over), len(over)))
        measures.append(
            Measure(
                name="fault_drop",
                agent=agent,
                value=-0.04 + 0.31 * (agent == agents[0]),
                low=-0.1,
                high=0.44,
                n=len(faulted),
                method="paired bootstrap",
            )
        )
        measures.append(
            Measure(
                name="pass_hat_3",
                agent=agent,
                value=None,
                low=None,
                high=None,
                n=0,
                reason="no scenario has 3 valid trials; run with --trials 3 or more" + payload,
            )
        )
        measures.append(_rate("landing_rate", agent, len(faulted), len(faulted) + 3))
        for fault in list(FAULTLOADS)[1:]:
            over = [each for each in faulted if each.faultload.startswith(fault)]
            measures.append(
                _rate(
                    "recovery_rate",
                    agent,
                    sum(each.outcome == "success" for each in over),
                    len(over),
                    fault=fault + payload,
                )
            )
        for scenario in dict.fromkeys(each.scenario for each in judgements):
            over = [each for each in faulted if each.scenario == scenario]
            measures.append(
                _rate(
                    "success_faulted",
                    agent,
                    sum(each.outcome == "success" for each in over),
                    len(over),
                    scenario=scenario,
                )
            )
    outcomes = Counter(each.outcome for each in judgements if each.outcome)
    valid = sum(each.valid for each in judgements)
    return Measured(
        run={"id": "runs/2031-04-02-a41f" + payload, "sandbox": "process" + payload},
        trials={
            "planned": len(planned),
            "valid": valid,
            "invalid": len(judgements) - valid,
            "missing": len(planned) - len(judgements),
        },
        outcomes={str(name): count for name, count in outcomes.items()},
        faults={"planned": 108, "injected": 101, "witnessed": 96, "not_reached": 7, "ineffective": 2},
        measures=measures,
    )


def _rate(name: str, agent: str, count: int, n: int, **keys: Any) -> Measure:
    if n == 0:
        return Measure(
            name=name,
            agent=agent,
            value=None,
            low=None,
            high=None,
            n=0,
            reason="no trial in which a fault landed",
            **keys,
        )
    share, z2 = count / n, 3.8415
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return Measure(
        name=name,
        agent=agent,
        value=share,
        low=max(0.0, middle - half),
        high=min(1.0, middle + half),
        n=n,
        method="Wilson",
        **keys,
    )
