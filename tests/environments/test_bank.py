"""The bank world: its data, its tools, and what each of them leaves in the ledger."""

import hashlib
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbench import plugins
from agentbench.calls import ToolCall, ToolResult
from agentbench.world import World

BANK = plugins.environment("bank")
LISTS: list[tuple[str, dict[str, Any]]] = [
    ("list_accounts", {}),
    ("list_payees", {}),
    ("list_transfers", {}),
    ("list_transactions", {"account": "CHK-1"}),
    ("get_statement", {"account": "CHK-1", "month": "2025-06"}),
    ("list_standing_orders", {}),
    ("list_cards", {}),
    ("list_disputes", {}),
    ("list_messages", {}),
]


def make_world(seed: int = 0, sql: str | None = None) -> World:
    return World(BANK.template(seed, sql), epoch=BANK.epoch, seed="test")


def answer(world: World, tool: str, **arguments: Any) -> ToolResult:
    number = len(world.effects)
    return BANK.execute(world, ToolCall(id=f"c{number}", tool=tool, arguments=arguments), author="call:c", at_s=0.0)


def ask(world: World, tool: str, **arguments: Any) -> Any:
    result = answer(world, tool, **arguments)
    assert result.ok, result.body
    return result.body


def code(result: ToolResult) -> tuple[int | None, str]:
    return result.status, result.body["error"]["code"]


def payee_id(world: World, name: str) -> str:
    return str(world.value("SELECT id FROM payee WHERE name = ?", name))


def books(world: World) -> dict[str, int]:
    """Per account, the balance less all postings: what it was before the first of them."""
    return {
        row["id"]: row["before"]
        for row in world.rows(
            "SELECT a.id, a.balance_cents - coalesce((SELECT sum(amount_cents) FROM posting WHERE account = a.id), 0) "
            "AS before FROM account a"
        )
    }


# -- data ----------------------------------------------------------------------------------------------


def test_template_is_a_function_of_the_seed() -> None:
    """Two resets with one seed give the same bytes, in other processes too, and another seed gives other data."""
    program = "import hashlib; from agentbench import plugins; "
    program += "print(hashlib.sha256(plugins.environment('bank').template(3)).hexdigest())"
    elsewhere = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": salt}, check=True,
            capture_output=True, text=True,
        ).stdout.strip()
        for salt in ("1", "2")
    }  # fmt: skip
    assert elsewhere == {hashlib.sha256(BANK.template(3)).hexdigest()}
    assert make_world(3).digest() == make_world(3).digest()
    assert make_world(3).digest() != make_world(4).digest()


def test_world_is_rich_and_small() -> None:
    """There are enough rows to make looking up necessary, and few enough bytes to copy for each trial."""
    world = make_world()
    assert len(BANK.template(0)) < 150_000
    assert world.value("SELECT count(*) FROM payee") >= 60
    assert world.value("SELECT count(*) FROM posting") >= 400
    assert world.value("SELECT count(*) FROM payee WHERE name LIKE '%Kim%'") >= 3


@pytest.mark.parametrize("seed", range(4))
def test_data_is_consistent(seed: int) -> None:
    """Foreign keys hold, IBANs check out, and every name that scenarios use is there once, whatever the seed."""
    world = make_world(seed)
    assert world.rows("PRAGMA foreign_key_check") == []
    for row in world.rows("SELECT iban FROM payee UNION ALL SELECT iban FROM account"):
        text = row["iban"][4:] + row["iban"][:4]
        assert int("".join(str(int(char, 36)) for char in text)) % 97 == 1
    for name in ("Kim Lee", "Atelier Brandt", "Finanzamt Mitte", "Autohaus Solvent", "FitHaus City", "Volt Electric"):
        assert world.value("SELECT count(*) FROM payee WHERE name = ?", name) == 1
    assert all(before >= 0 for before in books(world).values())


