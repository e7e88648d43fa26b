"""The travel world: its data, its tools' rules, and what each of them leaves in the ledger."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbench import plugins, validation
from agentbench.calls import ToolCall, ToolResult
from agentbench.world import World

TRAVEL = plugins.environment("travel")
ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "scenarios" / "travel").glob("*.yaml"))
STAY = {"check_in": "2026-03-17", "check_out": "2026-03-19"}
LISTS: list[tuple[str, dict[str, Any]]] = [
    ("list_travellers", {}),
    ("list_airlines", {}),
    ("search_flights", {"origin": "BER", "destination": "MUC", "date": "2026-03-10"}),
    ("search_flights_direct", {"airline": "NW", "origin": "BER", "destination": "MUC", "date": "2026-03-10"}),
    ("search_rail", {"origin": "LON", "destination": "PAR", "date": "2026-03-11"}),
    ("search_hotels", {"city_code": "PAR", **STAY}),
    ("list_bookings", {"traveller_id": "TRV-102"}),
    ("list_cards", {"traveller_id": "TRV-101"}),
    ("list_vouchers", {"traveller_id": "TRV-103"}),
    ("list_payments", {"traveller_id": "TRV-102"}),
    ("list_approvals", {"traveller_id": "TRV-103"}),
    ("list_messages", {"to": "TRV-103"}),
    ("list_quotes", {"offer_id": "AG-107E"}),
]


class Desk:
    """A world with a clock that the test moves, and short ways to call its tools."""

    def __init__(self, sql: str | None = None) -> None:
        self.now_s = 0.0
        self.world = World(TRAVEL.template(0, sql), epoch=TRAVEL.epoch, clock=lambda: self.now_s, seed="test")
        self._calls = 0

    def answer(self, tool: str, **arguments: Any) -> ToolResult:
        self._calls += 1
        call = ToolCall(id=f"c{self._calls}", tool=tool, arguments=arguments)
        return TRAVEL.execute(self.world, call, author=f"call:{call.id}", at_s=self.now_s)

    def ask(self, tool: str, **arguments: Any) -> Any:
        result = self.answer(tool, **arguments)
        assert result.ok, result.body
        return result.body

    def refused(self, tool: str, **arguments: Any) -> tuple[int | None, str]:
        """Status and code of a refusal, which must have left nothing behind."""
        before = self.world.digest(), len(self.world.effects)
        result = self.answer(tool, **arguments)
        assert (self.world.digest(), len(self.world.effects)) == before
        return result.status, result.body["error"]["code"]

    def room(self, traveller: str = "TRV-103") -> dict[str, Any]:
        """A room of three stars in Munich for two nights, held."""
        booking: dict[str, Any] = self.ask("book_hotel", room_id="RM-047S", traveller_id=traveller, **STAY)
        return booking


@pytest.fixture
def desk() -> Desk:
    return Desk()


# -- the data ------------------------------------------------------------------------------------------


def test_two_resets_with_one_seed_agree_and_another_seed_differs() -> None:
    """The template is a function of the seed, made anew rather than taken from a cache."""
    again = plugins.environment("travel")
    again._templates.clear()
    digests = [World(bytes_, epoch=TRAVEL.epoch).digest() for bytes_ in (again.template(7), again.template(8))]
    again._templates.clear()
    assert World(again.template(7), epoch=TRAVEL.epoch).digest() == digests[0] != digests[1]


def test_every_table_is_strict_and_has_a_primary_key(desk: Desk) -> None:
    """Only tables with a primary key are in the ledger, and strict ones keep money an integer."""
    tables = desk.world.rows("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    own = [table for table in tables if not table["name"].startswith("sqlite_")]
    assert len(own) > 15
    for table in own:
        keys = desk.world.value(f"SELECT count(*) FROM pragma_table_info('{table['name']}') WHERE pk > 0")
        assert keys > 0, table
        assert table["strict"] == 1, table


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_data_is_large_enough_small_enough_and_sound(seed: int) -> None:
    """Hundreds of rows in a template of at most 150 KB, with every foreign key met and every booking paid for."""
    template = TRAVEL.template(seed)
    world = World(template, epoch=TRAVEL.epoch)
    counts = {name: world.value(f"SELECT count(*) FROM {name}") for name in ("flight", "hotel", "room", "rail", "fare")}
    assert counts["flight"] >= 250
    assert counts["fare"] >= 500
    assert counts["hotel"] >= 60
    assert counts["rail"] >= 80
    assert len(template) <= 150 * 1024
    assert world.rows("PRAGMA foreign_key_check") == []
    assert world.rows(
        "SELECT id FROM booking WHERE paid_cents <>"
        " (SELECT coalesce(sum(amount_cents), 0) FROM payment WHERE payment.booking = booking.id)"
    ) == []  # fmt: skip


def test_every_tool_and_parameter_is_described() -> None:
    """An agent reads nothing but the descriptions, and the README names every tool."""
    readme = (ROOT / "environments" / "travel" / "README.md").read_text("utf-8")
    assert len(TRAVEL.tools) >= 14
    for name, tool in TRAVEL.tools.items():
        assert len(tool.spec.description) > 20, name
        assert f"`{name}`" in readme, name
        for parameter, schema in tool.spec.parameters["properties"].items():
            assert schema.get("description"), f"{name}.{parameter}"


# -- lists ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tool", "arguments"), LISTS, ids=[name for name, _ in LISTS])
def test_lists_have_one_shape(desk: Desk, tool: str, arguments: dict[str, Any]) -> None:
    """Every list gives items, next_cursor and total, ten items at most unless more are asked for."""
    body = desk.ask(tool, **arguments)
    assert set(body) == {"items", "next_cursor", "total"}
    assert len(body["items"]) == min(10, body["total"])
    assert desk.refused(tool, **arguments, cursor="here") == (400, "invalid_cursor")


@settings(max_examples=40, deadline=None)
@given(which=st.sampled_from(LISTS), limit=st.integers(1, 50))
def test_paging_gives_every_item_exactly_once(which: tuple[str, dict[str, Any]], limit: int) -> None:
    """Following the cursors with any page size gives what one large page gives, in the same order."""
    desk = Desk()
    tool, arguments = which
    whole = desk.ask(tool, **arguments, limit=50)
    assert whole["total"] == len(whole["items"])
    found: list[Any] = []
    cursor = None
    while True:
        part = desk.ask(tool, **arguments, limit=limit, cursor=cursor)
        found += part["items"]
        cursor = part["next_cursor"]
        if cursor is None:
            break
    assert found == whole["items"]


def test_the_default_page_does_not_hold_a_busy_day(desk: Desk) -> None:
    """Paging matters: a day's offers, a city's rooms and a frequent traveller's bookings fill more than a page."""
    for tool, arguments in (LISTS[2], LISTS[5], LISTS[6]):
        assert desk.ask(tool, **arguments)["next_cursor"] is not None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"origin": "BER", "destination": "XXX", "date": "2026-03-10"}, (404, "unknown_city")),
        ({"origin": "BER", "destination": "BER", "date": "2026-03-10"}, (422, "validation_error")),
        ({"origin": "BER", "destination": "MUC", "date": "2026-02-30"}, (422, "validation_error")),
        ({"origin": "BER", "destination": "MUC", "date": "2026-02-20"}, (422, "validation_error")),
        ({"origin": "Berlin", "destination": "MUC", "date": "2026-03-10"}, (422, "validation_error")),
        ({"origin": "BER", "destination": "MUC", "date": "2026-03-10", "limit": 51}, (422, "validation_error")),
    ],
)
def test_searches_refuse_what_makes_no_sense(desk: Desk, arguments: Any, expected: tuple[int, str]) -> None:
    """Unknown cities, impossible or past dates and oversized pages are refused as an API would."""
    assert desk.refused("search_flights", **arguments) == expected


