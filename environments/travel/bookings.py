"""Bookings: flights from quotes, rooms, trains, and their cancellation with the refund rules."""

from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from agentbench.answers import Page
from agentbench.environment import ApiError, page
from agentbench.world import World

from .answers import BookingView, CancelledBooking, Refund
from .data import stamp
from .parameters import (
    BookingId,
    Cursor,
    Day,
    IdempotencyKey,
    Limit,
    QuoteId,
    TravellerId,
    instant,
    money,
    one,
    require_feature,
)
from .search import stay_nights

Kind: TypeAlias = Literal["flight", "hotel", "rail"]


def book_flight(
    world: World, quote_id: QuoteId, traveller_id: TravellerId, idempotency_key: IdempotencyKey = None
) -> BookingView:
    """Book a seat for a traveller at a quote's price. The booking is held until it is paid.

    A quote may be booked several times while it is open, so a repeat without the same idempotency key takes a
    second seat. 410 quote_expired: make a new quote, its price may differ. 409 sold_out: choose another offer.
    """
    quote = one(world, "quote", quote_id)
    one(world, "traveller", traveller_id)
    if quote["expires_at"] <= stamp(world.now):
        raise ApiError(410, "quote_expired", f"Quote '{quote_id}' expired at {quote['expires_at']}.")
    fare = one(world, "fare", quote["fare"])
    flight = one(world, "flight", fare["flight"])
    if flight["status"] == "cancelled":
        raise ApiError(409, "not_bookable", f"Flight {flight['id']} was cancelled by the airline.")
    if fare["seats_left"] < 1:
        raise ApiError(409, "sold_out", f"Offer '{fare['id']}' is sold out.")
    world.execute("UPDATE fare SET seats_left = seats_left - 1 WHERE id = ?", fare["id"])
    refundable_until = flight["departs_at"] if fare["refundable"] else stamp(world.now + timedelta(hours=24))
    return _book(world, traveller_id, "flight", fare["id"], fare["cabin"], flight["departs_at"],
                 flight["arrives_at"], quote["price_cents"], refundable_until)  # fmt: skip


def book_hotel(
    world: World,
    room_id: Annotated[str, Field(min_length=1, description="`room_id` of a room from search_hotels.")],
    traveller_id: TravellerId,
    check_in: Day,
    check_out: Day,
) -> BookingView:
    """Book a room for a traveller. The booking is held until it is paid. A second call books a second room."""
    require_feature(world, "hotels")
    room = one(world, "room", room_id)
    one(world, "traveller", traveller_id)
    nights = stay_nights(world, check_in, check_out)
    if room["rooms_left"] < 1:
        raise ApiError(409, "sold_out", f"Room '{room_id}' is sold out.")
    world.execute("UPDATE room SET rooms_left = rooms_left - 1 WHERE id = ?", room_id)
    starts = instant(check_in + "T14:00:00Z")
    return _book(world, traveller_id, "hotel", room_id, room["name"].lower(), stamp(starts), check_out + "T10:00:00Z",
                 room["night_cents"] * nights, stamp(starts - timedelta(days=room["free_cancel_days"])))  # fmt: skip


def book_rail(
    world: World,
    service_id: Annotated[str, Field(min_length=1, description="`service_id` of a train from search_rail.")],
    traveller_id: TravellerId,
    rail_class: Annotated[Literal["standard", "first"], Field(description="The class.")] = "standard",
    idempotency_key: IdempotencyKey = None,
) -> BookingView:
    """Book a seat on a train for a traveller. The booking is held until it is paid."""
    require_feature(world, "trains")
    train = one(world, "rail", service_id)
    one(world, "traveller", traveller_id)
    if train["status"] == "cancelled" or train["departs_at"] <= stamp(world.now):
        raise ApiError(409, "not_bookable", f"Train '{service_id}' can no longer be booked.")
    if train[f"{rail_class}_left"] < 1:
        raise ApiError(409, "sold_out", f"Train '{service_id}' has no free seat in {rail_class} class.")
    world.execute(f"UPDATE rail SET {rail_class}_left = {rail_class}_left - 1 WHERE id = ?", service_id)
    refundable_until = stamp(instant(train["departs_at"]) - timedelta(days=1))
    return _book(world, traveller_id, "rail", service_id, rail_class, train["departs_at"], train["arrives_at"],
                 train[f"{rail_class}_cents"], refundable_until)  # fmt: skip