def test_every_table_is_in_the_ledger() -> None:
    """Every table is STRICT and has a primary key, for only such tables give changesets that can be trusted."""
    world = make_world()
    tables = world.rows("PRAGMA table_list")
    own = [row for row in tables if row["schema"] == "main" and not row["name"].startswith("sqlite_")]
    assert len(own) >= 10
    for table in own:
        assert table["strict"] == 1, table["name"]
        assert any(column["pk"] for column in world.rows(f"PRAGMA table_info({table['name']})")), table["name"]


# -- tools ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(BANK.tools))
def test_tool_tells_an_agent_what_it_needs(name: str) -> None:
    """Every tool has a description, and so has each of its parameters."""
    spec = BANK.tools[name].spec
    assert len(spec.description) > 10
    for parameter, schema in spec.parameters.get("properties", {}).items():
        assert len(schema.get("description", "")) > 8, parameter


def test_writes_differ_in_how_a_repeat_is_safe() -> None:
    """Some writes take an idempotency key and some do not, or no scenario could tell careful from lucky."""
    writes = {name: tool.spec.idempotency_key for name, tool in BANK.tools.items() if tool.spec.effect == "write"}
    assert {name for name, key in writes.items() if key} == {
        "transfer",
        "create_standing_order",
        "order_replacement_card",
    }
    assert len(writes) > 6


def test_wrong_arguments_are_refused() -> None:
    """Unknown, missing and ill-typed arguments give 422 and leave nothing behind."""
    world = make_world()
    assert code(answer(world, "get_account")) == (422, "validation_error")
    assert code(answer(world, "get_account", account="CHK-1", verbose=True)) == (422, "validation_error")
    assert code(answer(world, "list_payees", limit="10")) == (422, "validation_error")
    assert code(answer(world, "list_payees", limit=51)) == (422, "validation_error")
    payment = {"source": "CHK-1", "payee": payee_id(world, "Kim Lee"), "memo": "x"}
    assert code(answer(world, "transfer", amount_cents=0, **payment)) == (422, "validation_error")
    assert world.effects == []


@settings(max_examples=40, deadline=None)
@given(listing=st.sampled_from(LISTS), limit=st.integers(1, 50))
def test_pages_cover_every_item_once(listing: tuple[str, dict[str, Any]], limit: int) -> None:
    """Following the cursors gives each item exactly once, `total` of them, whatever the size of a page."""
    tool, arguments = listing
    world = make_world()
    seen: list[str] = []
    cursor = None
    while True:
        body = ask(world, tool, **arguments, limit=limit, cursor=cursor)
        assert len(body["items"]) <= limit
        seen.extend(item["id"] for item in body["items"])
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == body["total"]


@pytest.mark.parametrize("cursor", ["", "c-5", "page2", "c1.5", "c" + "9" * 30, "c²"])
def test_unknown_cursor_is_refused(cursor: str) -> None:
    """A cursor that nobody handed out gives 400, never some page."""
    assert code(answer(make_world(), "list_payees", cursor=cursor)) == (400, "invalid_cursor")


def test_filters_narrow_a_list() -> None:
    """Queries look into names in any case, and dates bound both ends."""
    world = make_world()
    assert {item["name"] for item in ask(world, "list_payees", query="kIM")["items"]} == {
        "Kim Lee",
        "Kim Larsen",
        "Kim Leitner",
        "Lee Kimball",
    }
    june = ask(
        world, "list_transactions", account="CHK-1", query="Streamly", from_date="2025-06-01", to_date="2025-06-30"
    )
    assert june["total"] == 3
    assert ask(world, "list_payees", query="nobody has this name") == {"items": [], "next_cursor": None, "total": 0}


