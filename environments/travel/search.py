"""What suppliers offer: flights of the aggregator and of the airlines, trains, rooms, and quotes that expire."""

from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from agentbench.answers import Page
from agentbench.environment import ApiError, page
from agentbench.world import World

from .answers import AirlineView, FlightView, FreeRoom, HotelView, OfferView, Quote, TrainView
from .data import stamp
from .parameters import CityCode, Cursor, Day, Limit, OfferId, PriceLimit, QuoteId, city, day, one

QUOTE_MINUTES = 20
Cabin: TypeAlias = Annotated[Literal["economy", "business"] | None, Field(description="Only this cabin.")]
Sort: TypeAlias = Annotated[Literal["departure", "price"], Field(description="The order of the items.")]

_OFFER = """
SELECT fare.id AS offer_id, supplier, flight.id AS flight, airline, airline.name AS airline_name, origin, destination,
       departs_at, arrives_at, flight.status, cabin, price_cents, seats_left, refundable
FROM fare JOIN flight ON flight.id = fare.flight JOIN airline ON airline.code = flight.airline
"""


def list_airlines(world: World, limit: Limit = 10, cursor: Cursor = None) -> Page[AirlineView]:
    """The airlines that can be booked; `sells_direct` says whether search_flights_direct reaches one."""
    found = [
        {**row, "sells_direct": bool(row["sells_direct"])} for row in world.rows("SELECT * FROM airline ORDER BY code")
    ]
    return page(found, limit=limit, cursor=cursor)


def search_flights(
    world: World,
    origin: CityCode,
    destination: CityCode,
    date: Day,
    cabin: Cabin = None,
    max_price_cents: PriceLimit = None,
    sort: Sort = "departure",
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[OfferView]:
    """Search the aggregator's flight offers of one day, all airlines. Only offers with a free seat are listed."""
    return _flights(world, "aggregator", None, origin, destination, date, cabin, max_price_cents, sort, limit, cursor)


def search_flights_direct(
    world: World,
    airline: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="Airline code such as NW.")],
    origin: CityCode,
    destination: CityCode,
    date: Day,
    cabin: Cabin = None,
    max_price_cents: PriceLimit = None,
    sort: Sort = "departure",
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[OfferView]:
    """Search an airline's own offers of one day. They have their own prices and their own seats."""
    if not one(world, "airline", airline, key="code")["sells_direct"]:
        raise ApiError(422, "not_sold_direct", f"Airline '{airline}' sells through the aggregator only.")
    return _flights(world, "direct", airline, origin, destination, date, cabin, max_price_cents, sort, limit, cursor)


def _flights(
    world: World, supplier: str, airline: str | None, origin: str, destination: str, date: str,
    cabin: str | None, max_price_cents: int | None, sort: str, limit: int, cursor: str | None,
) -> dict[str, Any]:  # fmt: skip
    _route(world, origin, destination, date)
    order = "price_cents, departs_at" if sort == "price" else "departs_at, price_cents"
    found = world.rows(
        f"{_OFFER} WHERE origin = ? AND destination = ? AND departs_at BETWEEN ? AND ? AND supplier = ?"
        " AND airline = coalesce(?, airline) AND cabin = coalesce(?, cabin) AND price_cents <= coalesce(?, price_cents)"
        f" AND seats_left > 0 AND flight.status <> 'cancelled' AND departs_at > ? ORDER BY {order}, fare.id",
        origin, destination, date, date + "T99", supplier, airline, cabin, max_price_cents, stamp(world.now),
    )  # fmt: skip
    return page([_shown(offer) for offer in found], limit=limit, cursor=cursor)


def get_offer(world: World, offer_id: OfferId) -> OfferView:
    """A flight offer as it stands now: price, free seats and the flight's status."""
    return _offer(world, offer_id)


def get_flight_status(
    world: World, flight: Annotated[str, Field(min_length=3, description="Flight number such as NW101.")]
) -> FlightView:
    """Times and status of a flight: scheduled, delayed or cancelled."""
    return one(world, "flight", flight)


