"""The world: a ledger with authors, rollback, replay, and questions that can only read."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentbench.record import Effect
from agentbench.world import Copies, World

EPOCH = datetime(2026, 3, 2, 9, tzinfo=UTC)
SCHEMA = """
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE, size REAL, data BLOB) STRICT;
CREATE TABLE pair (a TEXT, b TEXT, note TEXT, PRIMARY KEY (a, b)) STRICT;
CREATE TABLE part (id TEXT PRIMARY KEY, item INTEGER REFERENCES item (id) ON DELETE CASCADE) STRICT;
CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT) STRICT;
CREATE TABLE "odd ""name" ("a column" TEXT PRIMARY KEY, "select" INTEGER) STRICT;
CREATE TRIGGER follow AFTER INSERT ON item BEGIN INSERT INTO pair VALUES ('t', new.id, 'by a trigger'); END;
INSERT INTO item VALUES (1, 'one', 1.5, x'00ff'), (2, 'two', NULL, NULL), (3, 'three', 3.0, x'');
INSERT INTO part VALUES ('p1', 1), ('p2', 2);
"""


def template(sql: str = SCHEMA) -> bytes:
    """The bytes of a database."""
    db = apsw.Connection(":memory:")
    db.execute(sql)
    return bytes(db.serialize("main"))


TEMPLATE = template()


@pytest.fixture
def world() -> World:
    """A fresh world."""
    return World(TEMPLATE, epoch=EPOCH, seed="s")


# -- what a tool uses ----------------------------------------------------------------------------------


def test_rows_are_dictionaries(world: World) -> None:
    """Queries give rows by column name, the first one, or its first value; none is an empty list or None."""
    assert world.rows("SELECT id, name FROM item WHERE id < ? ORDER BY id", 3) == [
        {"id": 1, "name": "one"},
        {"id": 2, "name": "two"},
    ]
    assert world.row("SELECT name FROM item WHERE id = 2") == {"name": "two"}
    assert world.value("SELECT count(*) FROM item") == 3
    assert (world.rows("SELECT 1 WHERE 0"), world.row("SELECT 1 WHERE 0"), world.value("SELECT 1 WHERE 0")) == (
        [],
        None,
        None,
    )


def test_execute_counts_rows(world: World) -> None:
    """A statement that writes tells how many rows it changed."""
    assert world.execute("UPDATE item SET size = 2 WHERE id > ?", 1) == 2
    assert world.execute("UPDATE item SET size = 2 WHERE id > 9") == 0


def test_ids_are_fresh_and_the_same_every_time(world: World) -> None:
    """Two worlds of one seed give the same ids in the same order; another seed gives others."""
    again, other = (World(TEMPLATE, epoch=EPOCH, seed=seed) for seed in ("s", "t"))
    ids = [world.new_id("TRF") for _ in range(50)]
    assert ids == [again.new_id("TRF") for _ in range(50)]
    assert len(set(ids) | {other.new_id("TRF") for _ in range(50)}) == 100
    assert all(each.startswith("TRF-") and len(each) == 12 for each in ids)


def test_the_present_is_the_epoch_and_the_clock() -> None:
    """A world's instant is its epoch plus the trial's clock."""
    world = World(TEMPLATE, epoch=EPOCH, clock=lambda: 90.5)
    assert world.now.isoformat() == "2026-03-02T09:01:30.500000+00:00"


def test_worlds_do_not_share_anything(world: World) -> None:
    """What one world changes, no other sees."""
    world.execute("DELETE FROM item")
    assert World(TEMPLATE, epoch=EPOCH).value("SELECT count(*) FROM item") == 3


# -- the ledger ----------------------------------------------------------------------------------------


def test_every_change_is_in_the_ledger_with_its_author(world: World) -> None:
    """Insert, update and delete are entered with key, old and new values; what did not change is left out."""
    with world.changing("call:c1", 2.5) as made:
        world.execute("INSERT INTO pair VALUES ('x', 'y', 'new')")
        world.execute("UPDATE item SET name = 'TWO', size = size WHERE id = 2")
        assert made == []
    with world.changing("world:0", 3):
        world.execute("DELETE FROM item WHERE id = 3")
    assert made == world.effects[:2]
    assert {(e.author, e.at_s, e.table, e.op) for e in world.effects} == {
        ("call:c1", 2.5, "pair", "insert"), ("call:c1", 2.5, "item", "update"), ("world:0", 3, "item", "delete"),
    }  # fmt: skip
    by_table = {(e.table, e.op): e for e in world.effects}
    update = by_table["item", "update"]
    assert (update.key, update.before, update.after) == ({"id": 2}, {"name": "two"}, {"name": "TWO"})
    insert = by_table["pair", "insert"]
    assert (insert.key, insert.before, insert.after) == (
        {"a": "x", "b": "y"},
        None,
        {"a": "x", "b": "y", "note": "new"},
    )
    delete = by_table["item", "delete"]
    assert delete.before == {"id": 3, "name": "three", "size": 3.0, "data": {"hex": ""}}
    assert delete.after is None


def test_what_triggers_and_cascades_do_is_in_the_ledger(world: World) -> None:
    """Rows that the schema itself changes have the author of the statement that made it do so."""
    with world.changing("call:c1", 0):
        world.execute("DELETE FROM item WHERE id = 1")
    assert {(e.table, e.op) for e in world.effects} == {("item", "delete"), ("part", "delete")}
    with world.changing("call:c2", 0):
        world.execute("INSERT INTO item VALUES (9, 'nine', NULL, NULL)")
    assert {(e.table, e.author) for e in world.effects[2:]} == {("item", "call:c2"), ("pair", "call:c2")}


def test_no_net_change_is_no_effect(world: World) -> None:
    """A row that is put back as it was, or was made and taken away, has no effect."""
    with world.changing("call:c1", 0):
        world.execute("UPDATE item SET name = 'x' WHERE id = 1")
        world.execute("UPDATE item SET name = 'one' WHERE id = 1")
        world.execute("INSERT INTO pair VALUES ('a', 'b', 'c')")
        world.execute("DELETE FROM pair WHERE a = 'a'")
    assert world.effects == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_any_exception_rolls_everything_back(world: World, error: type[BaseException]) -> None:
    """A block that fails leaves the state and the ledger as they were, and the world can go on."""
    before = world.digest()

    def fail() -> None:
        with world.changing("call:c1", 0):
            world.execute("DELETE FROM item")
            raise error

    with pytest.raises(error):
        fail()
    assert (world.digest(), world.effects) == (before, [])
    with world.changing("call:c2", 0):
        world.execute("DELETE FROM item WHERE id = 2")
    assert len(world.effects) == 2


def test_a_constraint_that_is_checked_at_the_end_rolls_back_too() -> None:
    """A deferred constraint fails when the block ends; nothing stays, and no transaction is left open."""
    deferred = (
        "CREATE TABLE a (id INTEGER PRIMARY KEY);"
        "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    for world in (
        World(template(deferred), epoch=EPOCH),
        Copies(template(deferred)).take(epoch=EPOCH, clock=float, seed=""),
    ):
        with pytest.raises(apsw.ConstraintError), world.changing("call:c1", 0):
            world.execute("INSERT INTO b VALUES (1, 99)")
        assert world.effects == []
        with world.changing("call:c2", 0):
            world.execute("INSERT INTO a VALUES (99)")
            world.execute("INSERT INTO b VALUES (1, 99)")
        assert [effect.author for effect in world.effects] == ["call:c2", "call:c2"]
        assert not world.db.in_transaction


def test_blobs_are_written_as_hex(world: World) -> None:
    """Bytes are in the ledger as JSON can hold them, and come back from it."""
    with world.changing("call:c1", 0):
        world.execute("UPDATE item SET data = ? WHERE id = 2", b"\x00\x01")
    (effect,) = world.effects
    assert effect.after == {"data": {"hex": "0001"}}
    again = World(TEMPLATE, epoch=EPOCH)
    again.replay(world.effects)
    assert again.value("SELECT data FROM item WHERE id = 2") == b"\x00\x01"


# -- replay --------------------------------------------------------------------------------------------

_small = st.integers(1, 6)
_text = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "one", "two", "three", "ä'\"\n"]))
_statements = st.one_of(
    st.tuples(
        st.just("INSERT INTO item VALUES (?, ?, ?, ?)"),
        st.tuples(_small, _text, st.floats(-9, 9), st.binary(max_size=3)),
    ),
    st.tuples(st.just("UPDATE item SET name = ? WHERE id = ?"), st.tuples(_text, _small)),
    st.tuples(st.just("UPDATE item SET id = ? WHERE id = ?"), st.tuples(_small, _small)),
    st.tuples(st.just("UPDATE item SET name = CASE id WHEN 1 THEN '~' WHEN 2 THEN '~~' ELSE name END"), st.just(())),
    st.tuples(st.just("DELETE FROM item WHERE id = ?"), st.tuples(_small)),
    st.tuples(st.just("INSERT OR REPLACE INTO item (id, name) VALUES (?, ?)"), st.tuples(_small, _text)),
    st.tuples(st.just("INSERT INTO part VALUES (?, ?)"), st.tuples(st.sampled_from("xyz"), _small)),
    st.tuples(st.just("INSERT INTO counted (text) VALUES (?)"), st.tuples(_text)),
    st.tuples(st.just("DELETE FROM counted"), st.just(())),
    st.tuples(st.just('INSERT INTO "odd ""name" VALUES (?, 1)'), st.tuples(st.sampled_from("xyz"))),
    st.tuples(st.just('UPDATE "odd ""name" SET "select" = "select" + 1'), st.just(())),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.lists(_statements, max_size=5), st.booleans()), max_size=6))
def test_a_template_and_its_ledger_give_the_state(blocks: list[tuple[list[Any], bool]]) -> None:
    """Whatever statements ran under whatever authors, replaying the ledger gives the same digest.

    Blocks that fail leave nothing, and half of the authors have two blocks, as a call that is executed twice.
    """
    world = World(TEMPLATE, epoch=EPOCH)
    for number, (statements, again) in enumerate(blocks):
        try:
            with world.changing(f"call:{number - again}", 0):
                for sql, values in statements:
                    world.execute(sql, *values)
        except apsw.ConstraintError:
            pass
    other = World(TEMPLATE, epoch=EPOCH)
    other.replay(world.effects)
    assert other.digest() == world.digest()
    assert other.effects == []


def test_exchanged_unique_values_can_be_replayed(world: World) -> None:
    """Two rows that exchange a unique value within one call are no conflict in replay."""
    with world.changing("call:c1", 0):
        world.execute("UPDATE item SET name = '~' WHERE id = 1")
        world.execute("UPDATE item SET name = 'one' WHERE id = 2")
        world.execute("UPDATE item SET name = 'two' WHERE id = 1")
    other = World(TEMPLATE, epoch=EPOCH)
    other.replay(world.effects)
    assert other.digest() == world.digest()


def test_a_replay_can_be_taken_back(world: World) -> None:
    """What is replayed in a block of `taken_back` is gone after it."""
    effect = Effect(at_s=0, author="call:c1", table="item", op="delete", key={"id": 1}, before={"id": 1})
    before = world.digest()
    world.open_to_replay()
    with world.taken_back():
        world.replay([effect])
        assert world.value("SELECT count(*) FROM item") == 2
    assert world.digest() == before


# -- digest and copies ---------------------------------------------------------------------------------


def test_the_digest_is_of_the_rows(world: World) -> None:
    """Equal rows give equal digests however they came about; any other value gives another."""
    other = World(TEMPLATE, epoch=EPOCH)
    assert world.digest() == other.digest()
    world.execute("DELETE FROM item WHERE id = 3")
    assert world.digest() != other.digest()
    other.execute("INSERT INTO counted (text) VALUES ('x')")
    other.execute("DELETE FROM counted")
    other.execute("DELETE FROM item WHERE id = 3")
    assert world.digest() == other.digest()
    for sql in ("UPDATE item SET size = NULL WHERE id = 1", "UPDATE item SET data = x'00' WHERE id = 1"):
        before = world.digest()
        world.execute(sql)
        assert world.digest() != before


def test_serialized_worlds_come_back(world: World) -> None:
    """The bytes of a world are a template of its state."""
    world.execute("DELETE FROM item WHERE id = 3")
    assert World(world.serialize(), epoch=EPOCH).digest() == world.digest()


def _vandal(world: World) -> None:
    world.db.execute("COMMIT")


@pytest.mark.parametrize(
    "damage",
    [
        lambda world: world.execute("DELETE FROM item"),
        lambda world: world.db.execute("CREATE TABLE more (id INTEGER PRIMARY KEY)"),
        lambda world: world.db.execute("INSERT INTO counted (text) VALUES ('x')"),
        _vandal,
        lambda world: (world.execute("DELETE FROM item"), world.db.execute("COMMIT")),
        lambda world: world.db.execute("ROLLBACK"),
        lambda world: world.db.close(),
    ],
    ids=["rows", "table", "counter", "commit", "committed rows", "rollback", "closed"],
)
def test_a_copy_that_is_used_again_is_the_template(damage: Callable[[World], Any]) -> None:
    """However a trial left its copy, the next one begins with the template, ids and counters included."""
    copies = Copies(TEMPLATE)
    fresh = World(TEMPLATE, epoch=EPOCH, seed="s")
    for _ in range(3):
        world = copies.take(epoch=EPOCH, clock=float, seed="s")
        assert world.digest() == fresh.digest()
        assert world.effects == []
        assert world.value("SELECT last_insert_rowid()") == 0
        with world.changing("call:c1", 0):
            world.execute("INSERT INTO counted (text) VALUES ('first')")
        assert world.effects[0].key == {"id": 1}
        damage(world)
        copies.give_back(world)


# -- questions -----------------------------------------------------------------------------------------


def test_a_question_gives_the_first_value(world: World) -> None:
    """`ask` gives the first column of the first row, or None."""
    assert world.ask("SELECT count(*) > 2, 'x' FROM item") == 1
    assert world.ask("SELECT name FROM item WHERE id = 99") is None
    assert (
        world.ask("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 100) SELECT sum(x) FROM c")
        == 5050
    )
    assert world.ask("SELECT json_extract('{\"a\": 7}', '$.a')") == 7


HARM = [
    "DELETE FROM item",
    "UPDATE item SET name = 'x'",
    "INSERT INTO item VALUES (9, 'x', 1, x'')",
    "INSERT INTO item VALUES (9, 'x', 1, x'') RETURNING id",
    "DROP TABLE item",
    "CREATE TABLE t (a)",
    "CREATE TEMP TABLE t (a)",
    "CREATE VIEW v AS SELECT 1",
    "ALTER TABLE item RENAME TO thing",
    "PRAGMA user_version = 7",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA writable_schema = ON",
    "SELECT * FROM pragma_table_info('item')",
    "ATTACH 'leak.db' AS leak",
    "ATTACH ':memory:' AS m",
    "DETACH main",
    "VACUUM",
    "VACUUM INTO 'leak.db'",
    "REINDEX",
    "ANALYZE",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT x",
    "SELECT load_extension('x.so')",
    "SELECT writefile('leak.db', 'x')",
    "SELECT random()",
    "SELECT 1 WHERE 0; DELETE FROM item",
    "EXPLAIN DELETE FROM item",
]


@pytest.mark.parametrize("sql", HARM)
def test_a_question_cannot_write_or_reach_outside(world: World, tmp_path: Path, sql: str) -> None:
    """Whatever a check tries besides reading is refused, the first time and again, and leaves nothing."""
    before = world.digest()
    for _ in range(2):
        with pytest.raises(apsw.Error):
            world.ask(sql)
    assert world.digest() == before
    assert list(tmp_path.iterdir()) == []
    world.execute("DELETE FROM item WHERE id = 3")  # tools may write after a question


def test_a_question_that_was_asked_is_not_trusted_with_more(world: World) -> None:
    """A second statement that was not reached the first time is refused when it is."""
    sneaky = "SELECT 1 FROM item WHERE id = 1; DELETE FROM item"
    assert world.ask(sneaky) == 1
    assert world.ask(sneaky) == 1
    world.execute("DELETE FROM item WHERE id = 1")
    with pytest.raises(apsw.Error):
        world.ask(sneaky)
    assert world.value("SELECT count(*) FROM item") == 2


def test_a_statement_that_a_tool_prepared_is_checked_all_the_same(world: World) -> None:
    """SQLite keeps prepared statements; one that a tool used is refused as a question."""
    sql = "DELETE FROM item WHERE id = 99"
    world.execute(sql)
    with pytest.raises(apsw.AuthError):
        world.ask(sql)
    world.execute(sql)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
        f"SELECT count(*) FROM {', '.join(f'item t{number}' for number in range(20))}",
        "SELECT length(hex(zeroblob(900000000)))",
        "SELECT length(printf('%.*c', 900000000, 'x'))",
        "WITH RECURSIVE c(x) AS (SELECT 'ab' UNION ALL SELECT x || x FROM c) SELECT max(length(x)) FROM c",
    ],
)
def test_a_question_without_end_is_stopped(world: World, sql: str) -> None:
    """Runaway recursion, products and huge values end with an error, asked twice, and the world goes on."""
    for _ in range(2):
        with pytest.raises(apsw.Error):
            world.ask(sql)
    assert world.ask("SELECT count(*) FROM item") == 3
    assert world.value("SELECT length(zeroblob(20000000))") == 20_000_000, "tools have no such bound"


# -- a scenario's own statements -----------------------------------------------------------------------


def test_a_scenario_may_change_its_world(world: World) -> None:
    """Several statements run to the end, rows given on the way or not, and are in the ledger of the block."""
    with world.changing("world:0", 1):
        world.alter("UPDATE item SET size = 9 WHERE id = 1 RETURNING id; SELECT 1; DELETE FROM item WHERE id = 2")
    assert {(effect.table, effect.op) for effect in world.effects} == {
        ("item", "update"),
        ("item", "delete"),
        ("part", "delete"),
    }


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH 'leak.db' AS x",
        "VACUUM INTO 'leak.db'",
        "PRAGMA foreign_keys = OFF",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT x",
        "DELETE FROM pair; COMMIT",
        "SELECT load_extension('x')",
        "CREATE VIRTUAL TABLE v USING fts5(a)",
        "UPDATE item SET id = random()",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) INSERT INTO counted SELECT x, '' FROM c",
    ],
)
def test_a_scenario_changes_nothing_else(world: World, tmp_path: Path, sql: str) -> None:
    """What reaches outside, ends the transaction, differs each time or never ends is refused and rolled back."""
    before = world.digest()
    with pytest.raises(apsw.Error), world.changing("world:0", 0):
        world.alter(f"DELETE FROM counted; {sql}")
    assert (world.digest(), world.effects) == (before, [])
    assert list(tmp_path.iterdir()) == []
