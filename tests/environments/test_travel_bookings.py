"""The rules of the travel world's tools: quotes, bookings, money, refunds, approvals and itineraries."""

import pytest

from tests.environments.travel_desk import STAY, TRAVEL, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


# -- quotes and bookings -------------------------------------------------------------------------------


def test_a_quote_expires_by_the_clock(desk: Desk) -> None:
    """Twenty minutes after it was made a quote is expired and cannot be booked; a moment before it can."""
    quote = desk.ask("create_quote", offer_id="AG-107E")
    desk.now_s = 20 * 60 - 1
    assert desk.ask("get_quote", quote_id=quote["id"])["status"] == "open"
    assert desk.ask("book_flight", quote_id=quote["id"], traveller_id="TRV-103")["status"] == "held"
    desk.now_s = 20 * 60
    assert desk.ask("get_quote", quote_id=quote["id"])["status"] == "expired"
    assert desk.refused("book_flight", quote_id=quote["id"], traveller_id="TRV-103") == (410, "quote_expired")


def test_a_quote_keeps_its_price(desk: Desk) -> None:
    """What is booked costs what was quoted, whatever the offer costs by then."""
    quote = desk.ask("create_quote", offer_id="AG-107E")
    desk.world.execute("UPDATE fare SET price_cents = price_cents + 5000 WHERE id = 'AG-107E'")
    booking = desk.ask("book_flight", quote_id=quote["id"], traveller_id="TRV-103")
    assert booking["total_cents"] == quote["price_cents"] == booking["due_cents"]
    assert desk.ask("create_quote", offer_id="AG-107E")["price_cents"] == quote["price_cents"] + 5000


def test_sold_out_leaves_no_effect(desk: Desk) -> None:
    """The last seat, room or train seat can be sold once; a refusal changes no row."""
    quote = desk.ask("create_quote", offer_id="AG-107E")
    desk.world.execute("UPDATE fare SET seats_left = 0 WHERE id = 'AG-107E'")
    desk.world.execute("UPDATE room SET rooms_left = 0 WHERE id = 'RM-047S'")
    desk.world.execute("UPDATE rail SET first_left = 0 WHERE id = 'RS-501'")
    assert desk.refused("book_flight", quote_id=quote["id"], traveller_id="TRV-103") == (409, "sold_out")
    assert desk.refused("create_quote", offer_id="AG-107E") == (409, "sold_out")
    assert desk.refused("book_hotel", room_id="RM-047S", traveller_id="TRV-103", **STAY) == (409, "sold_out")
    train = {"service_id": "RS-501", "traveller_id": "TRV-103"}
    assert desk.refused("book_rail", **train, rail_class="first") == (409, "sold_out")
    assert desk.ask("book_rail", **train)["service_class"] == "standard"


def test_a_cancelled_flight_cannot_be_booked(desk: Desk) -> None:
    """A flight that the airline cancelled is in no search, and neither its offer nor an older quote sells."""
    quote = desk.ask("create_quote", offer_id="AG-107E")
    desk.world.execute("UPDATE flight SET status = 'cancelled' WHERE id = 'NW107'")
    offers = desk.ask("search_flights", origin="BER", destination="MUC", date="2026-03-10", limit=50)["items"]
    assert "NW107" not in {offer["flight"] for offer in offers}
    assert desk.ask("get_flight_status", flight="NW107")["status"] == "cancelled"
    assert desk.refused("create_quote", offer_id="AG-107E") == (409, "not_bookable")
    assert desk.refused("book_flight", quote_id=quote["id"], traveller_id="TRV-103") == (409, "not_bookable")


def test_an_idempotency_key_makes_a_repeat_safe(desk: Desk) -> None:
    """With the key a repeat is the first answer and no effect; without it, or for a room, it is a second booking."""
    quote = desk.ask("create_quote", offer_id="AG-107E")["id"]
    keyed = {"quote_id": quote, "traveller_id": "TRV-103", "idempotency_key": "munich-lena-1"}
    first = desk.ask("book_flight", **keyed)
    effects = len(desk.world.effects)
    repeat = desk.answer("book_flight", **keyed)
    assert repeat.body == first
    assert repeat.headers == {"Idempotent-Replayed": "true"}
    assert len(desk.world.effects) == effects
    assert desk.refused("book_flight", **{**keyed, "traveller_id": "TRV-104"}) == (422, "idempotency_conflict")
    assert desk.ask("book_flight", quote_id=quote, traveller_id="TRV-103")["id"] != first["id"]
    assert desk.room()["id"] != desk.room()["id"]


