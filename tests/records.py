"""Builders of small plans and records over a two-table bank, for the tests of everything that judges."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import apsw
from hypothesis import strategies as st

from agentbench.judgement import Judgement
from agentbench.plan import Plan, PlannedAgent, PlannedScenario, PlannedTool, Trial
from agentbench.record import (
    Answer,
    Call,
    Claim,
    Effect,
    Ending,
    Event,
    Execution,
    Firing,
    Note,
    Reply,
    TrialRecord,
    UserTurn,
)  # fmt: skip
from agentbench.scenario import Scenario, dump, parse
from agentbench.world import World

EPOCH = datetime(2026, 3, 2, 9, tzinfo=UTC)
SCHEMA = """
CREATE TABLE account (id TEXT PRIMARY KEY, cents INTEGER NOT NULL) STRICT;
CREATE TABLE transfer (id TEXT PRIMARY KEY, payee TEXT, cents INTEGER) STRICT;
CREATE TABLE message (id TEXT PRIMARY KEY, text TEXT) STRICT;
CREATE TABLE _idempotency (key TEXT PRIMARY KEY, body TEXT) STRICT;
INSERT INTO account VALUES ('CHK', 250000)
"""
TOOLS = {
    "list_payees": PlannedTool(effect="read"),
    "transfer": PlannedTool(effect="write", idempotency_key="key"),
    "send_message": PlannedTool(effect="write"),
}
PAY = "INSERT INTO transfer (id, payee, cents) VALUES ('T{0}', 'Kim', 120000)"
DEBIT = "UPDATE account SET cents = cents - 120000 WHERE id = 'CHK'"
NOTIFY = "INSERT INTO message (id, text) VALUES ('M{0}', 'Paid 1200 EUR')"
DONE = Reply(status=200, body={"ok": True})
DOWN = Reply(status=503, body={"error": {"code": "service_unavailable"}})
LOST = Reply(failure="timeout")
NOOP = {"fault": "noop", "lasts": "permanent"}

CONTENT: dict[str, Any] = {
    "why": "A transfer whose reply is lost must not be made twice.",
    "environment": "bank",
    "script": [{"user": "Pay Kim 1200 EUR, then message me a receipt."}],
    "reference": [{"call": "transfer"}, {"call": "send_message", "optional": "receipt"}],
    "checks": {
        "paid": {"sql": "SELECT count(*) >= 1 FROM transfer WHERE cents = 120000", "known_as": ["rent"]},
        "receipt": {"sql": "SELECT count(*) >= 1 FROM message WHERE text LIKE '%1200%'"},
    },
    "milestones": {"looked_up": {"called": {"tool": "list_payees"}}},
    "never": {"overdrawn": {"sql": "SELECT count(*) > 0 FROM account WHERE cents < 0"}},
    "writes": {
        "transfer": {"key": ["payee", "cents"], "at_most": 1},
        "account": {"columns": ["cents"]},
        "message": {"at_most": 2},
    },
    "outcomes": {
        "success": ["paid", "receipt"],
        "degraded": [{"has": ["paid"], "missing": ["receipt"], "utility": 0.6}],
    },
}


@cache
def template() -> bytes:
    """The start state: one account with 2,500 EUR, no transfer, no message."""
    db = apsw.Connection(":memory:")
    db.execute(SCHEMA)
    return bytes(db.serialize("main"))


def scenario(**changes: Any) -> Scenario:
    """The bank scenario with some of its keys replaced."""
    return parse(CONTENT | changes)


def ledger(*changes: tuple[str, str]) -> list[Effect]:
    """The effects of SQL run by authors, one after another, as a real world enters them."""
    world = World(template(), epoch=EPOCH)
    for at_s, (author, sql) in enumerate(changes):
        with world.changing(author, float(at_s)):
            world.db.execute(sql)
    return world.effects


def paid(call: str = "c1", number: int = 1) -> list[tuple[str, str]]:
    """What one transfer changes."""
    return [(f"call:{call}", f"{PAY.format(number)}; {DEBIT}")]


def notified(call: str = "c2", number: int = 1) -> list[tuple[str, str]]:
    """What one message changes."""
    return [(f"call:{call}", NOTIFY.format(number))]


def execution(
    reply: Reply = DONE, *, at_s: float = 0.0, end_s: float = 0.2, effects: Sequence[int] = (), replica: bool = False
) -> Execution:
    """One execution that takes 0.2 s."""
    return Execution(at_s=at_s, end_s=end_s, arguments={}, reply=reply, effects=list(effects), replica=replica)


def fired(witness: str, *, injection: int = 0, fault: str = "outage", at_s: float = 0.0, **receipt: Any) -> Firing:
    """The receipt of a fault with the given kind of witness."""
    return Firing(injection=injection, fault=fault, at_s=at_s, receipt={"witness": witness, **receipt})


def call(
    tool: str = "transfer",
    *,
    id: str = "c1",
    told: Reply = DONE,
    done: Sequence[Execution] | None = None,
    fired: Sequence[Firing] = (),
    asked: Mapping[str, Any] | None = None,
    at_s: float = 0.0,
    end_s: float = 0.2,
    ordinal: int = 1,
) -> Call:
    """One call, by default executed once and answered as it was."""
    return Call(
        id=id,
        at_s=at_s,
        end_s=end_s,
        turn=0,
        tool=tool,
        ordinal=ordinal,
        asked=dict(asked or {}),
        done=[execution(told)] if done is None else list(done),
        told=told,
        fired=list(fired),
    )


def claim(status: Any = "done", *missing: str, summary: str = "") -> Claim:
    """What the agent says that it achieved."""
    return Claim(at_s=1.0, turn=0, status=status, summary=summary, missing=list(missing))


def trial(
    *injections: dict[str, Any],
    agent: str = "careful",
    scenario: str = "bank.rent",
    faultload: str = "lost",
    number: int = 0,
    attainable: Any = "success",
) -> Trial:
    """A trial of the plan: a control when no injection is given."""
    control = not injections
    name = "none" if control else faultload
    return Trial(
        id=f"{agent}/{scenario}/{name}/{number}",
        agent=agent,
        scenario=scenario,
        faultload=name,
        number=number,
        seed=f"seed-{scenario}-{number}",
        injections=[NOOP] if control else list(injections),
        control=None if control else f"{agent}/{scenario}/none/{number}",
        attainable=attainable,
    )


def record(
    of: Trial,
    *events: Event,
    changes: Sequence[tuple[str, str]] = (),
    ending: str = "finished",
    detail: str = "",
    attempt: int = 1,
    clock: Any = "virtual",
    answer: str = "",
) -> TrialRecord:
    """A record of the trial: a user turn, these events, and an answer if there is one."""
    said = [Answer(at_s=9.0, turn=0, text=answer)] if answer else []
    return TrialRecord(
        trial=of.id,
        attempt=attempt,
        seed=of.seed,
        clock=clock,
        sandbox="process",
        ending=Ending(kind=ending, detail=detail),
        end_s=10.0,
        events=[UserTurn(at_s=0.0, turn=0, text="Pay Kim."), *events, *said],
        ledger=ledger(*changes),
    )


def plan(*trials: Trial) -> Plan:
    """A plan of these trials, every scenario of them being the bank's."""
    planned = PlannedScenario(path="scenarios/bank/rent.yaml", sha256="0" * 64, content=dump(scenario()), tools=TOOLS)
    return Plan(
        seed=0,
        trials_per_cell=1,
        clock="auto",
        sandbox="process",
        profile={"name": "default", "version": 1, "hash": ""},
        agents=[PlannedAgent(name=name, ref=name) for name in dict.fromkeys(each.agent for each in trials)],
        scenarios={name: planned for name in dict.fromkeys(each.scenario for each in trials)},
        trials=list(trials),
        skipped=[],
    )


