"""Fills the travel world: the same routes, prices, people and past bookings for the same generator.

Invariant: everything is drawn from the given `Random`, and instants count from the world's present.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from agentbench.world import World

CITIES = (
    ("AMS", "Amsterdam", "NL"), ("BCN", "Barcelona", "ES"), ("BER", "Berlin", "DE"), ("LON", "London", "GB"),
    ("MAD", "Madrid", "ES"), ("MIL", "Milan", "IT"), ("MUC", "Munich", "DE"), ("PAR", "Paris", "FR"),
    ("VIE", "Vienna", "AT"), ("ZRH", "Zurich", "CH"),
)  # fmt: skip
AIRLINES = (("NW", "Nordwind", 1), ("AQ", "Aquila Air", 1), ("CX", "Continental Express", 0))
# grade, hotel night, fare, cabin, rail class, rail is preferred to a flight when the ride is shorter (minutes)
POLICIES = (
    ("associate", 14_000, 26_000, "economy", "standard", 240),
    ("manager", 17_500, 36_000, "economy", "first", 240),
    ("director", 26_000, 90_000, "business", "first", 180),
)
PEOPLE = (
    ("TRV-101", "Marta Oliveira", "director", "LON", None),
    ("TRV-102", "Jonas Brandt", "manager", "BER", "TRV-101"),
    ("TRV-103", "Lena Hartmann", "associate", "BER", "TRV-102"),
    ("TRV-104", "Tomas Novak", "associate", "BER", "TRV-102"),
    ("TRV-105", "Aisha Rahman", "manager", "LON", "TRV-101"),
    ("TRV-106", "Pierre Lambert", "associate", "PAR", "TRV-105"),
    ("TRV-107", "Lena Hartwig", "associate", "MUC", "TRV-102"),
    ("TRV-108", "Carla Moreno", "associate", "MAD", "TRV-105"),
    ("TRV-109", "Ines Keller", "manager", "ZRH", "TRV-101"),
    ("TRV-110", "Oskar Lindqvist", "associate", "AMS", "TRV-109"),
    ("TRV-111", "Giulia Ferri", "associate", "MIL", "TRV-109"),
    ("TRV-112", "Daniel Weiss", "associate", "VIE", "TRV-109"),
    ("TRV-113", "Sophie Martin", "associate", "PAR", "TRV-105"),
    ("TRV-114", "Nuria Serra", "associate", "BCN", "TRV-105"),
)
# Both directions of each: minutes in the air, base fare in cents.
TRUNK_FLIGHTS = {("BER", "MUC"): (70, 11_900), ("LON", "PAR"): (80, 12_900)}
OTHER_FLIGHTS = {
    ("BER", "LON"): (115, 14_900), ("BER", "PAR"): (110, 13_900), ("MUC", "VIE"): (60, 12_400),
    ("AMS", "LON"): (75, 11_400), ("BCN", "MAD"): (80, 8_900), ("MIL", "ZRH"): (55, 13_400),
    ("AMS", "PAR"): (80, 12_100),
}  # fmt: skip
# Both directions of each: operator, minutes, base price of standard class in cents.
RAIL_ROUTES = {
    ("BER", "MUC"): ("Deutsche Schiene", 245, 8_900), ("LON", "PAR"): ("Channel Rail", 138, 11_900),
    ("BCN", "MAD"): ("Iberia Rapida", 165, 6_900), ("MUC", "VIE"): ("Alpenbahn", 225, 7_400),
    ("AMS", "PAR"): ("Channel Rail", 200, 9_400),
}  # fmt: skip
FEATURES = ("hotels", "itineraries", "trains", "vouchers")
FREQUENT = "TRV-102"  # travels so much that a default page does not hold all of it
DESCRIPTIONS = (
    "A quiet house with a garden, five minutes from the tram.",
    "Bright rooms above the market square; breakfast until eleven.",
    "Family-run since 1962, with a library and a small terrace.",
    "Modern rooms near the station, soundproof windows, late check-in.",
    "On the river, with bicycles for guests and a sauna on the top floor.",
)
HOTEL_NAMES = ("Arcade", "Central", "Park Lodge", "Bellevue", "Station Inn", "Metropol", "Quay House", "Regent")


def stamp(instant: datetime) -> str:
    """An instant as the world writes it: `2026-03-09T06:30:00Z`."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def populate(world: World, random: Random) -> None:
    """Fill an empty world, from the present on."""
    _insert(world, "city", CITIES)
    _insert(world, "airline", AIRLINES)
    _insert(world, "policy", POLICIES)
    _insert(world, "feature", ((name, 1) for name in FEATURES))
    _insert(world, "traveller", (
        (id_, name, name.lower().replace(" ", ".") + "@corvalis.example", grade, home, manager)
        for id_, name, grade, home, manager in PEOPLE
    ))  # fmt: skip
    _insert(world, "card", _cards(random))
    _insert(world, "voucher", _vouchers(world, random))
    _flights(world, random)
    _insert(world, "rail", _rail(world, random))
    _hotels(world, random)
    _past_bookings(world, random)
    _coming_bookings(world, random)


