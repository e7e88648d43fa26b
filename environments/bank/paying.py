"""The tools that move money or arrange for it.

Invariant: a call that is refused leaves nothing behind; every payment is checked by `_permit` before it is booked.
"""

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from agentbench.environment import ApiError
from agentbench.world import World

from .answers import CancelledTransfer, Movement, PayeeView, StandingOrder, TransferView
from .definition import (
    DATE,
    AccountId,
    Cents,
    Key,
    Memo,
    PayeeId,
    book,
    environment,
    found,
    open_account,
    require_feature,
    require_funds,
    stamp,
    today,
)
from .reading import used_today

INSTANT_FEE_CENTS = 50
INSTANT_MAX_CENTS = 500_000


@environment.tool(effect="write", latency_s=0.4)
def create_payee(
    world: World,
    name: Annotated[str, Field(min_length=1, max_length=70, description="Name of the person or firm.")],
    iban: Annotated[str, Field(min_length=15, max_length=34, description="IBAN, without spaces.")],
    category: Annotated[str, Field(max_length=20, description="A word to find it by, such as rent.")] = "other",
) -> PayeeView:
    """Save a new payee. Saving the same one twice makes two payees."""
    if not _valid_iban(iban):
        raise ApiError(422, "invalid_iban", f"'{iban}' is not an IBAN: its check digits do not fit.")
    payee = world.new_id("PAY")
    world.execute(
        "INSERT INTO payee VALUES (?, ?, ?, ?, 1, 'active', ?)", payee, name, iban.upper(), category, stamp(world)
    )
    return found(world, "payee", payee)


@environment.tool(effect="write", latency_s=0.8, idempotency_key="idempotency_key")
def transfer(
    world: World,
    source: AccountId,
    payee: PayeeId,
    amount_cents: Cents,
    memo: Memo,
    execute_on: Annotated[
        str | None, Field(pattern=DATE, description="A later day, YYYY-MM-DD; today when left out.")
    ] = None,
    idempotency_key: Key = None,
) -> TransferView:
    """Pay a payee by SEPA transfer, today or on a later day.

    Large payments from a joint account wait for the co-holder: `status` is then `awaiting_approval`.
    """
    account, target = _permit(world, source, payee, amount_cents)
    due = _due(world, execute_on)
    status = "scheduled" if due > today(world) else "completed"
    if status == "completed":
        require_funds(account, amount_cents)
    above = account["approval_above_cents"]
    if above is not None and amount_cents > above:
        status = "awaiting_approval"
    made = _enter(world, account, target, amount_cents, 0, memo, "sepa", status, due)
    if status == "completed":
        book(world, source, -amount_cents, "transfer", target["name"], memo)
    return made


@environment.tool(effect="write", latency_s=0.5)
def instant_transfer(world: World, source: AccountId, payee: PayeeId, amount_cents: Cents, memo: Memo) -> TransferView:
    """Pay a payee within seconds, for a fee of 50 cents and up to 5,000 EUR. It cannot be taken back.

    Not every payee's bank takes instant transfers, and what needs a co-holder's approval cannot be sent this way.
    """
    require_feature(world, "instant_payments")
    account, target = _permit(world, source, payee, amount_cents)
    if amount_cents > INSTANT_MAX_CENTS:
        raise ApiError(
            403, "limit_exceeded", "Instant transfers are limited to 5,000 EUR.", limit_cents=INSTANT_MAX_CENTS
        )
    above = account["approval_above_cents"]
    if above is not None and amount_cents > above:
        raise ApiError(403, "approval_required", "The co-holder must approve this payment; use a SEPA transfer.")
    if not target["instant"]:
        raise ApiError(422, "instant_not_available", f"The bank of {target['name']} takes no instant transfers.")
    require_funds(account, amount_cents + INSTANT_FEE_CENTS)
    made = _enter(world, account, target, amount_cents, INSTANT_FEE_CENTS, memo, "instant", "completed", today(world))
    book(world, source, -amount_cents, "transfer", target["name"], memo)
    book(world, source, -INSTANT_FEE_CENTS, "fee", "Bank", "Instant transfer fee")
    return made