def test_redundant_reads_agree() -> None:
    """What one source says of a month, a balance or a transfer, the other says too."""
    world = make_world()
    statement = ask(world, "get_statement", account="CHK-1", month="2026-02", limit=50)
    listed = ask(world, "list_transactions", account="CHK-1", from_date="2026-02-01", to_date="2026-02-28", limit=50)
    assert statement["items"] == listed["items"][::-1]
    lines = sum(item["amount_cents"] for item in statement["items"])
    assert statement["closing_cents"] - statement["opening_cents"] == lines
    march = ask(world, "get_statement", account="CHK-1", month="2026-03")
    account = ask(world, "get_account", account="CHK-1")
    assert statement["closing_cents"] == march["opening_cents"]
    assert march["closing_cents"] == account["balance_cents"]
    assert account in ask(world, "list_accounts")["items"]
    first = ask(world, "list_transfers")["items"][0]
    assert ask(world, "get_transfer", transfer=first["id"]) == first


def test_a_transfer_moves_money_and_is_seen_everywhere() -> None:
    """A payment lowers the balance by its amount and shows among transfers and transactions."""
    world = make_world()
    payee = payee_id(world, "Kim Lee")
    before = ask(world, "get_account", account="CHK-1")["balance_cents"]
    made = ask(world, "transfer", source="CHK-1", payee=payee, amount_cents=1_250, memo="Cake")
    assert made["status"] == "completed"
    assert ask(world, "get_account", account="CHK-1")["balance_cents"] == before - 1_250
    assert ask(world, "list_transfers", query="cake")["items"][0]["id"] == made["id"]
    assert ask(world, "list_transactions", account="CHK-1", query="cake")["items"][0]["amount_cents"] == -1_250
    assert {effect.table for effect in world.effects} == {"transfer", "account", "posting"}


def test_idempotency_key_replays() -> None:
    """The same key and arguments pay once and answer alike; other arguments give 422; no key pays again."""
    world = make_world()
    payment = {"source": "CHK-1", "payee": payee_id(world, "Kim Lee"), "amount_cents": 5_000, "memo": "Once"}
    first = answer(world, "transfer", **payment, idempotency_key="k1")
    state = world.digest()
    again = answer(world, "transfer", **payment, idempotency_key="k1")
    assert again.body == first.body
    assert again.headers == {"Idempotent-Replayed": "true"}
    other = answer(world, "transfer", **{**payment, "amount_cents": 5_001}, idempotency_key="k1")
    assert code(other) == (422, "idempotency_conflict")
    assert world.digest() == state
    assert ask(world, "transfer", **payment)["id"] != first.body["id"]


@pytest.mark.parametrize("tool", ["transfer", "instant_transfer"])
def test_insufficient_funds_leave_no_effect(tool: str) -> None:
    """A payment that the balance does not cover gives 402, says how much there is, and changes nothing."""
    world = make_world(sql="UPDATE account SET balance_cents = 10000 WHERE id = 'CHK-1'")
    state = world.digest()
    payee = payee_id(world, "Kim Lee")
    result = answer(world, tool, source="CHK-1", payee=payee, amount_cents=10_001, memo="Too much")
    assert code(result) == (402, "insufficient_funds")
    assert result.body["error"]["balance_cents"] == 10_000
    assert world.digest() == state
    assert world.effects == []


def test_instant_transfer_charges_its_fee() -> None:
    """The other rail pays the same payee, for 50 cents more, and leaves the fee as a posting of its own."""
    world = make_world()
    before = ask(world, "get_account", account="CHK-1")["balance_cents"]
    payee = payee_id(world, "Kim Lee")
    made = ask(world, "instant_transfer", source="CHK-1", payee=payee, amount_cents=700, memo="Fast")
    assert (made["rail"], made["status"], made["fee_cents"]) == ("instant", "completed", 50)
    assert ask(world, "get_account", account="CHK-1")["balance_cents"] == before - 750
    assert [effect.table for effect in world.effects if effect.op == "insert"].count("posting") == 2


