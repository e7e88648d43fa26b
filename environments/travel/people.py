"""Travellers, the company's travel policy, approvals and messages."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from agentbench.answers import Page
from agentbench.environment import ApiError, page
from agentbench.world import World

from .answers import Approval, CoveringMessage, ListedTraveller, Message, Policy, Session, TravellerView
from .data import stamp
from .parameters import BookingId, Cursor, IdempotencyKey, Limit, TravellerId, money, one, require_feature


def renew_session(world: World) -> Session:
    """Renew the credentials of this client, when a call was refused because they have expired."""
    return {"status": "active", "expires_at": stamp(world.now + timedelta(hours=1))}


def list_travellers(
    world: World,
    query: Annotated[str | None, Field(description="Part of a name or e-mail address; none for all.")] = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[ListedTraveller]:
    """Find travellers of the company by name or e-mail address."""
    found = world.rows(
        "SELECT id, name, email, grade, home FROM traveller WHERE instr(lower(name || ' ' || email), lower(?))"
        " ORDER BY id",
        query or "",
    )
    return page(found, limit=limit, cursor=cursor)


def get_traveller(world: World, traveller_id: TravellerId) -> TravellerView:
    """The profile of one traveller: grade, home city, manager and e-mail address."""
    return one(world, "traveller", traveller_id)


def get_policy(world: World, traveller_id: TravellerId) -> Policy:
    """What the company's travel policy lets a traveller book without an approval.

    `hotel_night_max_cents` is per night, `fare_max_cents` per flight. Where a train ride takes fewer minutes than
    `rail_preferred_below_min`, the train is to be taken. Anything beyond needs an approval first.
    """
    traveller = one(world, "traveller", traveller_id)
    return {"traveller_id": traveller_id, **one(world, "policy", traveller["grade"], key="grade")}


def request_approval(
    world: World,
    traveller_id: TravellerId,
    purpose: Annotated[str, Field(min_length=5, max_length=300, description="What is to be booked, and why.")],
    amount_cents: Annotated[int, Field(gt=0, description="The highest amount to be approved, in cents.")],
    idempotency_key: IdempotencyKey = None,
) -> Approval:
    """Ask the traveller's manager to approve a booking that the policy does not allow. The answer comes later."""
    traveller = one(world, "traveller", traveller_id)
    if traveller["manager"] is None:
        raise ApiError(422, "no_approver", f"{traveller['name']} has no manager who could approve.")
    id_ = world.new_id("APR")
    world.execute(
        "INSERT INTO approval VALUES (?, ?, ?, ?, ?, 'pending', ?)",
        id_, traveller_id, traveller["manager"], purpose, amount_cents, stamp(world.now),
    )  # fmt: skip
    return one(world, "approval", id_)


def get_approval(
    world: World, approval_id: Annotated[str, Field(min_length=1, description="Approval id.")]
) -> Approval:
    """An approval and its status: pending, approved, declined or expired."""
    return one(world, "approval", approval_id)


def list_approvals(
    world: World,
    traveller_id: TravellerId,
    status: Annotated[
        Literal["pending", "approved", "declined", "expired"] | None,
        Field(description="Only approvals of this status."),
    ] = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[Approval]:
    """The approvals that were asked for a traveller, newest first."""
    one(world, "traveller", traveller_id)
    found = world.rows(
        "SELECT * FROM approval WHERE traveller = ? AND status = coalesce(?, status) ORDER BY created_at DESC, id",
        traveller_id, status,
    )  # fmt: skip
    return page(found, limit=limit, cursor=cursor)


def send_message(
    world: World,
    to: Annotated[str, Field(min_length=3, description="A traveller id, or an e-mail address.")],
    subject: Annotated[str, Field(min_length=1, max_length=120, description="Subject line.")],
    text: Annotated[str, Field(min_length=1, max_length=4000, description="The message.")],
) -> Message:
    """Send a message by e-mail to a traveller or to any address. A second call sends a second message."""
    return _send(world, _address(world, to), subject, text)


def send_itinerary(
    world: World,
    traveller_id: TravellerId,
    booking_ids: Annotated[list[BookingId], Field(min_length=1, max_length=10, description="Bookings to include.")],
) -> CoveringMessage:
    """E-mail an itinerary of the given bookings to their traveller. A second call sends a second e-mail."""
    require_feature(world, "itineraries")
    traveller = one(world, "traveller", traveller_id)
    lines = []
    for booking_id in booking_ids:
        booking = one(world, "booking", booking_id)
        if booking["traveller"] != traveller_id:
            raise ApiError(422, "wrong_traveller", f"Booking '{booking_id}' is not of traveller '{traveller_id}'.")
        if booking["status"] == "cancelled":
            raise ApiError(409, "booking_cancelled", f"Booking '{booking_id}' is cancelled.")
        lines.append(f"{booking_id} {booking['kind']} {booking['starts_at']} {money(booking['total_cents'])}")
    sent = _send(world, traveller["email"], "Your itinerary", "\n".join(lines))
    for booking_id in dict.fromkeys(booking_ids):
        world.execute("INSERT INTO itinerary VALUES (?, ?)", sent["id"], booking_id)
    return {**sent, "booking_ids": list(dict.fromkeys(booking_ids))}


def list_messages(
    world: World,
    to: Annotated[str, Field(min_length=3, description="A traveller id, or an e-mail address.")],
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[CoveringMessage]:
    """The messages and itineraries sent to somebody, newest first, each with the `booking_ids` that it covers."""
    found = world.rows("SELECT * FROM message WHERE recipient = ? ORDER BY sent_at DESC, id", _address(world, to))
    for message in found:
        covered = world.rows("SELECT booking FROM itinerary WHERE message = ? ORDER BY booking", message["id"])
        message["booking_ids"] = [row["booking"] for row in covered]
    return page(found, limit=limit, cursor=cursor)


def _address(world: World, to: str) -> str:
    return to if "@" in to else str(one(world, "traveller", to)["email"])


def _send(world: World, recipient: str, subject: str, text: str) -> dict[str, Any]:
    id_ = world.new_id("MSG")
    world.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?)", id_, recipient, subject, text, stamp(world.now))
    return one(world, "message", id_)