def _insert(world: World, table: str, rows: Any) -> None:
    for row in rows:
        world.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", *row)


def _cards(random: Random) -> Iterator[tuple[Any, ...]]:
    for number, person in enumerate(PEOPLE, start=1):
        yield (f"CARD-{number:02}A", person[0], "Corporate card", f"{random.randint(1000, 9999)}", "2027-11-30",
               random.randrange(400_000, 600_000, 1000), "active")  # fmt: skip
        if random.random() < 0.5:
            status = random.choice(["active", "active", "blocked"])
            yield (f"CARD-{number:02}B", person[0], "Backup card", f"{random.randint(1000, 9999)}", "2026-12-31",
                   random.randrange(100_000, 200_000, 1000), status)  # fmt: skip


def _vouchers(world: World, random: Random) -> Iterator[tuple[Any, ...]]:
    for person in PEOPLE:
        for _ in range(random.randint(2, 4)):
            expires = world.now + timedelta(days=random.randint(-60, 200))
            status = random.choice(["open", "open", "redeemed"])
            kind = random.choice(["any", "flight", "hotel", "rail"])
            code = "".join(random.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=8))
            yield f"V-{code}", person[0], kind, random.randrange(2_000, 12_000, 500), stamp(expires), status


def _days(world: World, *, trunk: bool) -> list[datetime]:
    """Midnights of the days with departures: on trunk routes all of next week's weekdays and some after them."""
    monday = world.now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=7 - world.now.weekday())
    return [monday + timedelta(days=offset) for offset in ((0, 1, 2, 3, 4, 8, 16) if trunk else (1, 3, 9))]


def _both_ways(routes: dict[tuple[str, str], Any]) -> Iterator[tuple[str, str, Any]]:
    for (one, other), rest in routes.items():
        yield one, other, rest
        yield other, one, rest


def _flights(world: World, random: Random) -> None:
    number = 100
    for origin, destination, (minutes, base) in _both_ways(TRUNK_FLIGHTS):
        for day in _days(world, trunk=True):
            for hour in (6, 8, 11, 14, 17, 20):
                number += 1
                departs = day + timedelta(hours=hour, minutes=random.choice([0, 10, 25, 40]))
                _flight(world, random, number, origin, destination, departs, minutes, base, business=True)
    for origin, destination, (minutes, base) in _both_ways(OTHER_FLIGHTS):
        for day in _days(world, trunk=False):
            for hour in (7, 18):
                number += 1
                departs = day + timedelta(hours=hour, minutes=random.choice([5, 15, 35, 50]))
                _flight(world, random, number, origin, destination, departs, minutes, base, business=hour == 7)


def _flight(
    world: World, random: Random, number: int, origin: str, destination: str, departs: datetime,
    minutes: int, base: int, *, business: bool,
) -> None:  # fmt: skip
    airline, _, sells_direct = random.choice(AIRLINES)
    flight = f"{airline}{number}"
    price = round(base * random.uniform(0.75, 1.6), -2)
    _insert(world, "flight", [
        (flight, airline, origin, destination, stamp(departs), stamp(departs + timedelta(minutes=minutes)), "scheduled")
    ])  # fmt: skip
    fares = [("AG", "aggregator", "economy", price, random.randint(3, 40), 0)]
    if business:
        fares.append(("AG", "aggregator", "business", round(price * 2.4, -2), random.randint(2, 10), 1))
    if sells_direct:
        # The airline's own price is near the aggregator's, without its fee or with a dearer allotment.
        own = price + random.choice([-700, -300, 900, 1500])
        fares.append(("DX", "direct", "economy", own, random.randint(2, 25), random.randint(0, 1)))
    _insert(world, "fare", (
        (f"{prefix}-{number}{cabin[0].upper()}", flight, supplier, cabin, int(cents), seats, refundable)
        for prefix, supplier, cabin, cents, seats, refundable in fares
    ))  # fmt: skip


