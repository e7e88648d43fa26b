"""Money: cards, vouchers, payments and what trips cost."""

from typing import Annotated, Any, Literal

from pydantic import Field

from agentbench.answers import Page
from agentbench.environment import ApiError, page
from agentbench.world import World

from .answers import CardView, PaidBooking, Payment, TripCosts, VoucherView
from .bookings import shown
from .data import stamp
from .parameters import BookingId, Cursor, IdempotencyKey, Limit, TravellerId, money, one, require_feature


def list_cards(world: World, traveller_id: TravellerId, limit: Limit = 10, cursor: Cursor = None) -> Page[CardView]:
    """The cards a traveller may pay with. The money available on them is known to the bank alone."""
    one(world, "traveller", traveller_id)
    found = world.rows(
        "SELECT id AS card_id, label, last4, expires_on, status FROM card WHERE traveller = ? ORDER BY id", traveller_id
    )
    return page(found, limit=limit, cursor=cursor)


def pay_booking(
    world: World,
    booking_id: BookingId,
    card_id: Annotated[str, Field(min_length=1, description="`card_id` from list_cards.")],
    idempotency_key: IdempotencyKey = None,
) -> PaidBooking:
    """Pay what is due for a booking by card; the booking is then confirmed.

    402 payment_declined: the bank refused the card. 409 already_paid: nothing is due.
    """
    booking = _payable(world, booking_id)
    card = one(world, "card", card_id)
    due = booking["total_cents"] - booking["paid_cents"]
    if card["traveller"] != booking["traveller"]:
        raise ApiError(422, "wrong_card", f"Card '{card_id}' is not a card of this traveller.")
    if card["status"] != "active" or card["expires_on"] < stamp(world.now):
        raise ApiError(402, "payment_declined", "The card was declined.", reason="card_not_usable")
    if card["available_cents"] < due:
        raise ApiError(402, "payment_declined", "The card was declined.", reason="insufficient_funds")
    world.execute("UPDATE card SET available_cents = available_cents - ? WHERE id = ?", due, card_id)
    return enter_payment(world, booking, due, card=card_id)


def list_vouchers(
    world: World,
    traveller_id: TravellerId,
    status: Annotated[
        Literal["open", "redeemed", "expired", "withdrawn"] | None, Field(description="Only vouchers of this status.")
    ] = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[VoucherView]:
    """The vouchers of a traveller, those that expire first at the top. `kind` says what one may pay for."""
    one(world, "traveller", traveller_id)
    found = world.rows("SELECT * FROM voucher WHERE traveller = ? ORDER BY expires_at, code", traveller_id)
    for voucher in found:
        if voucher["status"] == "open" and voucher["expires_at"] <= stamp(world.now):
            voucher["status"] = "expired"
    return page([each for each in found if status in {None, each["status"]}], limit=limit, cursor=cursor)


def redeem_voucher(
    world: World,
    code: Annotated[str, Field(min_length=3, description="The voucher's code.")],
    booking_id: BookingId,
) -> PaidBooking:
    """Pay a booking, or a part of it, with a voucher of its traveller. A voucher is used up at once, even in part."""
    require_feature(world, "vouchers")
    booking = _payable(world, booking_id)
    voucher = one(world, "voucher", code, key="code")
    if voucher["traveller"] != booking["traveller"]:
        raise ApiError(403, "not_your_voucher", f"Voucher '{code}' belongs to another traveller.")
    if voucher["status"] != "open":
        raise ApiError(409, "voucher_used", f"Voucher '{code}' is {voucher['status']}.")
    if voucher["expires_at"] <= stamp(world.now):
        raise ApiError(410, "voucher_expired", f"Voucher '{code}' expired at {voucher['expires_at']}.")
    if voucher["kind"] not in {"any", booking["kind"]}:
        raise ApiError(422, "voucher_kind", f"Voucher '{code}' pays for {voucher['kind']} bookings only.")
    world.execute("UPDATE voucher SET status = 'redeemed' WHERE code = ?", code)
    amount = min(voucher["amount_cents"], booking["total_cents"] - booking["paid_cents"])
    return enter_payment(world, booking, amount, voucher=code)


def list_payments(
    world: World,
    traveller_id: TravellerId,
    booking_id: Annotated[str | None, Field(description="Only payments of this booking.")] = None,
    kind: Annotated[Literal["charge", "refund"] | None, Field(description="Only charges, or only refunds.")] = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[Payment]:
    """Charges and refunds of a traveller's bookings, newest first."""
    one(world, "traveller", traveller_id)
    found = world.rows(
        "SELECT payment.* FROM payment JOIN booking ON booking.id = payment.booking WHERE traveller = ?"
        " AND booking = coalesce(?, booking) AND payment.kind = coalesce(?, payment.kind)"
        " ORDER BY payment.created_at DESC, payment.id",
        traveller_id, booking_id, kind,
    )  # fmt: skip
    return page(found, limit=limit, cursor=cursor)


def get_trip_costs(
    world: World,
    traveller_id: TravellerId,
    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$", description="Month in which the trips start: YYYY-MM.")],
) -> TripCosts:
    """What a traveller's bookings that start in a month cost together, cancelled ones left out, by kind."""
    one(world, "traveller", traveller_id)
    kinds = world.rows(
        "SELECT kind, count(*) AS bookings, sum(total_cents) AS total_cents FROM booking WHERE traveller = ?"
        " AND status <> 'cancelled' AND substr(starts_at, 1, 7) = ? GROUP BY kind ORDER BY kind",
        traveller_id, month,
    )  # fmt: skip
    total = sum(row["total_cents"] for row in kinds)
    return {"traveller_id": traveller_id, "month": month, "bookings": sum(row["bookings"] for row in kinds),
            "by_kind": kinds, "total_cents": total, "total": money(total)}  # fmt: skip


def _payable(world: World, booking_id: str) -> dict[str, Any]:
    booking = one(world, "booking", booking_id)
    if booking["status"] == "cancelled":
        raise ApiError(409, "booking_cancelled", f"Booking '{booking_id}' is cancelled.")
    if booking["paid_cents"] >= booking["total_cents"]:
        raise ApiError(409, "already_paid", f"Nothing is due for booking '{booking_id}'.")
    return booking


def enter_payment(
    world: World, booking: dict[str, Any], amount: int, *, card: str | None = None, voucher: str | None = None
) -> dict[str, Any]:
    """Enter a payment of a booking, which is confirmed when nothing is left to pay."""
    id_ = world.new_id("PAY")
    world.execute(
        "INSERT INTO payment VALUES (?, ?, 'charge', ?, ?, ?, ?)",
        id_, booking["id"], card, voucher, amount, stamp(world.now),
    )  # fmt: skip
    paid = booking["paid_cents"] + amount
    status = "confirmed" if paid == booking["total_cents"] else "held"
    world.execute("UPDATE booking SET paid_cents = ?, status = ? WHERE id = ?", paid, status, booking["id"])
    return {"payment": one(world, "payment", id_), "booking": shown(world, booking["id"])}