def test_which_writes_take_a_key() -> None:
    """The writes that declare an idempotency key are those that the README names, and booking a room is not one."""
    keyed = {name for name, tool in TRAVEL.tools.items() if tool.spec.idempotency_key}
    assert keyed == {"request_approval", "book_flight", "book_rail", "pay_booking"}
    assert all(TRAVEL.tools[name].spec.effect == "write" for name in keyed)


# -- money ---------------------------------------------------------------------------------------------


def test_paying_confirms_once(desk: Desk) -> None:
    """A payment takes what is due from the card and confirms the booking; a second one is refused."""
    booking = desk.room()
    before = desk.world.value("SELECT available_cents FROM card WHERE id = 'CARD-03A'")
    paid = desk.ask("pay_booking", booking_id=booking["id"], card_id="CARD-03A")
    assert paid["booking"]["status"] == "confirmed"
    assert paid["booking"]["due_cents"] == 0
    after = desk.world.value("SELECT available_cents FROM card WHERE id = 'CARD-03A'")
    assert before - after == booking["total_cents"] == paid["payment"]["amount_cents"]
    assert desk.refused("pay_booking", booking_id=booking["id"], card_id="CARD-03A") == (409, "already_paid")


@pytest.mark.parametrize(
    ("sql", "card", "expected"),
    [
        ("UPDATE card SET status = 'blocked' WHERE id = 'CARD-03A'", "CARD-03A", (402, "payment_declined")),
        ("UPDATE card SET available_cents = 1 WHERE id = 'CARD-03A'", "CARD-03A", (402, "payment_declined")),
        ("UPDATE card SET expires_on = '2026-02-28' WHERE id = 'CARD-03A'", "CARD-03A", (402, "payment_declined")),
        ("", "CARD-04A", (422, "wrong_card")),
        ("", "CARD-99Z", (404, "card_not_found")),
    ],
)
def test_cards_that_do_not_pay(sql: str, card: str, expected: tuple[int, str]) -> None:
    """A blocked, empty, expired, foreign or unknown card pays nothing and changes nothing."""
    desk = Desk(sql)
    assert desk.refused("pay_booking", booking_id=desk.room()["id"], card_id=card) == expected


def test_a_voucher_pays_a_part_and_is_used_up(desk: Desk) -> None:
    """A voucher lowers what is due and cannot be used again; the card pays the rest."""
    booking = desk.room()
    paid = desk.ask("redeem_voucher", code="V-JR6MHMT6", booking_id=booking["id"])
    assert paid["booking"]["due_cents"] == booking["total_cents"] - 7500
    assert paid["booking"]["status"] == "held"
    assert desk.refused("redeem_voucher", code="V-JR6MHMT6", booking_id=booking["id"]) == (409, "voucher_used")
    rest = desk.ask("pay_booking", booking_id=booking["id"], card_id="CARD-03A")
    assert rest["payment"]["amount_cents"] == booking["total_cents"] - 7500
    assert desk.ask("list_payments", traveller_id="TRV-103", booking_id=booking["id"])["total"] == 2


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE voucher SET traveller = 'TRV-104' WHERE code = 'V-JR6MHMT6'", (403, "not_your_voucher")),
        ("UPDATE voucher SET kind = 'rail' WHERE code = 'V-JR6MHMT6'", (422, "voucher_kind")),
        ("UPDATE voucher SET expires_at = '2026-03-02T09:00:00Z' WHERE code = 'V-JR6MHMT6'", (410, "voucher_expired")),
        ("UPDATE voucher SET status = 'withdrawn' WHERE code = 'V-JR6MHMT6'", (409, "voucher_used")),
    ],
)
def test_vouchers_that_do_not_pay(sql: str, expected: tuple[int, str]) -> None:
    """A voucher of somebody else, of another kind, expired or withdrawn pays nothing."""
    desk = Desk(sql)
    assert desk.refused("redeem_voucher", code="V-JR6MHMT6", booking_id=desk.room()["id"]) == expected