REFUSED: list[tuple[str, dict[str, Any], tuple[int, str]]] = [
    ("transfer", {"source": "NONE"}, (404, "not_found")),
    ("transfer", {"payee": "PAY-0"}, (404, "not_found")),
    ("transfer", {"source": "CHK-0"}, (409, "account_closed")),
    ("transfer", {"source": "SAV-1"}, (422, "source_not_allowed")),
    ("transfer", {"name": "Sparta Chess Club"}, (403, "payee_blocked")),
    ("transfer", {"amount_cents": 1_000_001}, (403, "limit_exceeded")),
    ("transfer", {"execute_on": "2026-03-01"}, (422, "invalid_date")),
    ("transfer", {"execute_on": "2026-04-31"}, (422, "invalid_date")),
    ("instant_transfer", {"amount_cents": 500_001, "source": "JNT-1"}, (403, "limit_exceeded")),
    ("instant_transfer", {"name": "Dr. Amara Okafor"}, (422, "instant_not_available")),
]


@pytest.mark.parametrize(("tool", "change", "expected"), REFUSED)
def test_payments_are_refused_for_cause(tool: str, change: dict[str, Any], expected: tuple[int, str]) -> None:
    """Each rule of the bank answers with its own status and code, and leaves nothing behind."""
    world = make_world()
    change = dict(change)
    payee = payee_id(world, change.pop("name", "Kim Lee"))
    payment = {"source": "CHK-1", "payee": payee, "amount_cents": 100, "memo": "x", **change}
    assert code(answer(world, tool, **payment)) == expected
    assert world.effects == []


def test_the_daily_limit_counts_what_was_paid() -> None:
    """Two payments that pass alone are refused together once they exceed the limit of the day."""
    world = make_world(sql="UPDATE account SET balance_cents = 2000000 WHERE id = 'CHK-1'")
    payment = {"source": "CHK-1", "payee": payee_id(world, "Kim Lee"), "memo": "x"}
    ask(world, "transfer", amount_cents=600_000, **payment)
    refused = answer(world, "transfer", amount_cents=400_001, **payment)
    assert refused.body["error"]["left_cents"] == 400_000
    ask(world, "transfer", amount_cents=400_000, **payment)
    assert ask(world, "get_profile")["used_today_cents"] == 1_000_000


def test_what_has_not_moved_money_can_be_cancelled() -> None:
    """A scheduled or unapproved transfer moves nothing and can be cancelled once; a completed one cannot."""
    world = make_world()
    start = books(world)
    payee = payee_id(world, "Kim Lee")
    large = ask(world, "transfer", source="JNT-1", payee=payee, amount_cents=600_000, memo="a")
    later = ask(world, "transfer", source="CHK-1", payee=payee, amount_cents=100, memo="b", execute_on="2026-03-09")
    done = ask(world, "transfer", source="CHK-1", payee=payee, amount_cents=100, memo="c")
    assert (large["status"], later["status"]) == ("awaiting_approval", "scheduled")
    assert world.value("SELECT count(*) FROM posting WHERE memo IN ('a', 'b')") == 0
    assert ask(world, "cancel_transfer", transfer=large["id"])["status"] == "cancelled"
    assert ask(world, "cancel_transfer", transfer=later["id"])["status"] == "cancelled"
    assert code(answer(world, "cancel_transfer", transfer=later["id"])) == (409, "not_cancellable")
    assert code(answer(world, "cancel_transfer", transfer=done["id"])) == (409, "not_cancellable")
    assert books(world) == start


def test_instant_rail_does_not_go_around_the_approval() -> None:
    """What needs the co-holder's approval on one rail cannot be sent on the other."""
    world = make_world(sql="UPDATE account SET approval_above_cents = 1000 WHERE id = 'JNT-1'")
    payment = {"source": "JNT-1", "payee": payee_id(world, "Kim Lee"), "amount_cents": 2_000, "memo": "x"}
    assert code(answer(world, "instant_transfer", **payment)) == (403, "approval_required")
    assert ask(world, "transfer", **payment)["status"] == "awaiting_approval"