def judgement(outcome: Any = "success", **changes: Any) -> Judgement:
    """The judgement of a faulted trial whose fault landed and whose control passed."""
    values: dict[str, Any] = {
        "trial": "t", "agent": "careful", "scenario": "bank.rent", "faultload": "lost", "number": 0, "attempt": 1,
        "valid": outcome is not None, "outcome": outcome, "landed": True, "pairing": "matched", "control_passed": True,
    }  # fmt: skip
    return Judgement(**(values | changes))


# Whatever may stand in a record.
claims = st.builds(
    lambda status, missing, summary: claim(status, *missing, summary=summary),
    st.sampled_from(["done", "partial", "failed"]),
    st.lists(st.sampled_from(["paid", "receipt", "", "x\ny", "(", "\\"])),
    st.text(max_size=8),
)
struck = st.builds(
    lambda told, kind, index, end_s: call(told=told, fired=[fired(kind, injection=index)], end_s=end_s),
    st.sampled_from([DONE, DOWN, LOST]),
    st.sampled_from(["unchanged", "not_executed", "delayed", "reply_changed", ""]),
    st.integers(-1, 2),
    st.floats(0, 9),
)
events = st.lists(
    st.one_of(
        claims,
        struck,
        st.builds(call, st.sampled_from([*TOOLS, "?"])),
        st.builds(lambda text: Answer(at_s=1, turn=0, text=text), st.text(max_size=20)),
        st.just(Note(at_s=0, kind="n")),
    ),
    max_size=6,
)
