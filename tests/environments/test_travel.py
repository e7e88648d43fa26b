"""The travel world: its data, its lists, its ledger and its scenarios."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbench import plugins, validation
from agentbench.world import World
from tests.environments.travel_desk import STAY, TRAVEL, Desk

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "scenarios" / "travel").glob("*.yaml"))
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
