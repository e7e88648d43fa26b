"""The tool world `travel`: a company's travel desk over several suppliers.

Invariant: this is the one place that says of each tool whether it writes, how long it takes and what makes a
repeat safe; the functions lie in the modules by subject.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from agentbench.environment import Environment

from . import bookings, data, drifts, lures, money, people, search

Timed: TypeAlias = tuple[Callable[..., Any], float]  # a tool and how many seconds it takes

environment = Environment(
    summary="A company's travel desk: flights, hotels and trains of several suppliers, quotes, payments, vouchers.",
    schema=Path(__file__).with_name("schema.sql"),
    populate=data.populate,
)

READS: tuple[Timed, ...] = (
    (people.renew_session, 0.2),
    (people.list_travellers, 0.15),
    (people.get_traveller, 0.1),
    (people.get_policy, 0.1),
    (people.get_approval, 0.1),
    (people.list_approvals, 0.15),
    (people.list_messages, 0.15),
    (search.list_airlines, 0.1),
    (search.search_flights, 1.4),
    (search.search_flights_direct, 0.9),
    (search.get_offer, 0.4),
    (search.get_flight_status, 0.2),
    (search.search_rail, 0.7),
    (search.search_hotels, 0.9),
    (search.get_hotel, 0.3),
    (search.get_quote, 0.2),
    (search.list_quotes, 0.2),
    (bookings.list_bookings, 0.2),
    (bookings.get_booking, 0.1),
    (bookings.preview_cancellation, 0.2),
    (money.list_cards, 0.1),
    (money.list_vouchers, 0.15),
    (money.list_payments, 0.2),
    (money.get_trip_costs, 0.3),
)
# A repeat of these does it again, or is refused because of what the first one did.
WRITES: tuple[Timed, ...] = (
    (people.send_message, 0.3),
    (people.send_itinerary, 0.4),
    (search.create_quote, 0.5),
    (bookings.book_hotel, 1.1),
    (bookings.cancel_booking, 0.8),
    (money.redeem_voucher, 0.5),
)
WRITES_WITH_KEY: tuple[Timed, ...] = (
    (people.request_approval, 0.3),
    (bookings.book_flight, 1.6),
    (bookings.book_rail, 0.9),
    (money.pay_booking, 1.2),
)

for function, latency_s in READS:
    environment.tool(effect="read", latency_s=latency_s)(function)
for function, latency_s in WRITES:
    environment.tool(effect="write", latency_s=latency_s)(function)
for function, latency_s in WRITES_WITH_KEY:
    environment.tool(effect="write", latency_s=latency_s, idempotency_key="idempotency_key")(function)
for name, function, tools in drifts.DRIFTS:
    environment.drift(name, tools=tools)(function)
lures.declare(environment)
