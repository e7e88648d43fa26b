"""Tool worlds: what agents are told of a tool, how calls are answered, and that worlds can be made again."""

from pathlib import Path
from typing import Annotated, Any, Literal

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from agentbench import plugins
from agentbench.calls import ToolCall, ToolResult
from agentbench.environment import ApiError, Environment, page
from agentbench.errors import UsageError
from agentbench.world import World

SCHEMA = """
CREATE TABLE item (id TEXT PRIMARY KEY, stock INTEGER NOT NULL CHECK (stock >= 0)) STRICT;
CREATE TABLE purchase (id TEXT PRIMARY KEY, item TEXT NOT NULL REFERENCES item (id), count INTEGER NOT NULL) STRICT
"""


def _populate(world: World, random: Any) -> None:
    world.execute("INSERT INTO item VALUES ('PEN', 5)")
    world.execute("INSERT INTO item VALUES (?, 9)", f"INK-{random.randrange(10**9)}")


def make() -> Environment:
    """A shop with pens and ink."""
    shop = Environment(summary="A shop.", schema=SCHEMA, populate=_populate)
    shop.name = "shop"

    @shop.tool(effect="read", latency_s=0.5)
    def find(
        world: World,
        query: Annotated[str, Field(min_length=1, description="A word.")],
        kind: Literal["pen", "ink"] | None = None,
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
    ) -> Any:
        """Find items.

        By a word.
        """
        return {"items": world.rows("SELECT * FROM item LIMIT ?", limit), "kind": kind}

    @shop.tool(effect="write", idempotency_key="key")
    def order(world: World, item: str, count: int, key: str | None = None) -> Any:
        """Order an item."""
        number = world.new_id("ORD")
        world.execute("INSERT INTO purchase VALUES (?, ?, ?)", number, item, count)
        if count > 100:
            raise ApiError(403, "too_many", "That is too many.", most=100)
        world.execute("UPDATE item SET stock = stock - ? WHERE id = ?", count, item)
        return {"id": number, "count": count}

    @shop.tool(effect="read")
    def sneak(world: World) -> Any:
        """Write although it is a read."""
        world.execute("UPDATE item SET stock = 0")

    @shop.tool(effect="write")
    def broken(world: World) -> Any:
        """Fail after a write."""
        world.execute("UPDATE item SET stock = 0")
        raise ZeroDivisionError

    return shop


class Shop:
    """A shop with its world."""

    def __init__(self) -> None:
        self.environment = make()
        self.world = World(self.environment.template(), epoch=self.environment.epoch, seed="trial")

    def call(self, tool: str, **arguments: Any) -> ToolResult:
        """One call in this world."""
        made = ToolCall(id="c1", tool=tool, arguments=arguments)
        return self.environment.execute(self.world, made, author="call:c1", at_s=3.0)


@pytest.fixture
def shop() -> Shop:
    """A fresh shop."""
    return Shop()


# -- what an agent is told -----------------------------------------------------------------------------


def test_a_tool_is_described_by_its_signature(shop: Shop) -> None:
    """Docstring, JSON Schema without titles, required parameters and latency come from the function."""
    spec = shop.environment.tools["find"].spec
    assert spec.description == "Find items.\n\nBy a word."
    assert (spec.effect, spec.latency_s, spec.idempotency_key) == ("read", 0.5, None)
    assert spec.parameters["required"] == ["query"]
    assert spec.parameters["additionalProperties"] is False
    assert spec.parameters["properties"]["query"] == {"description": "A word.", "minLength": 1, "type": "string"}
    assert "world" not in spec.parameters["properties"]
    assert "title" not in str(spec.parameters)
    assert shop.environment.tools["order"].spec.idempotency_key == "key"


# -- how calls are answered ----------------------------------------------------------------------------


def test_a_read_answers_and_changes_nothing(shop: Shop) -> None:
    """The body is what the function returns, and the ledger stays empty."""
    reply = shop.call("find", query="pen", limit=1)
    assert (reply.status, reply.body["kind"], len(reply.body["items"])) == (200, None, 1)
    assert shop.world.effects == []


