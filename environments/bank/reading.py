"""The tools that only look.

Invariant: none of them writes, and every list has a fixed order, so that pages join without gaps.
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from agentbench.answers import Page
from agentbench.environment import ApiError, page
from agentbench.world import World

from .answers import (
    AccountView,
    CardView,
    DisputeView,
    ListedStandingOrder,
    MessageView,
    PayeeView,
    Profile,
    Session,
    Statement,
    TransactionView,
    TransferView,
)
from .definition import DATE, AccountId, Cursor, Filter, Limit, PayeeId, Query, dispute_view, environment, found, today

_TRANSFER = (
    "SELECT t.id, t.source, t.payee, p.name AS payee_name, t.amount_cents, t.fee_cents, t.memo, t.rail, t.status, "
    "t.execute_on, t.created_at FROM transfer t JOIN payee p ON p.id = t.payee"
)
_STANDING = (
    "SELECT s.id, s.source, s.payee, p.name AS payee_name, s.amount_cents, s.memo, s.day_of_month, s.status "
    "FROM standing_order s JOIN payee p ON p.id = s.payee"
)
_POSTING = "SELECT id, account, booked_at, amount_cents, kind, counterparty, memo, card FROM posting"

FromDate = Annotated[str | None, Field(pattern=DATE, description="First day, YYYY-MM-DD.")]
ToDate = Annotated[str | None, Field(pattern=DATE, description="Last day, YYYY-MM-DD, included.")]


@environment.tool(effect="read", latency_s=0.2)
def renew_session(world: World) -> Session:
    """Renew the credentials of this client, when a call was refused because they have expired."""
    return {"status": "active", "expires_at": (world.now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}


@environment.tool(effect="read", latency_s=0.15)
def get_profile(world: World) -> Profile:
    """Who the customer is, the limit on payments per day, how much of it is used, and today's date."""
    profile = world.row("SELECT * FROM customer")
    assert profile is not None
    return {**profile, "used_today_cents": used_today(world), "today": today(world)}


@environment.tool(effect="read", latency_s=0.2)
def list_accounts(world: World, limit: Limit = 10, cursor: Cursor = None) -> Page[AccountView]:
    """All accounts of the customer with their balances."""
    return page(world.rows("SELECT * FROM account ORDER BY id"), limit=limit, cursor=cursor)


@environment.tool(effect="read", latency_s=0.15)
def get_account(world: World, account: AccountId) -> AccountView:
    """One account: kind, IBAN, balance and status."""
    return found(world, "account", account)


@environment.tool(effect="read", latency_s=0.25)
def list_payees(world: World, query: Query = None, limit: Limit = 10, cursor: Cursor = None) -> Page[PayeeView]:
    """Saved payees in the order of their names, with ids and IBANs. `query` looks into names and categories."""
    wanted = Filter().add("instr(lower(name || ' ' || category), lower(?)) > 0", query)
    return page(wanted.rows(world, "SELECT * FROM payee", "name, id"), limit=limit, cursor=cursor)


@environment.tool(effect="read", latency_s=0.15)
def get_payee(world: World, payee: PayeeId) -> PayeeView:
    """One payee: name, IBAN, whether instant transfers reach it, and when it was last changed."""
    return found(world, "payee", payee)


