"""What may change at the travel desk while an agent works: other travellers book, suppliers and colleagues act, too.

Invariant: whatever happens leaves a state that the desk could be in: what is booked is taken from the stock, and what
is paid has its payment.
"""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any, TypeAlias

from agentbench.environment import Meeting
from agentbench.world import World

from .bookings import give_back
from .data import stamp
from .money import enter_payment

Drift: TypeAlias = Callable[[World, Meeting], None]

FLAGS = {
    "book_hotel": "hotels",
    "send_itinerary": "itineraries",
    "book_rail": "trains",
    "redeem_voucher": "vouchers",
}


# -- sold_out and price_changed --------------------------------------------------------------------------


def seats_taken(world: World, call: Meeting) -> None:
    """The last seats at this fare are booked."""
    world.execute("UPDATE fare SET seats_left = 0 WHERE id = ? AND seats_left > 0", _fare(world, call))


def train_full(world: World, call: Meeting) -> None:
    """The last seats of the class are booked."""
    column = f"{call.arguments['rail_class']}_left"
    world.execute(f"UPDATE rail SET {column} = 0 WHERE id = ? AND {column} > 0", call.arguments["service_id"])


def rooms_taken(world: World, call: Meeting) -> None:
    """The last rooms of this kind are booked."""
    world.execute("UPDATE room SET rooms_left = 0 WHERE id = ? AND rooms_left > 0", call.arguments["room_id"])


def fare_raised(world: World, call: Meeting) -> None:
    """The airline files a higher fare; quotes keep theirs."""
    _raise(world, "fare", "price_cents", call.arguments["offer_id"], call.random)


def train_dearer(world: World, call: Meeting) -> None:
    """The railway raises the price."""
    _raise(world, "rail", f"{call.arguments['rail_class']}_cents", call.arguments["service_id"], call.random)


def room_dearer(world: World, call: Meeting) -> None:
    """The hotel raises the price of the night."""
    _raise(world, "room", "night_cents", call.arguments["room_id"], call.random)


# -- concurrent_write ----------------------------------------------------------------------------------


def paid_by_a_colleague(world: World, call: Meeting) -> None:
    """A colleague pays the booking with a card of its traveller."""
    booking = world.row(
        "SELECT * FROM booking WHERE id = ? AND status = 'held' AND paid_cents < total_cents",
        call.arguments["booking_id"],
    )
    if booking is None:
        return
    due = booking["total_cents"] - booking["paid_cents"]
    card = world.value(
        "SELECT id FROM card WHERE traveller = ? AND status = 'active' AND available_cents >= ? ORDER BY id",
        booking["traveller"], due,
    )  # fmt: skip
    if card is not None:
        world.execute("UPDATE card SET available_cents = available_cents - ? WHERE id = ?", due, card)
        enter_payment(world, booking, due, card=card)


def cancelled_by_a_colleague(world: World, call: Meeting) -> None:
    """A colleague cancels the booking; nothing of it was paid, or what was paid is kept by the supplier."""
    booking = world.row("SELECT * FROM booking WHERE id = ? AND status <> 'cancelled'", call.arguments["booking_id"])
    if booking is not None:
        world.execute("UPDATE booking SET status = 'cancelled' WHERE id = ?", booking["id"])
        give_back(world, booking)


def voucher_used_elsewhere(world: World, call: Meeting) -> None:
    """The traveller uses the voucher in a shop."""
    world.execute("UPDATE voucher SET status = 'redeemed' WHERE code = ? AND status = 'open'", call.arguments["code"])


# -- record_deleted ------------------------------------------------------------------------------------


def quote_deleted(world: World, call: Meeting) -> None:
    """The quote is deleted."""
    world.execute("DELETE FROM quote WHERE id = ?", call.arguments["quote_id"])


def voucher_deleted(world: World, call: Meeting) -> None:
    """A voucher that paid for nothing yet is deleted."""
    world.execute(
        "DELETE FROM voucher WHERE code = ?1 AND NOT EXISTS (SELECT 1 FROM payment WHERE voucher = ?1)",
        call.arguments["code"],
    )


def hold_lapsed(world: World, call: Meeting) -> None:
    """The hold of a booking that nobody paid lapses: it is deleted, and its place is free again."""
    booking = world.row(
        "SELECT * FROM booking WHERE id = ?1 AND status = 'held' AND paid_cents = 0"
        " AND NOT EXISTS (SELECT 1 FROM payment WHERE booking = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM itinerary WHERE booking = ?1)",
        call.arguments["booking_id"],
    )
    if booking is not None:
        give_back(world, booking)
        world.execute("DELETE FROM booking WHERE id = ?", booking["id"])