def search_rail(
    world: World,
    origin: CityCode,
    destination: CityCode,
    date: Day,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[TrainView]:
    """Search the trains of one day with the prices and free seats of standard and first class, by departure."""
    _route(world, origin, destination, date)
    found = world.rows(
        "SELECT id AS service_id, operator, origin, destination, departs_at, arrives_at, status, standard_cents,"
        " standard_left, first_cents, first_left,"
        " CAST(round((julianday(arrives_at) - julianday(departs_at)) * 1440) AS INTEGER) AS duration_min"
        " FROM rail WHERE origin = ? AND destination = ? AND departs_at BETWEEN ? AND ? AND departs_at > ?"
        " AND status <> 'cancelled' AND standard_left + first_left > 0 ORDER BY departs_at, id",
        origin, destination, date, date + "T99", stamp(world.now),
    )  # fmt: skip
    return page(found, limit=limit, cursor=cursor)


def search_hotels(
    world: World,
    city_code: CityCode,
    check_in: Day,
    check_out: Day,
    max_night_cents: PriceLimit = None,
    min_rating: Annotated[int | None, Field(ge=0, le=10, description="Only hotels rated so or better.")] = None,
    sort: Annotated[Literal["price", "rating", "distance"], Field(description="The order of the items.")] = "price",
    limit: Limit = 10,
    cursor: Cursor = None,
) -> Page[FreeRoom]:  # fmt: skip
    """Search free rooms for a stay. `total_cents` is for all nights; `centre_km` is the way to the city centre."""
    city(world, city_code)
    nights = stay_nights(world, check_in, check_out)
    order = {"price": "night_cents", "rating": "rating DESC", "distance": "centre_km"}[sort]
    found = world.rows(
        "SELECT room.id AS room_id, hotel.id AS hotel_id, hotel.name AS hotel, description, room.name AS room, stars,"
        " rating, centre_km, night_cents, night_cents * ? AS total_cents, rooms_left, breakfast, free_cancel_days"
        " FROM room JOIN hotel ON hotel.id = room.hotel WHERE city = ? AND rooms_left > 0"
        f" AND night_cents <= coalesce(?, night_cents) AND rating >= coalesce(?, rating) ORDER BY {order}, room.id",
        nights, city_code, max_night_cents, min_rating,
    )  # fmt: skip
    return page([_shown(room) for room in found], limit=limit, cursor=cursor)


def get_hotel(
    world: World, hotel_id: Annotated[str, Field(min_length=1, description="Hotel id such as HTL-017.")]
) -> HotelView:
    """A hotel with all its kinds of rooms, also those that are sold out now."""
    hotel = one(world, "hotel", hotel_id)
    rooms = world.rows("SELECT * FROM room WHERE hotel = ? ORDER BY night_cents", hotel_id)
    return {**hotel, "rooms": [_shown(room) for room in rooms]}


def create_quote(world: World, offer_id: OfferId) -> Quote:
    """Fix the price of a flight offer for 20 minutes. A quote reserves no seat; book_flight takes its id."""
    offer = _offer(world, offer_id)
    if offer["status"] == "cancelled" or offer["departs_at"] <= stamp(world.now):
        raise ApiError(409, "not_bookable", f"Flight {offer['flight']} can no longer be booked.")
    if offer["seats_left"] < 1:
        raise ApiError(409, "sold_out", f"Offer '{offer_id}' is sold out.")
    id_ = world.new_id("QTE")
    world.execute(
        "INSERT INTO quote VALUES (?, ?, ?, ?, ?)",
        id_, offer_id, offer["price_cents"], stamp(world.now), stamp(world.now + timedelta(minutes=QUOTE_MINUTES)),
    )  # fmt: skip
    return _quote(world, one(world, "quote", id_))


def get_quote(world: World, quote_id: QuoteId) -> Quote:
    """A quote with its price, `expires_at` and status: open or expired."""
    return _quote(world, one(world, "quote", quote_id))


def list_quotes(world: World, offer_id: OfferId, limit: Limit = 10, cursor: Cursor = None) -> Page[Quote]:
    """The quotes made for a flight offer, newest first."""
    _offer(world, offer_id)
    found = world.rows("SELECT * FROM quote WHERE fare = ? ORDER BY created_at DESC, id", offer_id)
    return page([_quote(world, quote) for quote in found], limit=limit, cursor=cursor)


def stay_nights(world: World, check_in: str, check_out: str) -> int:
    """The nights of a stay; raises `ApiError` 422 unless it begins today or later and has 1 to 30 nights."""
    nights = (day(check_out) - day(check_in)).days
    if not 1 <= nights <= 30:
        raise ApiError(422, "validation_error", "check_out must be 1 to 30 days after check_in.")
    if day(check_in) < world.now.date():
        raise ApiError(422, "validation_error", "check_in lies in the past.")
    return nights


def _quote(world: World, quote: dict[str, Any]) -> dict[str, Any]:
    status = "expired" if quote["expires_at"] <= stamp(world.now) else "open"
    flight = world.value("SELECT flight FROM fare WHERE id = ?", quote["fare"])
    return {"id": quote["id"], "offer_id": quote["fare"], "flight": flight, "price_cents": quote["price_cents"],
            "created_at": quote["created_at"], "expires_at": quote["expires_at"], "status": status}  # fmt: skip


def _offer(world: World, offer_id: str) -> dict[str, Any]:
    found = world.row(f"{_OFFER} WHERE fare.id = ?", offer_id)
    if found is None:
        raise ApiError(404, "offer_not_found", f"There is no offer '{offer_id}'.")
    return _shown(found)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: bool(value) if name in {"refundable", "breakfast"} else value for name, value in row.items()}


def _route(world: World, origin: str, destination: str, date: str) -> None:
    city(world, origin)
    city(world, destination)
    if origin == destination:
        raise ApiError(422, "validation_error", "origin and destination are the same.")
    if day(date) < world.now.date():
        raise ApiError(422, "validation_error", f"{date} lies in the past.")