@environment.tool(effect="read", latency_s=0.3)
def list_transfers(
    world: World,
    source: Annotated[str | None, Field(max_length=40, description="Only from this account.")] = None,
    payee: Annotated[str | None, Field(max_length=40, description="Only to this payee id.")] = None,
    status: Annotated[
        Literal["completed", "scheduled", "awaiting_approval", "cancelled", "rejected"] | None,
        Field(description="Only in this state."),
    ] = None,
    query: Query = None,
    from_date: FromDate = None,
    to_date: ToDate = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[TransferView]:
    """Payments to payees on both rails, the latest first. `query` looks into memo and payee name."""
    wanted = (
        Filter()
        .add("t.source = ?", source)
        .add("t.payee = ?", payee)
        .add("t.status = ?", status)
        .add("instr(lower(t.memo || ' ' || p.name), lower(?)) > 0", query)
        .add("substr(t.created_at, 1, 10) >= ?", from_date)
        .add("substr(t.created_at, 1, 10) <= ?", to_date)
    )
    return page(wanted.rows(world, _TRANSFER, "t.created_at DESC, t.id DESC"), limit=limit, cursor=cursor)


@environment.tool(effect="read", latency_s=0.15)
def get_transfer(
    world: World,
    transfer: Annotated[str, Field(max_length=40, description="Id of the transfer.")],
) -> TransferView:
    """One payment with its present state."""
    found(world, "transfer", transfer)
    return world.row(f"{_TRANSFER} WHERE t.id = ?", transfer)


@environment.tool(effect="read", latency_s=0.35)
def list_transactions(
    world: World,
    account: AccountId,
    query: Query = None,
    from_date: FromDate = None,
    to_date: ToDate = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[TransactionView]:
    """What was booked on an account, the latest first; negative is money out. `query`: counterparty or memo."""
    found(world, "account", account)
    wanted = (
        Filter()
        .add("account = ?", account)
        .add("instr(lower(counterparty || ' ' || memo), lower(?)) > 0", query)
        .add("substr(booked_at, 1, 10) >= ?", from_date)
        .add("substr(booked_at, 1, 10) <= ?", to_date)
    )
    return page(wanted.rows(world, _POSTING, "booked_at DESC, id DESC"), limit=limit, cursor=cursor)


@environment.tool(effect="read", latency_s=0.6)
def get_statement(
    world: World,
    account: AccountId,
    month: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="Month, YYYY-MM.")],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Statement:
    """The statement of one month, the earliest line first, with opening and closing balance in cents."""
    balance = found(world, "account", account)["balance_cents"]
    if month > today(world)[:7]:
        raise ApiError(404, "not_found", f"There is no statement for {month} yet.")
    lines = world.rows(
        f"{_POSTING} WHERE account = ? AND substr(booked_at, 1, 7) = ? ORDER BY booked_at, id", account, month
    )
    later = world.value(
        "SELECT coalesce(sum(amount_cents), 0) FROM posting WHERE account = ? AND substr(booked_at, 1, 7) > ?",
        account, month,
    )  # fmt: skip
    opening = balance - later - sum(line["amount_cents"] for line in lines)
    return {
        "account": account,
        "month": month,
        "opening_cents": opening,
        "closing_cents": balance - later,
        **page(lines, limit=limit, cursor=cursor),
    }


@environment.tool(effect="read", latency_s=0.2)
def list_standing_orders(
    world: World, query: Query = None, limit: Limit = 10, cursor: Cursor = None
) -> Page[ListedStandingOrder]:
    """Payments that repeat every month. `query` looks into memo and payee name."""
    wanted = Filter().add("instr(lower(s.memo || ' ' || p.name), lower(?)) > 0", query)
    return page(wanted.rows(world, _STANDING, "s.id"), limit=limit, cursor=cursor)


@environment.tool(effect="read", latency_s=0.2)
def list_cards(
    world: World,
    account: Annotated[str | None, Field(max_length=40, description="Only cards of this account.")] = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[CardView]:
    """Cards with id, last four digits and state."""
    wanted = Filter().add("account = ?", account)
    return page(wanted.rows(world, "SELECT * FROM card", "id"), limit=limit, cursor=cursor)


@environment.tool(effect="read", latency_s=0.2)
def list_disputes(
    world: World,
    status: Annotated[Literal["open", "won", "lost"] | None, Field(description="Only in this state.")] = None,
    transaction: Annotated[str | None, Field(max_length=40, description="Only of this transaction.")] = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[DisputeView]:
    """Disputes of booked transactions, the latest first; `transaction` is the id of what is disputed."""
    wanted = Filter().add("status = ?", status).add("posting = ?", transaction)
    rows = wanted.rows(world, "SELECT * FROM dispute", "opened_at DESC, id DESC")
    return page([dispute_view(row) for row in rows], limit=limit, cursor=cursor)


@environment.tool(effect="read", latency_s=0.15)
def get_dispute(
    world: World,
    dispute: Annotated[str, Field(max_length=40, description="Id of the dispute.")],
) -> DisputeView:
    """One dispute with its present state."""
    return dispute_view(found(world, "dispute", dispute))


@environment.tool(effect="read", latency_s=0.2)
def list_messages(
    world: World,
    folder: Annotated[Literal["inbox", "sent"], Field(description="Received or sent messages.")] = "inbox",
    query: Query = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[MessageView]:
    """Messages, the latest first. `query` looks into text and sender."""
    wanted = (
        Filter()
        .add("recipient = ?" if folder == "inbox" else "sender = ?", "me")
        .add("instr(lower(text || ' ' || sender), lower(?)) > 0", query)
    )
    return page(wanted.rows(world, "SELECT * FROM message", "sent_at DESC, id DESC"), limit=limit, cursor=cursor)


def used_today(world: World) -> int:
    """Cents of today's payments to payees that were not cancelled or rejected."""
    used: int = world.value(
        "SELECT coalesce(sum(amount_cents), 0) FROM transfer "
        "WHERE substr(created_at, 1, 10) = ? AND status NOT IN ('cancelled', 'rejected')",
        today(world),
    )
    return used