def test_a_write_is_in_the_ledger_under_its_author(shop: Shop) -> None:
    """Each changed row is entered with author and time."""
    assert shop.call("order", item="PEN", count=2).status == 200
    assert {(effect.author, effect.at_s) for effect in shop.world.effects} == {("call:c1", 3.0)}
    assert {(effect.table, effect.op) for effect in shop.world.effects} == {("purchase", "insert"), ("item", "update")}


REFUSED: list[tuple[str, dict[str, Any], int, str, str]] = [
    ("fnid", {}, 404, "unknown_tool", "There is no tool named 'fnid'."),
    ("find", {}, 422, "validation_error", "query: Field required"),
    ("find", {"query": ""}, 422, "validation_error", "query: String should have at least 1 character"),
    ("find", {"query": 5}, 422, "validation_error", "query: Input should be a valid string"),
    ("find", {"query": "a", "limit": "5"}, 422, "validation_error", "limit: Input should be a valid integer"),
    ("find", {"query": "a", "limit": True}, 422, "validation_error", "limit: Input should be a valid integer"),
    ("find", {"query": "a", "limit": 51}, 422, "validation_error", "limit: Input should be less than or equal to 50"),
    ("find", {"query": "a", "kind": "book"}, 422, "validation_error", "kind: Input should be 'pen' or 'ink'"),
    ("find", {"query": "a", "page": 1}, 422, "validation_error", "page: Extra inputs are not permitted"),
    ("order", {"item": "PEN", "count": 101}, 403, "too_many", "That is too many."),
    ("order", {"item": "PEN", "count": 6}, 409, "conflict", "The request conflicts with the current state (CHECK"),
    ("order", {"item": "CUP", "count": 1}, 409, "conflict", "The request conflicts with the current state (FOREIGN"),
]


@pytest.mark.parametrize(("tool", "arguments", "status", "code", "message"), REFUSED)
def test_a_refused_call_leaves_nothing_behind(shop: Shop, tool, arguments, status, code, message) -> None:
    """Unknown tools, wrong arguments, the API's own errors and broken constraints answer as HTTP, without effect."""
    before = shop.world.digest()
    reply = shop.call(tool, **arguments)
    assert (reply.status, reply.body["error"]["code"]) == (status, code)
    assert reply.body["error"]["message"].startswith(message)
    assert (shop.world.digest(), shop.world.effects) == (before, [])


def test_details_of_an_api_error_are_in_its_body(shop: Shop) -> None:
    """What a client needs in order to go on stands beside code and message."""
    assert shop.call("order", item="PEN", count=101).body["error"]["most"] == 100
    assert str(ApiError(404, "not_found", "No.")) == "404 not_found: No."


def test_a_defect_of_the_environment_is_not_an_answer(shop: Shop) -> None:
    """A read that writes is refused by name, and what else a tool raises propagates, rolled back."""
    with pytest.raises(UsageError, match="shop: tool 'sneak' is declared 'read' but changed rows"):
        shop.call("sneak")
    again = Shop()
    before = again.world.digest()
    with pytest.raises(ZeroDivisionError):
        again.call("broken")
    assert (again.world.digest(), again.world.effects) == (before, [])


# -- repeats with a key --------------------------------------------------------------------------------


def test_a_repeat_with_the_same_key_changes_nothing(shop: Shop) -> None:
    """The first answer comes again, marked as replayed."""
    first = shop.call("order", item="PEN", count=1, key="k1")
    effects = list(shop.world.effects)
    second = shop.call("order", count=1, key="k1", item="PEN")
    assert (second.status, second.body) == (200, first.body)
    assert (first.headers, second.headers) == ({}, {"Idempotent-Replayed": "true"})
    assert shop.world.effects == effects


def test_a_key_cannot_be_used_for_something_else(shop: Shop) -> None:
    """Other arguments under the same key are refused; another key, or none, is another order."""
    shop.call("order", item="PEN", count=1, key="k1")
    reply = shop.call("order", item="PEN", count=2, key="k1")
    assert (reply.status, reply.body["error"]["code"]) == (422, "idempotency_conflict")
    for more in ({"key": "k2"}, {}, {"key": None}, {"key": ""}):
        assert shop.call("order", item="PEN", count=1, **more).headers == {}
    assert shop.world.value("SELECT count(*) FROM purchase") == 5


