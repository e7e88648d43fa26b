"""What the travel desk's tools answer, field by field.

Invariant: a shape says what the API gives for every state that the schema allows, and nothing more.
"""

from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

from agentbench.answers import Date, Instant, Month

City: TypeAlias = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Traveller: TypeAlias = Annotated[str, Field(pattern="^TRV-[0-9]+$")]
Booking: TypeAlias = Annotated[str, Field(pattern="^BKG-[0-9A-F]+$")]
Card: TypeAlias = Annotated[str, Field(pattern="^CARD-[0-9]{2}[A-Z]$")]
Voucher: TypeAlias = Annotated[str, Field(pattern="^V-[A-Z0-9]+$")]
Flight: TypeAlias = Annotated[str, Field(pattern="^[A-Z]{2}[0-9]+$")]
Airline: TypeAlias = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Offer: TypeAlias = Annotated[str, Field(pattern="^(AG|DX)-[0-9]+[EB]$")]
Train: TypeAlias = Annotated[str, Field(pattern="^RS-[0-9]+$")]
Hotel: TypeAlias = Annotated[str, Field(pattern="^HTL-[0-9]+$")]
Room: TypeAlias = Annotated[str, Field(pattern="^RM-[0-9]+[A-Z]$")]
Euros: TypeAlias = Annotated[str, Field(pattern="^EUR [0-9]+[.][0-9]{2}$")]
Email: TypeAlias = Annotated[str, Field(pattern="^[^@]+@[^@]+$")]
Positive: TypeAlias = Annotated[int, Field(gt=0)]
NotNegative: TypeAlias = Annotated[int, Field(ge=0)]
Text: TypeAlias = Annotated[str, Field(min_length=1)]
Grade: TypeAlias = Literal["associate", "manager", "director"]
Cabin: TypeAlias = Literal["economy", "business"]
Running: TypeAlias = Literal["scheduled", "delayed", "cancelled"]
Kind: TypeAlias = Literal["flight", "hotel", "rail"]


class Session(TypedDict):
    """Until when the credentials of this client are good."""

    status: Literal["active"]
    expires_at: Instant


class ListedTraveller(TypedDict):
    """A traveller as a list has them."""

    id: Traveller
    name: Text
    email: Email
    grade: Grade
    home: City


class TravellerView(ListedTraveller):
    """A traveller; whoever has no manager has nobody who could approve."""

    manager: Traveller | None


class Policy(TypedDict):
    """What a traveller may book without an approval."""

    traveller_id: Traveller
    grade: Grade
    hotel_night_max_cents: Positive
    fare_max_cents: Positive
    cabin: Cabin
    rail_class: Literal["standard", "first"]
    rail_preferred_below_min: Positive


class Approval(TypedDict):
    """A question to a manager, and the answer."""

    id: Annotated[str, Field(pattern="^APR-[0-9A-F]+$")]
    traveller: Traveller
    approver: Traveller
    purpose: Text
    amount_cents: Positive
    status: Literal["pending", "approved", "declined", "expired"]
    created_at: Instant


class Message(TypedDict):
    """An e-mail that was sent."""

    id: Annotated[str, Field(pattern="^MSG-[0-9A-F]+$")]
    recipient: Email
    subject: Text
    text: Text
    sent_at: Instant


class CoveringMessage(Message):
    """An e-mail with the bookings that it covers."""

    booking_ids: list[Booking]


class AirlineView(TypedDict):
    """An airline."""

    code: Airline
    name: Text
    sells_direct: bool


class OfferView(TypedDict):
    """A fare of one supplier on one flight."""

    offer_id: Offer
    supplier: Literal["aggregator", "direct"]
    flight: Flight
    airline: Airline
    airline_name: Text
    origin: City
    destination: City
    departs_at: Instant
    arrives_at: Instant
    status: Running
    cabin: Cabin
    price_cents: Positive
    seats_left: NotNegative
    refundable: bool


class FlightView(TypedDict):
    """A flight's times and status."""

    id: Flight
    airline: Airline
    origin: City
    destination: City
    departs_at: Instant
    arrives_at: Instant
    status: Running