def _rail(world: World, random: Random) -> Iterator[tuple[Any, ...]]:
    number = 500
    for origin, destination, (operator, minutes, base) in _both_ways(RAIL_ROUTES):
        trunk = (origin, destination) in TRUNK_FLIGHTS or (destination, origin) in TRUNK_FLIGHTS
        for day in _days(world, trunk=trunk):
            for hour in (5, 7, 10, 13, 16, 18) if trunk else (7, 12, 17):
                number += 1
                departs = day + timedelta(hours=hour, minutes=random.choice([2, 18, 31, 46]))
                standard = int(round(base * random.uniform(0.7, 1.4), -2))
                yield (f"RS-{number}", operator, origin, destination, stamp(departs),
                       stamp(departs + timedelta(minutes=minutes)), "scheduled", standard, random.randint(5, 80),
                       int(round(standard * 1.6, -2)), random.randint(2, 20))  # fmt: skip


def _hotels(world: World, random: Random) -> None:
    number = 0
    for code, city, _ in CITIES:
        for name in random.sample(HOTEL_NAMES, 7):
            number += 1
            stars = random.randint(2, 5)
            rating = round(random.uniform(6.2, 9.6), 1)
            hotel = f"HTL-{number:03}"
            km = round(random.uniform(0.2, 7.5), 1)
            _insert(world, "hotel", [(hotel, f"{name} {city}", code, stars, rating, km, DESCRIPTIONS[number % 5])])
            night = random.randrange(5_500, 9_000, 100) + stars * 1_800
            rooms = [("Single", night, 1), ("Double", night + 2_500, 2)]
            _insert(world, "room", (
                (f"RM-{number:03}{room[0]}", hotel, room, cents, random.randint(2, 9), random.randint(0, 1), days)
                for room, cents, days in rooms
            ))  # fmt: skip


def _past_bookings(world: World, random: Random) -> None:
    """Stays of the last weeks, paid by card: the history that a list has to page through."""
    rooms = world.rows("SELECT id, night_cents, name FROM room ORDER BY id")
    number = 7000
    for person in PEOPLE:
        weeks = random.sample(range(1, 8), 6 if person[0] == FREQUENT else random.randint(2, 4))
        for week in sorted(weeks, reverse=True):
            number += 1
            room = random.choice(rooms)
            starts = (world.now - timedelta(days=7 * week - random.randint(0, 3))).replace(hour=14)
            nights = random.randint(1, 3)
            _booking(world, random, f"BKG-{number}", person[0], "hotel", room["id"], room["name"],
                     starts, starts + timedelta(days=nights, hours=-4), room["night_cents"] * nights)  # fmt: skip


def _coming_bookings(world: World, random: Random) -> None:
    """What is already booked for the weeks to come, from or to a traveller's home, at most one trip a day."""
    number = 8000
    for person in PEOPLE:
        trips = world.rows(
            "SELECT 'flight' AS kind, fare.id, cabin, price_cents AS cents, departs_at, arrives_at FROM fare"
            " JOIN flight ON flight.id = fare.flight WHERE supplier = 'aggregator' AND cabin = 'economy'"
            " AND ?1 IN (origin, destination) UNION ALL"
            " SELECT 'rail', id, 'standard', standard_cents, departs_at, arrives_at FROM rail"
            " WHERE ?1 IN (origin, destination) ORDER BY 2",
            person[3],
        )
        random.shuffle(trips)
        by_day = {trip["departs_at"][:10]: trip for trip in trips}
        for day in sorted(by_day)[: 7 if person[0] == FREQUENT else random.randint(1, 2)]:
            number += 1
            trip = by_day[day]
            _booking(world, random, f"BKG-{number}", person[0], trip["kind"], trip["id"], trip["cabin"],
                     _instant(trip["departs_at"]), _instant(trip["arrives_at"]), trip["cents"])  # fmt: skip


def _booking(
    world: World, random: Random, id_: str, traveller: str, kind: str, sold: str, service_class: str,
    starts: datetime, ends: datetime, total: int,
) -> None:  # fmt: skip
    made = stamp(min(starts, world.now) - timedelta(days=random.randint(5, 25), minutes=random.randint(0, 600)))
    refundable_until = stamp(starts - timedelta(days=2 if kind == "hotel" else 1))
    what = [sold if kind == each else None for each in ("flight", "hotel", "rail")]
    _insert(world, "booking", [(id_, traveller, kind, *what, service_class.lower(), stamp(starts), stamp(ends), total,
                                total, refundable_until, "confirmed", made)])  # fmt: skip
    card = world.value("SELECT min(id) FROM card WHERE traveller = ?", traveller)
    _insert(world, "payment", [(id_.replace("BKG", "PAY"), id_, "charge", card, None, total, made)])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