def test_tools_without_a_key_do_it_again() -> None:
    """A repeat of a write that takes no key makes a second payee, dispute, message and move."""
    world = make_world()
    charge = ask(world, "list_transactions", account="CHK-1", query="Nordlicht Electronics")["items"][0]["id"]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("create_payee", {"name": "New", "iban": "DE89370400440532013000"}),
        ("open_dispute", {"transaction": charge, "reason": "fraud", "description": "Not mine."}),
        ("send_message", {"to": "me", "text": "Hello"}),
        ("move_between_accounts", {"source": "SAV-1", "target": "CHK-1", "amount_cents": 5, "memo": "m"}),
    ]
    for tool, arguments in calls:
        assert ask(world, tool, **arguments)["id"] != ask(world, tool, **arguments)["id"]
    assert ask(world, "list_disputes", transaction=charge)["total"] == 2


def test_cards_follow_their_states() -> None:
    """Freezing may be repeated; a replacement needs a frozen card, comes once per key; expired cards stay."""
    world = make_world()
    cards = {item["last4"]: item["id"] for item in ask(world, "list_cards")["items"]}
    assert code(answer(world, "order_replacement_card", card=cards["4417"])) == (409, "card_not_frozen")
    ask(world, "freeze_card", card=cards["4417"])
    effects = len(world.effects)
    ask(world, "freeze_card", card=cards["4417"])
    assert len(world.effects) == effects
    new = ask(world, "order_replacement_card", card=cards["4417"], idempotency_key="k")
    assert ask(world, "order_replacement_card", card=cards["4417"], idempotency_key="k") == new
    assert (new["status"], new["replaces"]) == ("ordered", cards["4417"])
    assert ask(world, "unfreeze_card", card=cards["4417"])["status"] == "active"
    assert code(answer(world, "freeze_card", card=cards["8810"])) == (409, "card_not_usable")


def test_only_recent_card_charges_can_be_disputed() -> None:
    """Transfers and charges of more than 13 months ago are refused."""
    world = make_world(sql="UPDATE posting SET booked_at = '2025-01-31T10:00:00Z' WHERE memo = 'Streamly Music'")
    rent = world.value("SELECT id FROM posting WHERE kind = 'transfer' LIMIT 1")
    old = world.value("SELECT id FROM posting WHERE memo = 'Streamly Music' LIMIT 1")
    case = {"reason": "fraud", "description": "x"}
    assert code(answer(world, "open_dispute", transaction=rent, **case)) == (422, "not_disputable")
    assert code(answer(world, "open_dispute", transaction=old, **case)) == (422, "dispute_window_closed")
    assert code(answer(world, "open_dispute", transaction="TX-0", **case)) == (404, "not_found")


def test_standing_orders_begin_and_end() -> None:
    """A standing order can be ended once, and a made one is listed."""
    world = make_world()
    order = ask(
        world, "create_standing_order", source="CHK-1", payee=payee_id(world, "Kim Lee"), amount_cents=5, memo="Zebra",
        day_of_month=1,
    )  # fmt: skip
    assert ask(world, "list_standing_orders", query="zebra")["total"] == 1
    assert ask(world, "cancel_standing_order", standing_order=order["id"])["status"] == "cancelled"
    assert code(answer(world, "cancel_standing_order", standing_order=order["id"])) == (409, "not_cancellable")


def test_an_iban_is_checked() -> None:
    """A payee with a mistyped IBAN is refused."""
    for iban in ("DE88370400440532013000", "DE8937040044053201300Ü", "0089370400440532013000"):
        assert code(answer(make_world(), "create_payee", name="X", iban=iban)) == (422, "invalid_iban")


def test_messages_are_sent_and_found() -> None:
    """A message goes to me, to support or to a payee, is found among the sent ones, and to nobody else."""
    world = make_world()
    payee = payee_id(world, "Kim Lee")
    for to in ("me", "support", payee):
        ask(world, "send_message", to=to, text="Walrus")
    assert ask(world, "list_messages", folder="sent", query="walrus")["total"] == 3
    assert ask(world, "list_messages", query="walrus")["total"] == 1
    assert code(answer(world, "send_message", to="somebody", text="x")) == (404, "not_found")