def test_suppliers_sell_their_own_seats(desk: Desk) -> None:
    """The airline still has seats on a flight that the aggregator has sold out, and not every airline sells direct."""
    desk.world.execute("UPDATE fare SET seats_left = 0 WHERE id = 'AG-107E'")
    route = {"origin": "BER", "destination": "MUC", "date": "2026-03-10", "cabin": "economy", "limit": 50}
    assert "NW107" not in {offer["flight"] for offer in desk.ask("search_flights", **route)["items"]}
    direct = desk.ask("search_flights_direct", airline="NW", **route)["items"]
    assert "NW107" in {offer["flight"] for offer in direct}
    assert {offer["supplier"] for offer in direct} == {"direct"}
    assert desk.refused("search_flights_direct", airline="CX", **route) == (422, "not_sold_direct")


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


# -- the ledger ----------------------------------------------------------------------------------------

TRAVELLERS = st.sampled_from(["TRV-102", "TRV-103", "TRV-999"])
STEPS = st.one_of(
    st.tuples(st.just("create_quote"), st.fixed_dictionaries({"offer_id": st.sampled_from(["AG-107E", "AG-115B"])})),
    st.tuples(
        st.just("book_hotel"),
        st.fixed_dictionaries(
            {"room_id": st.sampled_from(["RM-046S", "RM-x"]), "traveller_id": TRAVELLERS,
             "check_in": st.just("2026-03-17"), "check_out": st.sampled_from(["2026-03-19", "2026-03-16"])}
        ),
    ),
    st.tuples(
        st.just("book_rail"),
        st.fixed_dictionaries(
            {"service_id": st.sampled_from(["RS-501", "RS-502"]), "traveller_id": TRAVELLERS},
            optional={"idempotency_key": st.sampled_from(["key-00001", "key-00002"])},
        ),
    ),
    st.tuples(
        st.just("cancel_booking"),
        st.fixed_dictionaries({"booking_id": st.sampled_from(["BKG-8002", "BKG-8003", "BKG-7003", "$newest"])}),
    ),
    st.tuples(
        st.just("pay_booking"),
        st.fixed_dictionaries({"booking_id": st.just("$newest"), "card_id": st.sampled_from(["CARD-02A", "CARD-03A"])}),
    ),
    st.tuples(
        st.just("redeem_voucher"),
        st.fixed_dictionaries(
            {"booking_id": st.just("$newest"), "code": st.sampled_from(["V-JR6MHMT6", "V-B9E5T5A4"])}
        ),
    ),
    st.tuples(
        st.just("book_flight"), st.fixed_dictionaries({"quote_id": st.just("$quote"), "traveller_id": TRAVELLERS})
    ),
    st.tuples(
        st.just("send_message"),
        st.fixed_dictionaries({"to": TRAVELLERS, "subject": st.just("Hello"), "text": st.text(min_size=1, max_size=9)}),
    ),
    st.tuples(st.just("list_bookings"), st.fixed_dictionaries({"traveller_id": TRAVELLERS})),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=12))