@environment.tool(effect="write", latency_s=0.4)
def move_between_accounts(
    world: World,
    source: AccountId,
    target: Annotated[str, Field(max_length=40, description="Id of the account that receives the money.")],
    amount_cents: Cents,
    memo: Memo,
) -> Movement:
    """Move money between two of your own accounts, at once and without a fee."""
    if source == target:
        raise ApiError(422, "same_account", "Source and target are the same account.")
    giving, taking = open_account(world, source), open_account(world, target)
    require_funds(giving, amount_cents)
    move = world.new_id("MOV")
    world.execute(
        "INSERT INTO internal_transfer VALUES (?, ?, ?, ?, ?, ?)",
        move, source, target, amount_cents, memo, stamp(world),
    )  # fmt: skip
    book(world, source, -amount_cents, "internal", taking["name"], memo)
    book(world, target, amount_cents, "internal", giving["name"], memo)
    return found(world, "internal_transfer", move)


@environment.tool(effect="write", latency_s=0.3)
def cancel_transfer(
    world: World,
    transfer: Annotated[str, Field(max_length=40, description="Id of the transfer.")],
) -> CancelledTransfer:
    """Cancel a transfer that is scheduled or awaits approval; others can no longer be cancelled."""
    status = found(world, "transfer", transfer)["status"]
    if status not in {"scheduled", "awaiting_approval"}:
        raise ApiError(409, "not_cancellable", f"The transfer is {status}.", state=status)
    world.execute("UPDATE transfer SET status = 'cancelled' WHERE id = ?", transfer)
    return found(world, "transfer", transfer)


@environment.tool(effect="write", latency_s=0.4, idempotency_key="idempotency_key")
def create_standing_order(
    world: World,
    source: AccountId,
    payee: PayeeId,
    amount_cents: Cents,
    memo: Memo,
    day_of_month: Annotated[int, Field(ge=1, le=28, description="Day on which it is paid, 1 to 28.")],
    idempotency_key: Key = None,
) -> StandingOrder:
    """Pay a payee the same amount every month, from the next such day on."""
    require_feature(world, "standing_orders")
    _permit(world, source, payee, amount_cents)
    order = world.new_id("STO")
    world.execute(
        "INSERT INTO standing_order VALUES (?, ?, ?, ?, ?, ?, 'active', ?)",
        order, source, payee, amount_cents, memo, day_of_month, stamp(world),
    )  # fmt: skip
    return found(world, "standing_order", order)


@environment.tool(effect="write", latency_s=0.3)
def cancel_standing_order(
    world: World,
    standing_order: Annotated[str, Field(max_length=40, description="Id of the standing order.")],
) -> StandingOrder:
    """End a standing order."""
    require_feature(world, "standing_orders")
    if found(world, "standing_order", standing_order)["status"] != "active":
        raise ApiError(409, "not_cancellable", "The standing order has ended already.", state="cancelled")
    world.execute("UPDATE standing_order SET status = 'cancelled' WHERE id = ?", standing_order)
    return found(world, "standing_order", standing_order)


def _permit(world: World, source: str, payee: str, cents: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The account and the payee, if such a payment is allowed today at all."""
    account = open_account(world, source)
    if account["kind"] == "savings":
        raise ApiError(422, "source_not_allowed", "Savings accounts cannot pay payees; move the money first.")
    target = found(world, "payee", payee)
    if target["status"] == "blocked":
        raise ApiError(403, "payee_blocked", f"Payments to {target['name']} are blocked.")
    limit = world.value("SELECT daily_limit_cents FROM customer")
    left = limit - used_today(world)
    if cents > left:
        raise ApiError(
            403, "limit_exceeded", "This is more than your daily limit allows.", limit_cents=limit, left_cents=left
        )
    return account, target


def _due(world: World, execute_on: str | None) -> str:
    """The day of payment; 422 for one that has passed or is in no calendar."""
    if execute_on is None:
        return today(world)
    try:
        date.fromisoformat(execute_on)
    except ValueError:
        raise ApiError(422, "invalid_date", f"There is no day {execute_on}.") from None
    if execute_on < today(world):
        raise ApiError(422, "invalid_date", f"{execute_on} is in the past.")
    return execute_on


def _enter(
    world: World, account: dict[str, Any], target: dict[str, Any], cents: int, fee: int,
    memo: str, rail: str, status: str, due: str,
) -> dict[str, Any]:  # fmt: skip
    key = world.new_id("TRF")
    world.execute(
        "INSERT INTO transfer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        key, account["id"], target["id"], cents, fee, memo, rail, status, due, stamp(world),
    )  # fmt: skip
    return {**found(world, "transfer", key), "payee_name": target["name"]}


def _valid_iban(iban: str) -> bool:
    text = iban.upper()
    if not (text.isascii() and text.isalnum() and text[:2].isalpha() and text[2:4].isdigit()):
        return False
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1
