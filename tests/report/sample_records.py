"""One made-up trial: a payee is looked up, a transfer is made (twice when harmful), and an answer is given."""

from typing import Any

from agentbench.plan import Trial
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


def record_of(trial: Trial, outcome: str, claim: str, payload: str) -> TrialRecord:
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
    if claim != "none":
        events.append(
            Claim(
                at_s=60.0,
                turn=0,
                status=claim,
                summary="Rent is paid." + payload,  # type: ignore[arg-type]
                missing=[] if claim == "done" else ["receipt" + payload],
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