def test_the_ledger_replayed_gives_the_same_state(steps: list[tuple[str, dict[str, Any]]]) -> None:
    """Whatever is called, a fresh template and the ledger give the state; refusals and reads leave no effect."""
    desk = Desk()
    for tool, arguments in steps:
        names = {
            "$newest": desk.world.value("SELECT max(id) FROM booking WHERE length(id) > 8"),
            "$quote": desk.world.value("SELECT max(id) FROM quote"),
        }
        given_ = {name: names.get(value) or value for name, value in arguments.items()}
        before = len(desk.world.effects)
        result = desk.answer(tool, **given_)
        if not result.ok or TRAVEL.tools[tool].spec.effect == "read":
            assert len(desk.world.effects) == before
    fresh = World(TRAVEL.template(0), epoch=TRAVEL.epoch)
    fresh.replay(desk.world.effects)
    assert fresh.digest() == desk.world.digest()
    assert desk.world.rows("PRAGMA foreign_key_check") == []


# -- the scenarios -------------------------------------------------------------------------------------


def test_there_are_enough_scenarios() -> None:
    """The world comes with at least seven scenarios."""
    assert len(SCENARIOS) >= 7


@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_every_scenario_is_right_by_itself_and_in_this_world(path: Path) -> None:
    """A scenario loads, names tools, arguments, tables and columns that exist, and is not done at the start."""
    content = validation.load(path)
    assert content.id == f"travel.{path.stem}"
    world = World(TRAVEL.template(content.given.seed, content.given.sql), epoch=TRAVEL.epoch)
    goals = [content.checks[name].sql for name in content.outcomes.success]
    assert not all(world.ask(sql) for sql in goals if sql)
    assert not any(world.ask(check.sql) for check in content.never.values() if check.sql)