def test_a_refused_call_does_not_use_up_its_key(shop: Shop) -> None:
    """After an error the same key may be tried again."""
    assert shop.call("order", item="PEN", count=101, key="k1").status == 403
    assert shop.call("order", item="PEN", count=1, key="k1").status == 200


# -- templates -----------------------------------------------------------------------------------------


def test_a_template_is_the_same_every_time() -> None:
    """The bytes depend on the seed alone, in any order and in any instance."""
    one, two = make(), make()
    first, other = one.template(1), one.template(2)
    assert (two.template(2), two.template(1)) == (other, first)
    assert first != other != one.template()


def test_given_sql_changes_a_copy(shop: Shop) -> None:
    """What a scenario adds to the start state is in its template only, and cannot reach outside."""
    environment = shop.environment
    plain = environment.template()
    given = World(environment.template(0, "UPDATE item SET stock = 1 WHERE id = 'PEN'"), epoch=environment.epoch)
    assert given.value("SELECT stock FROM item WHERE id = 'PEN'") == 1
    assert environment.template() == environment.template(0, "") == plain
    for sql in ("UPDATE itme SET stock = 1", "UPDATE item SET stock = -1", "ATTACH 'x.db' AS x"):
        with pytest.raises(apsw.Error):
            environment.template(0, sql)
    assert environment.template() == plain
    assert not Path("x.db").exists()


def test_a_schema_may_be_a_file() -> None:
    """A path is read, a text is taken as it is."""
    Path("schema.sql").write_text(SCHEMA, "utf-8")
    one = Environment(summary="", schema=Path("schema.sql"), populate=_populate)
    two = Environment(summary="", schema=SCHEMA, populate=_populate)
    assert one.template() == two.template()


def test_the_epoch_is_an_instant() -> None:
    """It is UTC, from whatever zone it was written in."""
    made = Environment(summary="", schema=SCHEMA, populate=_populate, epoch="2026-03-02T10:00:00+01:00")
    assert made.epoch.isoformat() == "2026-03-02T09:00:00+00:00"


@pytest.mark.parametrize("name", plugins.names("environments"))
def test_a_bundled_environment_keeps_the_rules(name: str) -> None:
    """Every table has a primary key, every tool a description, and the world is the same twice."""
    environment = plugins.environment(name)
    world = World(environment.template(3), epoch=environment.epoch)
    for (table,) in world.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        assert any(row["pk"] for row in world.rows(f'PRAGMA table_info("{table}")')), table
    assert all(tool.spec.description for tool in environment.tools.values())
    assert {tool.spec.effect for tool in environment.tools.values()} == {"read", "write"}


# -- pages ---------------------------------------------------------------------------------------------


@given(items=st.lists(st.integers(), max_size=30), limit=st.integers(1, 12))
def test_pages_put_together_are_the_list(items: list[int], limit: int) -> None:
    """Following the cursors gives every item once and in order, and every page the total."""
    seen: list[int] = []
    cursor: str | None = None
    while True:
        found = page(items, limit=limit, cursor=cursor)
        assert found["total"] == len(items)
        assert len(found["items"]) <= limit
        seen += found["items"]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert seen == items


@pytest.mark.parametrize("cursor", ["", "c", "x", "c-1", "c1.5", "c²", "c" + "9" * 10, "cc1"])
def test_a_cursor_that_nobody_handed_out_is_refused(cursor: str) -> None:
    """It is a 400 of the API, never a page."""
    with pytest.raises(ApiError) as raised:
        page([1, 2, 3], limit=2, cursor=cursor)
    assert (raised.value.status, raised.value.body["error"]["code"]) == (400, "invalid_cursor")


def test_a_page_may_have_a_total_of_its_own() -> None:
    """A list that was cut before says how long it was, and a cursor past the end gives an empty page."""
    assert page([1], limit=1, cursor=None, total=9) == {"items": [1], "next_cursor": None, "total": 9}
    assert page([1], limit=1, cursor="c7") == {"items": [], "next_cursor": None, "total": 1}