# -- the others ----------------------------------------------------------------------------------------


def quote_lapsed(world: World, call: Meeting) -> None:
    """The quote's time runs out."""
    _lapse(world, "quote", "id", call.arguments["quote_id"])


def voucher_lapsed(world: World, call: Meeting) -> None:
    """The voucher's time runs out."""
    _lapse(world, "voucher", "code", call.arguments["code"])


def approval_lapsed(world: World, call: Meeting) -> None:
    """The approval, or the request for it, is too old."""
    world.execute(
        "UPDATE approval SET status = 'expired' WHERE id = ? AND status IN ('pending', 'approved')",
        call.arguments["approval_id"],
    )


def switched_off(world: World, call: Meeting) -> None:
    """The desk switches the function off."""
    world.execute("UPDATE feature SET enabled = 0 WHERE name = ? AND enabled = 1", FLAGS[call.tool])


def no_longer_direct(world: World, call: Meeting) -> None:
    """The airline stops selling direct."""
    world.execute("UPDATE airline SET sells_direct = 0 WHERE code = ? AND sells_direct = 1", call.arguments["airline"])


def charged_back(world: World, call: Meeting) -> None:
    """The card's bank takes its payment back, and the booking is held again."""
    payment, booking = call.answer["payment"], call.answer["booking"]
    open_ = world.row("SELECT * FROM booking WHERE id = ? AND status = 'confirmed'", booking["id"])
    if open_ is None:
        return
    world.execute(
        "UPDATE booking SET paid_cents = paid_cents - ?, status = 'held' WHERE id = ?",
        payment["amount_cents"], booking["id"],
    )  # fmt: skip
    world.execute(
        "UPDATE card SET available_cents = available_cents + ? WHERE id = ?", payment["amount_cents"], payment["card"]
    )
    world.execute("DELETE FROM payment WHERE id = ?", payment["id"])


def not_confirmed(world: World, call: Meeting) -> None:
    """The supplier does not confirm the booking: it is cancelled."""
    booking = world.row("SELECT * FROM booking WHERE id = ? AND status = 'held'", call.answer["id"])
    if booking is not None:
        world.execute("UPDATE booking SET status = 'cancelled' WHERE id = ?", booking["id"])
        give_back(world, booking)


DRIFTS: tuple[tuple[str, Drift, tuple[str, ...]], ...] = (
    ("sold_out", seats_taken, ("create_quote", "book_flight")),
    ("sold_out", train_full, ("book_rail",)),
    ("sold_out", rooms_taken, ("book_hotel",)),
    ("price_changed", fare_raised, ("get_offer", "create_quote")),
    ("price_changed", train_dearer, ("book_rail",)),
    ("price_changed", room_dearer, ("book_hotel",)),
    ("concurrent_write", paid_by_a_colleague, ("pay_booking",)),
    ("concurrent_write", cancelled_by_a_colleague, ("cancel_booking",)),
    ("concurrent_write", voucher_used_elsewhere, ("redeem_voucher",)),
    ("record_deleted", quote_deleted, ("get_quote", "book_flight")),
    ("record_deleted", voucher_deleted, ("redeem_voucher",)),
    ("record_deleted", hold_lapsed, ("get_booking", "pay_booking")),
    ("approval_expired", quote_lapsed, ("get_quote", "book_flight")),
    ("approval_expired", voucher_lapsed, ("redeem_voucher",)),
    ("approval_expired", approval_lapsed, ("get_approval",)),
    ("flag_flipped", switched_off, tuple(FLAGS)),
    ("flag_flipped", no_longer_direct, ("search_flights_direct",)),
    ("job_fails", charged_back, ("pay_booking",)),
    ("job_fails", not_confirmed, ("book_flight", "book_rail", "book_hotel")),
)


def _fare(world: World, call: Meeting) -> Any:
    if call.tool == "create_quote":
        return call.arguments["offer_id"]
    return world.value("SELECT fare FROM quote WHERE id = ?", call.arguments["quote_id"])


def _raise(world: World, table: str, column: str, id_: str, random: Random) -> None:
    cents = world.value(f"SELECT {column} FROM {table} WHERE id = ?", id_)
    if cents is not None:
        dearer = -(-cents * (100 + random.randint(4, 9)) // 10_000) * 100  # whole euros, as all prices here
        world.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", dearer, id_)


def _lapse(world: World, table: str, key: str, id_: str) -> None:
    """Let something run out a minute ago, unless it has already."""
    ended = stamp(world.now - timedelta(minutes=1))
    world.execute(f"UPDATE {table} SET expires_at = ?1 WHERE {key} = ?2 AND expires_at > ?1", ended, id_)