def list_bookings(
    world: World,
    traveller_id: TravellerId,
    kind: Annotated[Kind | None, Field(description="Only bookings of this kind.")] = None,
    status: Annotated[
        Literal["held", "confirmed", "cancelled"] | None, Field(description="Only bookings of this status.")
    ] = None,
    from_date: Annotated[Day | None, Field(description="Only bookings that start on this date or later.")] = None,
    to_date: Annotated[Day | None, Field(description="Only bookings that start on this date or before.")] = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[BookingView]:
    """The bookings of a traveller, past and to come, by their start."""
    one(world, "traveller", traveller_id)
    found = world.rows(
        "SELECT id FROM booking WHERE traveller = ? AND kind = coalesce(?, kind) AND status = coalesce(?, status)"
        " AND starts_at BETWEEN coalesce(?, '') AND coalesce(?, '9999') || 'T99' ORDER BY starts_at, id",
        traveller_id, kind, status, from_date, to_date,
    )  # fmt: skip
    return page([shown(world, row["id"]) for row in found], limit=limit, cursor=cursor)


def get_booking(world: World, booking_id: BookingId) -> BookingView:
    """One booking: what it is, when, its price, what is paid and due, its status and refund terms."""
    return shown(world, booking_id)


def preview_cancellation(world: World, booking_id: BookingId) -> Refund:
    """What cancelling a booking now would refund, without cancelling it."""
    booking = one(world, "booking", booking_id)
    share = _refund_share(world, booking)
    refund = booking["paid_cents"] * share // 100
    return {"booking_id": booking_id, "refund_percent": share, "refund_cents": refund, "refund": money(refund)}


def cancel_booking(world: World, booking_id: BookingId) -> CancelledBooking:
    """Cancel a booking and refund what its terms allow, to where it was paid from. It cannot be undone.

    All is refunded until `refundable_until`, or when the carrier cancelled; half of it until the start.
    """
    booking = one(world, "booking", booking_id)
    share = _refund_share(world, booking)
    world.execute("UPDATE booking SET status = 'cancelled' WHERE id = ?", booking_id)
    give_back(world, booking)
    charges = world.rows(
        "SELECT card, voucher, amount_cents FROM payment WHERE booking = ? AND kind = 'charge'", booking_id
    )
    refunded = 0
    for charge in charges:
        amount = charge["amount_cents"] * share // 100
        if amount and (charge["card"] or share == 100):  # a voucher comes back whole or not at all
            _refund(world, booking_id, charge["card"], charge["voucher"], amount)
            refunded += amount
    return {**shown(world, booking_id), "refund_cents": refunded, "refund": money(refunded)}


def shown(world: World, booking_id: str) -> dict[str, Any]:
    """A booking as the API shows it."""
    booking = one(world, "booking", booking_id)
    detail: dict[str, Any] = {}
    match booking["kind"]:
        case "flight":
            detail = world.row(
                "SELECT flight, origin, destination, supplier FROM fare JOIN flight ON flight.id = fare.flight"
                " WHERE fare.id = ?", booking["fare"],
            ) or {}  # fmt: skip
        case "rail":
            detail = world.row(
                "SELECT id AS service_id, origin, destination, operator FROM rail WHERE id = ?", booking["rail"]
            ) or {}  # fmt: skip
        case "hotel":
            detail = world.row(
                "SELECT hotel.name AS hotel, city FROM room JOIN hotel ON hotel.id = room.hotel WHERE room.id = ?",
                booking["room"],
            ) or {}  # fmt: skip
    return {
        "id": booking["id"],
        "traveller_id": booking["traveller"],
        "kind": booking["kind"],
        "sold_id": booking["fare"] or booking["room"] or booking["rail"],
        **detail,
        "service_class": booking["service_class"],
        "starts_at": booking["starts_at"],
        "ends_at": booking["ends_at"],
        "total_cents": booking["total_cents"],
        "paid_cents": booking["paid_cents"],
        "due_cents": 0 if booking["status"] == "cancelled" else booking["total_cents"] - booking["paid_cents"],
        "total": money(booking["total_cents"]),
        "status": booking["status"],
        "refundable_until": booking["refundable_until"],
        "created_at": booking["created_at"],
    }


def _book(
    world: World, traveller: str, kind: Kind, sold: str, service_class: str, starts_at: str, ends_at: str,
    total_cents: int, refundable_until: str,
) -> dict[str, Any]:  # fmt: skip
    id_ = world.new_id("BKG")
    what = [sold if kind == each else None for each in ("flight", "hotel", "rail")]
    world.execute(
        "INSERT INTO booking VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 'held', ?)",
        id_, traveller, kind, *what, service_class, starts_at, ends_at, total_cents, refundable_until,
        stamp(world.now),
    )  # fmt: skip
    return shown(world, id_)


def _refund_share(world: World, booking: dict[str, Any]) -> int:
    """Percent that a cancellation now gives back; raises `ApiError` 409 when it cannot be cancelled."""
    if booking["status"] == "cancelled":
        raise ApiError(409, "already_cancelled", f"Booking '{booking['id']}' is cancelled already.")
    carrier = world.value(
        "SELECT 1 FROM flight JOIN fare ON fare.flight = flight.id WHERE fare.id = ? AND flight.status = 'cancelled'"
        " UNION ALL SELECT 1 FROM rail WHERE id = ? AND status = 'cancelled'",
        booking["fare"], booking["rail"],
    )  # fmt: skip
    now = stamp(world.now)
    if carrier or now < booking["refundable_until"]:
        return 100
    if now >= booking["starts_at"]:
        raise ApiError(409, "already_started", f"Booking '{booking['id']}' has begun and cannot be cancelled.")
    return 50


def give_back(world: World, booking: dict[str, Any]) -> None:
    """Put the seat or room of a booking back into the stock."""
    match booking["kind"]:
        case "flight":
            world.execute("UPDATE fare SET seats_left = seats_left + 1 WHERE id = ?", booking["fare"])
        case "hotel":
            world.execute("UPDATE room SET rooms_left = rooms_left + 1 WHERE id = ?", booking["room"])
        case "rail":
            column = f"{booking['service_class']}_left"
            world.execute(f"UPDATE rail SET {column} = {column} + 1 WHERE id = ?", booking["rail"])


def _refund(world: World, booking_id: str, card: str | None, voucher: str | None, amount: int) -> None:
    world.execute(
        "INSERT INTO payment VALUES (?, ?, 'refund', ?, ?, ?, ?)",
        world.new_id("PAY"), booking_id, card, voucher, amount, stamp(world.now),
    )  # fmt: skip
    if card is not None:
        world.execute("UPDATE card SET available_cents = available_cents + ? WHERE id = ?", amount, card)
    else:
        world.execute("UPDATE voucher SET status = 'open' WHERE code = ?", voucher)
