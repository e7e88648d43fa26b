"""Each fault, let loose in a real gateway, is confirmed by its witness where it acts, and nowhere else."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from agentbench.calls import ToolResult
from agentbench.environment import ApiError, Environment, page
from agentbench.faultload import Injection
from agentbench.gateway import Gateway
from agentbench.injector import Strike
from agentbench.plan import PlannedTool
from agentbench.record import Ending, TrialRecord
from agentbench.witness import landings
from agentbench.world import World
from tests import records

SCHEMA = """
CREATE TABLE parcel (id TEXT PRIMARY KEY, shop_order TEXT NOT NULL, buyer TEXT NOT NULL) STRICT;
CREATE TABLE shop_order (id TEXT PRIMARY KEY, buyer TEXT NOT NULL, amount_cents INTEGER NOT NULL) STRICT;
INSERT INTO shop_order VALUES ('ORD-1', 'Jörg', 120050), ('ORD-2', 'Kim', 4000), ('ORD-3', 'Ana', 99900)
"""

FIND = ("find_order", {"order_id": "ORD-1"})
LIST = ("list_orders", {})
FIRST = ("list_orders", {"limit": 2})
SECOND = ("list_orders", {"limit": 2, "cursor": "c2"})
NONE = ("list_refunds", {})
ONE = ("list_orders", {"buyer": "Jörg"})
ADD = ("add_order", {"buyer": "Bo", "amount_cents": 700})
WRONG = ("add_order", {"buyer": "Bo"})
HEALTH = ("health", {})
SHIP = ("ship_order", {"order_id": "ORD-1"})
NOWHERE = ("ship_order", {"order_id": "ORD-9"})

# A fault, its parameters, the call that it meets, and what its witness finds.
CASES: list[tuple[str, dict[str, Any], tuple[str, dict[str, Any]], str]] = [
    ("noop", {}, LIST, "witnessed"),
    ("outage", {"as": "refused"}, ADD, "witnessed"),
    ("timeout", {}, ADD, "witnessed"),
    ("rate_limit", {}, LIST, "witnessed"),
    ("latency", {"jitter_s": 5}, LIST, "witnessed"),
    ("silent_noop", {}, ADD, "witnessed"),
    ("silent_noop", {}, LIST, "ineffective"),
    ("lost_reply", {}, ADD, "witnessed"),
    ("lost_reply", {}, WRONG, "ineffective"),
    ("duplicate_delivery", {}, ADD, "witnessed"),
    ("duplicate_delivery", {}, WRONG, "ineffective"),
    ("truncate", {}, LIST, "witnessed"),
    ("truncate", {}, FIND, "ineffective"),
    ("stale", {}, LIST, "ineffective"),
    *[("rejected", {"status": each}, ADD, "witnessed") for each in (400, 401, 402, 403, 404, 408, 409, 413, 422)],
    ("rejected", {}, LIST, "witnessed"),
    *[("misleading_error", {"blames": e}, ADD, "witnessed") for e in ("argument", "credentials", "network", "repeat")],
    ("misleading_error", {}, HEALTH, "witnessed"),
    ("tool_vanished", {"status": 410}, ADD, "witnessed"),
    ("tool_vanished", {"successor": "find_order"}, LIST, "witnessed"),
    ("error_in_200", {}, ADD, "witnessed"),
    ("error_in_200", {"as": "flag"}, LIST, "witnessed"),
    ("error_in_200", {}, ("find_order", {"order_id": "ORD-9"}), "ineffective"),
    ("error_for_success", {"status": 504}, ADD, "witnessed"),
    ("error_for_success", {}, LIST, "witnessed"),
    ("error_for_success", {}, WRONG, "ineffective"),
    ("late_reply", {"delay_s": 90}, ADD, "witnessed"),
    ("late_reply", {}, LIST, "witnessed"),
    ("drop_fields", {}, LIST, "witnessed"),
    ("drop_fields", {"fields": ["buyer"], "as": "null"}, FIND, "witnessed"),
    ("drop_fields", {}, NONE, "ineffective"),
    ("drop_fields", {"fields": ["iban"]}, FIND, "ineffective"),
    ("wrong_value", {}, FIND, "witnessed"),
    ("wrong_value", {"by": 0.01}, ADD, "witnessed"),
    ("wrong_value", {}, NONE, "ineffective"),
    ("unit_change", {}, LIST, "witnessed"),
    ("unit_change", {"fields": ["weight"]}, LIST, "ineffective"),
    ("wrong_entity", {}, FIND, "witnessed"),
    ("wrong_entity", {}, LIST, "witnessed"),
    ("wrong_entity", {"instead": {"order_id": "ORD-3"}}, FIND, "witnessed"),
    ("wrong_entity", {}, ONE, "ineffective"),
    ("wrong_entity", {}, ADD, "ineffective"),
    ("page_cursor", {}, FIRST, "witnessed"),
    ("page_cursor", {"as": "gap"}, FIRST, "witnessed"),
    ("page_cursor", {"as": "repeating"}, SECOND, "witnessed"),
    ("page_cursor", {"as": "repeating"}, FIRST, "ineffective"),
    ("page_cursor", {}, SECOND, "ineffective"),
    *[("empty_reply", {"as": each}, LIST, "witnessed") for each in ("list", "object", "nothing")],
    ("empty_reply", {}, NONE, "ineffective"),
    ("duplicate_rows", {}, LIST, "witnessed"),
    ("duplicate_rows", {}, NONE, "ineffective"),
    *[("reorder_rows", {"as": each}, LIST, "witnessed") for each in ("shuffled", "reversed")],
    ("reorder_rows", {}, ONE, "ineffective"),
    ("wrong_type", {}, FIND, "witnessed"),
    ("wrong_type", {"as": "single"}, ONE, "witnessed"),
    ("wrong_type", {"as": "single"}, LIST, "ineffective"),
    *[("schema_drift", {"as": each}, LIST, "witnessed") for each in ("camel", "envelope")],
    ("schema_drift", {"rename": {"iban": "account"}}, LIST, "ineffective"),
    *[("malformed_json", {"as": each}, LIST, "witnessed") for each in ("cut", "python", "noisy")],
    ("malformed_json", {}, HEALTH, "ineffective"),
    ("html_reply", {}, ADD, "witnessed"),
    ("html_reply", {}, WRONG, "ineffective"),
    ("mojibake", {}, ONE, "witnessed"),
    ("mojibake", {"as": "entities"}, LIST, "ineffective"),
    ("oversize", {}, ADD, "witnessed"),
    ("oversize", {}, HEALTH, "ineffective"),
    *[("partial_effect", {"keep": keep}, SHIP, "witnessed") for keep in ("first", "last")],
    ("partial_effect", {"as": "error"}, SHIP, "witnessed"),
    *[("partial_effect", {}, call, "ineffective") for call in (ADD, LIST, WRONG)],
    ("wrong_row", {}, SHIP, "witnessed"),
    ("wrong_row", {"instead": {"order_id": "ORD-3"}}, SHIP, "witnessed"),
    *[("wrong_row", {}, call, "ineffective") for call in (NOWHERE, ADD, FIND)],
    ("outage", {"status": 529}, ADD, "witnessed"),
    ("expired_credential", {}, ADD, "witnessed"),
    ("expired_credential", {"by": "health"}, HEALTH, "ineffective"),
    ("expired_credential", {"by": "health", "refresh": "refused"}, HEALTH, "witnessed"),
    ("tool_renamed", {}, LIST, "witnessed"),
    ("changed_parameters", {}, ADD, "witnessed"),
    ("changed_parameters", {"require": ["limit"]}, LIST, "witnessed"),
    ("changed_parameters", {"rename": {"iban": "account"}}, ADD, "ineffective"),
    ("currency_change", {"told": False}, LIST, "witnessed"),
    ("currency_change", {}, HEALTH, "ineffective"),
    ("locale_change", {}, LIST, "witnessed"),
    ("locale_change", {"as": "dates"}, LIST, "ineffective"),
    ("conflicting_source", {}, FIND, "ineffective"),
    ("swapped_replies", {}, FIND, "ineffective"),
    ("page_cursor", {"as": "overlap"}, SECOND, "witnessed"),
    ("page_cursor", {"as": "overlap"}, FIRST, "ineffective"),
    ("delayed_effect", {}, SHIP, "witnessed"),
    ("delayed_effect", {"calls": 2}, ADD, "witnessed"),
    *[("delayed_effect", {}, call, "ineffective") for call in (WRONG, LIST)],
]


def shop() -> Environment:
    """Three orders, a list that is always empty, and a way to add an order."""
    environment = Environment(summary="Orders.", schema=SCHEMA, populate=lambda _world, _random: None)

    @environment.tool(effect="read")
    def list_orders(world: World, limit: int = 10, cursor: str | None = None, buyer: str | None = None) -> Any:
        """The orders, the oldest first."""
        found = world.rows("SELECT * FROM shop_order WHERE ? IN ('', buyer) ORDER BY id", buyer or "")
        return page(found, limit=limit, cursor=cursor)

    @environment.tool(effect="read")
    def list_refunds(world: World) -> Any:
        """The refunds, of which there are none."""
        return page([], limit=10, cursor=None)

    @environment.tool(effect="read")
    def find_order(world: World, order_id: str) -> Any:
        """One order."""
        found = world.row("SELECT * FROM shop_order WHERE id = ?", order_id)
        if found is None:
            raise ApiError(404, "not_found", f"There is no order {order_id}.")
        return found

    @environment.tool(effect="read")
    def health(world: World) -> Any:
        """Whether the shop is open."""
        return "ok"

    @environment.tool(effect="write")
    def add_order(world: World, buyer: str, amount_cents: int) -> Any:
        """Add an order."""
        order = world.new_id("ORD")
        world.execute("INSERT INTO shop_order VALUES (?, ?, ?)", order, buyer, amount_cents)
        return {"id": order, "buyer": buyer, "amount_cents": amount_cents}

    @environment.tool(effect="write")
    def ship_order(world: World, order_id: str) -> Any:
        """Ship an order: from then on its buyer has a parcel and owes nothing."""
        found = find_order(world, order_id)
        parcel = world.new_id("PAR")
        world.execute("INSERT INTO parcel VALUES (?, ?, ?)", parcel, order_id, found["buyer"])
        world.execute("UPDATE shop_order SET amount_cents = 0 WHERE id = ?", order_id)
        return {"id": parcel, "order_id": order_id, "buyer": found["buyer"]}

    return environment


ENVIRONMENT = shop()
TEMPLATE = ENVIRONMENT.template()
TOOLS = {
    name: PlannedTool(effect=tool.spec.effect, idempotency_key=tool.spec.idempotency_key)
    for name, tool in ENVIRONMENT.tools.items()
}


class Clock:
    """Time that moves when somebody sleeps."""

    now = 0.0

    def now_s(self) -> float:
        """The instant."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds


