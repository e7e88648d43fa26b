"""The bank world under any sequence of calls, and its scenarios."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbench import plugins, scenario
from agentbench.calls import ToolCall
from agentbench.world import World

BANK = plugins.environment("bank")
SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios" / "bank").glob("*.yaml"))


def make_world(seed: int = 0, sql: str | None = None) -> World:
    return World(BANK.template(seed, sql), epoch=BANK.epoch, seed="test")


def books(world: World) -> dict[str, int]:
    """Per account, the balance less all postings: what it was before the first of them."""
    return {
        row["id"]: row["before"]
        for row in world.rows(
            "SELECT a.id, a.balance_cents - coalesce((SELECT sum(amount_cents) FROM posting WHERE account = a.id), 0) "
            "AS before FROM account a"
        )
    }


# -- properties over random calls ----------------------------------------------------------------------

_START = make_world()
_ACCOUNTS = st.sampled_from(["CHK-1", "SAV-1", "SAV-2", "JNT-1", "CHK-0", "NONE"])
_PAYEES = st.sampled_from([row["id"] for row in _START.rows("SELECT id FROM payee LIMIT 8")] + ["PAY-0"])
_CENTS = st.sampled_from([1, 999, 50_000, 400_000, 600_000, 5_000_000])
_CARDS = st.sampled_from([row["id"] for row in _START.rows("SELECT id FROM card")])
_ORDERS = st.sampled_from([row["id"] for row in _START.rows("SELECT id FROM standing_order")])
_WAITING = st.sampled_from([row["id"] for row in _START.rows("SELECT id FROM transfer WHERE status = 'scheduled'")])
_CHARGES = st.sampled_from([row["id"] for row in _START.rows("SELECT id FROM posting LIMIT 12")])
_KEYS = st.sampled_from([None, "k1", "k2"])
_TEXT = st.text(min_size=1, max_size=20).filter(lambda text: "\x00" not in text)


def _calls(tool: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(tool), st.fixed_dictionaries(arguments))


_PAYMENT = {"source": _ACCOUNTS, "payee": _PAYEES, "amount_cents": _CENTS, "memo": _TEXT}
ANY_CALL = st.one_of(
    _calls("transfer", **_PAYMENT, idempotency_key=_KEYS, execute_on=st.sampled_from([None, "2026-03-20"])),
    _calls("instant_transfer", **_PAYMENT),
    _calls("move_between_accounts", source=_ACCOUNTS, target=_ACCOUNTS, amount_cents=_CENTS, memo=_TEXT),
    _calls("cancel_transfer", transfer=_WAITING),
    _calls("create_payee", name=_TEXT, iban=st.sampled_from(["DE89370400440532013000", "DE00370400440532013000"])),
    _calls("create_standing_order", **_PAYMENT, day_of_month=st.integers(1, 28), idempotency_key=_KEYS),
    _calls("cancel_standing_order", standing_order=_ORDERS),
    _calls("freeze_card", card=_CARDS),
    _calls("unfreeze_card", card=_CARDS),
    _calls("order_replacement_card", card=_CARDS, idempotency_key=_KEYS),
    _calls("open_dispute", transaction=_CHARGES, reason=st.just("fraud"), description=_TEXT),
    _calls("send_message", to=st.sampled_from(["me", "support", "nobody"]), text=_TEXT),
    _calls("list_payees", query=_TEXT),
    _calls("get_statement", account=_ACCOUNTS, month=st.sampled_from(["2026-03", "2025-06", "2030-01"])),
)


@settings(max_examples=60, deadline=None)
@given(calls=st.lists(ANY_CALL, max_size=25))
def test_ledger_replays_to_the_same_state(calls: list[tuple[str, dict[str, Any]]]) -> None:
    """Whatever is called, the ledger applied to a fresh copy gives the same digest, and the books stay right."""
    world = make_world()
    start = books(world)
    for tool, arguments in calls:
        before = world.digest()
        result = BANK.execute(world, ToolCall(id="c", tool=tool, arguments=arguments), author="call:c", at_s=0.0)
        assert result.status in {200, 400, 402, 403, 404, 409, 422}
        if not result.ok:
            assert world.digest() == before
    copy = make_world()
    copy.replay(world.effects)
    assert copy.digest() == world.digest()
    assert books(world) == start
    assert world.value("SELECT count(*) FROM account WHERE balance_cents < -overdraft_cents") == 0


# -- scenarios -----------------------------------------------------------------------------------------


def test_there_are_enough_scenarios() -> None:
    """The bank comes with a suite, not with a sample."""
    assert len(SCENARIOS) >= 8


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario_fits_the_bank(path: Path) -> None:
    """Each file loads, calls tools that exist, and allows writes only to tables that exist."""
    loaded = scenario.load(path)
    world = make_world(loaded.given.seed, loaded.given.sql or None)
    steps = [step for top in loaded.reference for step in (top, *top.fallback)]
    called = {step.call for step in steps if step.call} | {step.verify.call for step in steps if step.verify}
    assert called <= set(BANK.tools)
    tables = {row["name"] for row in world.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert set(loaded.writes) <= tables
    for step in steps:
        if step.call and BANK.tools[step.call].spec.effect == "write":
            assert step.verify is not None, step.call
    for name, check in {**loaded.checks, **loaded.milestones, **loaded.never}.items():
        if check.sql:
            assert world.ask(check.sql) in (0, 1, None), name
    assert not any(world.ask(check.sql) for check in loaded.never.values() if check.sql)
