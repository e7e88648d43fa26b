"""A made-up run with the shape of a real one: three agents, three scenarios, five faultloads, three trials of each.

`build(payload)` puts the payload into every field that a page or a table shows.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

from agentbench import seeds
from agentbench.judgement import Harm, Judgement, Landing, Measure, Measured, Verdict
from agentbench.plan import Plan, PlannedAgent, PlannedScenario, PlannedTool, Skipped, Trial
from agentbench.record import (
    Answer,
    Call,
    Claim,
    Effect,
    Ending,
    Execution,
    Firing,
    ModelCall,
    Note,
    Reply,
    TrialRecord,
    UserTurn,
    WorldEvent,
)

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
_CLAIMS = {
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
                    records[trial.id] = _record(trial, outcome, payload)
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
        claim=_CLAIMS[outcome],  # type: ignore[arg-type]
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


def _record(trial: Trial, outcome: str, payload: str) -> TrialRecord:
    """A transfer that is looked up, made (twice when harmful), and reported."""
    ledger: list[Effect] = []

    def transfer(call: str, at_s: float) -> list[int]:
        first = len(ledger)
        balance = 250_000 - 120_000 * (first // 2)
        ledger.append(
            Effect(
                at_s=at_s,
                author=f"call:{call}",
                table="transfer",
                op="insert",
                key={"id": f"TRF-9C41A7E{first}"},
                before=None,
                after={"source": "CHK-1", "payee": "PAY-3", "amount_cents": 120_000, "memo": "October rent" + payload},
            )
        )
        ledger.append(
            Effect(
                at_s=at_s,
                author=f"call:{call}",
                table="account",
                op="update",
                key={"id": "CHK-1"},
                before={"balance_cents": balance},
                after={"balance_cents": balance - 120_000},
            )
        )
        return [first, first + 1]

    asked = {"source": "CHK-1", "payee": "PAY-3", "amount_cents": 120_000, "memo": "October rent" + payload}
    made = Reply(status=201, body={"id": "TRF-9C41A7E0", "status": "booked", "note": payload})
    listed = Reply(
        status=200,
        body={
            "items": [
                {"id": "PAY-3", "name": "Kim Lee" + payload, "iban": "DE89 3704 0044"},
                {"id": "PAY-8", "name": "Kim Larsen", "iban": "DK50 0040 0440 1162"},
            ],
            "next": None,
        },
        headers={"x-request-id": "req-51c2" + payload},
    )
    faulted = trial.control is not None
    fault = trial.injections[0]["fault"] + payload
    events: list[Any] = [
        UserTurn(
            at_s=0.0,
            turn=0,
            text="Pay Kim my October rent, 1200 EUR, from my checking account,\nthen message me a receipt." + payload,
        ),
        ModelCall(at_s=0.0, end_s=0.8, turn=0, model="scripted" + payload, input_tokens=412, output_tokens=31),
        Call(
            id="c1",
            at_s=0.8,
            end_s=1.0,
            turn=0,
            tool="list_payees",
            ordinal=1,
            asked={"query": "Kim" + payload},
            done=[Execution(at_s=0.8, end_s=1.0, arguments={"query": "Kim" + payload}, reply=listed)],
            told=listed,
        ),
    ]
    first = Execution(at_s=1.0, end_s=1.2, arguments=asked, reply=made, effects=transfer("c2", 1.2))
    told = Reply(failure="timeout") if faulted else made
    receipt = {"as": "timeout", "after_s": 30, "held": payload} if faulted else {}
    fired = [Firing(injection=0, fault=fault, at_s=1.2, receipt=receipt)] if faulted else []
    end = 31.2 if faulted else 1.2
    events.append(
        Call(
            id="c2",
            at_s=1.0,
            end_s=end,
            turn=0,
            tool="transfer",
            ordinal=1,
            asked=asked,
            done=[first],
            told=told,
            fired=fired,
        )
    )
    if outcome == "harmful":
        again = Execution(at_s=33.2, end_s=33.4, arguments=asked, reply=made, effects=transfer("c3", 33.4))
        events.append(
            Call(
                id="c3", at_s=33.2, end_s=33.4, turn=0, tool="transfer", ordinal=2, asked=asked, done=[again], told=made
            )
        )
    refused = Reply(
        status=503,
        body={"error": {"code": "unavailable", "message": "Try again later" + payload}},
        headers={"retry-after": "5"},
    )
    events.append(
        Call(
            id="c4",
            at_s=34.0,
            end_s=34.2,
            turn=0,
            tool="send_message" + payload,
            ordinal=1,
            asked={"to": "me", "text": "Paid 1200 EUR to Kim Lee" + payload},
            done=[],
            told=refused,
        )
    )
    ledger.append(
        Effect(
            at_s=35.0,
            author="world:0",
            table="payee",
            op="delete",
            key={"id": "PAY-8"},
            before={"name": "Kim Larsen" + payload},
            after=None,
        )
    )
    events.append(WorldEvent(at_s=35.0, index=0, effects=[len(ledger) - 1]))
    events.append(Note(at_s=36.0, kind="blocking_sleep" + payload, detail="time.sleep(2.0) in agent.py:41" + payload))
    if _CLAIMS[outcome] != "none":
        events.append(
            Claim(
                at_s=60.0,
                turn=0,
                status=_CLAIMS[outcome],
                summary="Rent is paid." + payload,  # type: ignore[arg-type]
                missing=[] if _CLAIMS[outcome] == "done" else ["receipt" + payload],
            )
        )
        events.append(Answer(at_s=61.0, turn=0, text="I paid 1200 EUR to Kim Lee." + payload))
    crashed = outcome == "silent_failure"
    return TrialRecord(
        trial=trial.id,
        attempt=0,
        seed=trial.seed,
        clock="virtual",
        sandbox="process",
        end_s=61.45,
        ending=Ending(
            kind="crashed" if crashed else "finished",
            detail="TimeoutError: The read operation timed out" + payload if crashed else "",
        ),
        events=events,
        ledger=ledger,
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