@pytest.mark.parametrize(
    ("refundable_until", "starts_at", "percent"),
    [
        ("2026-03-16T14:00:00Z", "2026-03-17T14:00:00Z", 100),
        ("2026-03-01T14:00:00Z", "2026-03-17T14:00:00Z", 50),
        ("2026-02-27T14:00:00Z", "2026-03-02T09:00:00Z", None),
    ],
)
def test_refund_rules(desk: Desk, refundable_until: str, starts_at: str, percent: int | None) -> None:
    """All comes back until `refundable_until`, half until the start, and nothing can be cancelled after it."""
    booking = desk.room()
    desk.ask("pay_booking", booking_id=booking["id"], card_id="CARD-03A")
    desk.world.execute(
        "UPDATE booking SET refundable_until = ?, starts_at = ? WHERE id = ?",
        refundable_until,
        starts_at,
        booking["id"],
    )
    if percent is None:
        assert desk.refused("cancel_booking", booking_id=booking["id"]) == (409, "already_started")
        return
    rooms = desk.world.value("SELECT rooms_left FROM room WHERE id = 'RM-047S'")
    money = desk.world.value("SELECT available_cents FROM card WHERE id = 'CARD-03A'")
    preview = desk.ask("preview_cancellation", booking_id=booking["id"])
    cancelled = desk.ask("cancel_booking", booking_id=booking["id"])
    assert cancelled["status"] == "cancelled"
    assert cancelled["refund_cents"] == preview["refund_cents"] == booking["total_cents"] * percent // 100
    assert desk.world.value("SELECT rooms_left FROM room WHERE id = 'RM-047S'") == rooms + 1
    assert desk.world.value("SELECT available_cents FROM card WHERE id = 'CARD-03A'") == money + preview["refund_cents"]
    assert desk.refused("cancel_booking", booking_id=booking["id"]) == (409, "already_cancelled")


def test_the_carriers_own_cancellation_refunds_all_and_the_voucher_comes_back(desk: Desk) -> None:
    """When the airline cancelled, even a fare beyond its refund date is paid back, the voucher included."""
    desk.world.execute("UPDATE voucher SET kind = 'any' WHERE code = 'V-JR6MHMT6'")
    quote = desk.ask("create_quote", offer_id="AG-107E")["id"]
    booking = desk.ask("book_flight", quote_id=quote, traveller_id="TRV-103")
    desk.ask("redeem_voucher", code="V-JR6MHMT6", booking_id=booking["id"])
    desk.ask("pay_booking", booking_id=booking["id"], card_id="CARD-03A")
    desk.now_s = 48 * 3600
    assert desk.ask("preview_cancellation", booking_id=booking["id"])["refund_percent"] == 50
    desk.world.execute("UPDATE flight SET status = 'cancelled' WHERE id = 'NW107'")
    assert desk.ask("cancel_booking", booking_id=booking["id"])["refund_cents"] == booking["total_cents"]
    assert desk.world.value("SELECT status FROM voucher WHERE code = 'V-JR6MHMT6'") == "open"


def test_trip_costs_agree_with_the_bookings(desk: Desk) -> None:
    """The month's sum is that of its bookings, and leaves out what was cancelled."""
    desk.ask("cancel_booking", booking_id="BKG-8002")
    found = desk.ask("list_bookings", traveller_id="TRV-102", from_date="2026-03-01", to_date="2026-03-31", limit=50)
    live = [each["total_cents"] for each in found["items"] if each["status"] != "cancelled"]
    costs = desk.ask("get_trip_costs", traveller_id="TRV-102", month="2026-03")
    assert (costs["bookings"], costs["total_cents"]) == (len(live), sum(live))
    assert len(live) == found["total"] - 1


# -- people --------------------------------------------------------------------------------------------


def test_an_approval_goes_to_the_manager(desk: Desk) -> None:
    """An approval is asked of the traveller's manager and stays pending; who has no manager can ask nobody."""
    asked = desk.ask("request_approval", traveller_id="TRV-103", purpose="Business class", amount_cents=30000)
    assert (asked["approver"], asked["status"]) == ("TRV-102", "pending")
    assert desk.ask("get_approval", approval_id=asked["id"]) == asked
    boss = {"traveller_id": "TRV-101", "purpose": "Business class", "amount_cents": 30000}
    assert desk.refused("request_approval", **boss) == (422, "no_approver")


def test_an_itinerary_covers_bookings_of_its_traveller_only(desk: Desk) -> None:
    """An itinerary lists the bookings sent; one of somebody else or a cancelled one is refused whole."""
    hers, his = desk.room()["id"], desk.room("TRV-104")["id"]
    itinerary = {"traveller_id": "TRV-103", "booking_ids": [hers, his]}
    assert desk.refused("send_itinerary", **itinerary) == (422, "wrong_traveller")
    desk.ask("send_itinerary", traveller_id="TRV-103", booking_ids=[hers])
    assert [each["booking_ids"] for each in desk.ask("list_messages", to="TRV-103")["items"]] == [[hers]]
    desk.ask("cancel_booking", booking_id=hers)
    assert desk.refused("send_itinerary", traveller_id="TRV-103", booking_ids=[hers]) == (409, "booking_cancelled")