def make_gateway(world: World, strikes: list[Strike]) -> Gateway:
    """The tools of the shop, with nobody who listens."""
    return Gateway(
        environment=ENVIRONMENT,
        world=world,
        template=TEMPLATE,
        clock=Clock(),
        strikes=strikes,
        limits={"tool_calls": 10, "tokens": 10},
        journal=SimpleNamespace(event=lambda _: None, effects=lambda _: None),
        stop=lambda _limit: None,
        called=lambda _tool, _count: None,
    )


# The same where it takes an earlier call, to which nothing happens.
AFTER = [
    ("conflicting_source", {}, LIST, FIND),
    ("conflicting_source", {}, ONE, FIND),
]


def strike(fault: str, parameters: dict[str, Any], *calls: tuple[str, dict[str, Any]]) -> tuple[ToolResult, Any]:
    """What the last call is told under a fault, and what the witness says of it."""
    injection = {"fault": fault, "with": parameters, "at": {"call": len(calls)}}
    of = records.trial(injection)
    world = World(TEMPLATE, epoch=ENVIRONMENT.epoch, seed="landing")
    gateway = make_gateway(world, [Strike(0, Injection.model_validate(injection), ("key",))])
    told = [asyncio.run(gateway.call(tool, arguments)) for tool, arguments in calls][-1]
    gateway.close()
    record = TrialRecord(
        trial=of.id, attempt=1, seed=of.seed, clock="virtual", sandbox="process", ending=Ending(kind="finished"),
        end_s=gateway.now_s(), events=gateway.events, ledger=world.effects,
    )  # fmt: skip
    (landing,) = landings(record, of, TOOLS)
    return told, landing


@pytest.mark.parametrize(("fault", "parameters", "call", "state"), CASES)
def test_witness_confirms_what_the_fault_does(fault, parameters, call, state):
    """Where the fault has something to act on it is `witnessed`, and where it has nothing it is `ineffective`."""
    _, landing = strike(fault, parameters, call)
    assert (landing.state, landing.fired) == (state, 1), landing.reason


@pytest.mark.parametrize(("fault", "parameters", "before", "call"), AFTER)
def test_witness_confirms_what_an_earlier_call_makes_possible(fault, parameters, before, call):
    """What contradicts or joins replies is witnessed by the record of both calls."""
    _, landing = strike(fault, parameters, before, call)
    assert (landing.state, landing.fired) == ("witnessed", 1), landing.reason