class TrainView(TypedDict):
    """A train with both classes."""

    service_id: Train
    operator: Text
    origin: City
    destination: City
    departs_at: Instant
    arrives_at: Instant
    status: Running
    standard_cents: Positive
    standard_left: NotNegative
    first_cents: Positive
    first_left: NotNegative
    duration_min: Positive


class FreeRoom(TypedDict):
    """A room that is free for a stay."""

    room_id: Room
    hotel_id: Hotel
    hotel: Text
    description: Text
    room: Text
    stars: Annotated[int, Field(ge=1, le=5)]
    rating: Annotated[float, Field(ge=0, le=10)]
    centre_km: Annotated[float, Field(ge=0)]
    night_cents: Positive
    total_cents: Positive
    rooms_left: Positive
    breakfast: bool
    free_cancel_days: NotNegative


class RoomView(TypedDict):
    """A kind of room of a hotel."""

    id: Room
    hotel: Hotel
    name: Text
    night_cents: Positive
    rooms_left: NotNegative
    breakfast: bool
    free_cancel_days: NotNegative


class HotelView(TypedDict):
    """A hotel with all its kinds of rooms."""

    id: Hotel
    name: Text
    city: City
    stars: Annotated[int, Field(ge=1, le=5)]
    rating: Annotated[float, Field(ge=0, le=10)]
    centre_km: Annotated[float, Field(ge=0)]
    description: Text
    rooms: list[RoomView]


class Quote(TypedDict):
    """A price that is kept for a while."""

    id: Annotated[str, Field(pattern="^QTE-[0-9A-F]+$")]
    offer_id: Offer
    flight: Flight
    price_cents: Positive
    created_at: Instant
    expires_at: Instant
    status: Literal["open", "expired"]


class BookingView(TypedDict):
    """A booking; which of the places and suppliers it tells depends on its kind."""

    id: Booking
    traveller_id: Traveller
    kind: Kind
    sold_id: Offer | Room | Train
    flight: NotRequired[Flight]
    origin: NotRequired[City]
    destination: NotRequired[City]
    supplier: NotRequired[Literal["aggregator", "direct"]]
    service_id: NotRequired[Train]
    operator: NotRequired[Text]
    hotel: NotRequired[Text]
    city: NotRequired[City]
    service_class: Literal["economy", "business", "standard", "first", "single", "double"]
    starts_at: Instant
    ends_at: Instant
    total_cents: Positive
    paid_cents: NotNegative
    due_cents: NotNegative
    total: Euros
    status: Literal["held", "confirmed", "cancelled"]
    refundable_until: Instant
    created_at: Instant


class CancelledBooking(BookingView):
    """A booking with what its cancellation gave back."""

    refund_cents: NotNegative
    refund: Euros


class Refund(TypedDict):
    """What a cancellation would give back now."""

    booking_id: Booking
    refund_percent: Literal[50, 100]
    refund_cents: NotNegative
    refund: Euros


class CardView(TypedDict):
    """A card that a traveller may pay with."""

    card_id: Card
    label: Text
    last4: Annotated[str, Field(pattern="^[0-9]{4}$")]
    expires_on: Date
    status: Literal["active", "blocked"]


class VoucherView(TypedDict):
    """A voucher."""

    code: Voucher
    traveller: Traveller
    kind: Literal["any", "flight", "hotel", "rail"]
    amount_cents: Positive
    expires_at: Instant
    status: Literal["open", "redeemed", "expired", "withdrawn"]


class Payment(TypedDict):
    """A charge or a refund, by card or by voucher."""

    id: Annotated[str, Field(pattern="^PAY-[0-9A-F]+$")]
    booking: Booking
    kind: Literal["charge", "refund"]
    card: Card | None
    voucher: Voucher | None
    amount_cents: Positive
    created_at: Instant


class PaidBooking(TypedDict):
    """A payment and the booking as it is after it."""

    payment: Payment
    booking: BookingView


class KindCosts(TypedDict):
    """What the bookings of one kind cost together."""

    kind: Kind
    bookings: Positive
    total_cents: Positive


class TripCosts(TypedDict):
    """What a traveller's trips of a month cost."""

    traveller_id: Traveller
    month: Month
    bookings: NotNegative
    by_kind: list[KindCosts]
    total_cents: NotNegative
    total: Euros
