"""A scenario against its environment: every mistake with its line and what to write instead."""

from pathlib import Path

import pytest

from agentbench import plugins, validation
from agentbench.errors import UsageError, UsageErrors

GOOD = """why: A scenario of a little shop, small enough to be read at a glance.
environment: shop
given:
  sql: INSERT INTO item VALUES ('PEN', 'Pen', 5)
script:
  - user: Order a pen.
  - world:
      after: {tool: find}
      sql: UPDATE item SET stock = stock - 1
reference:
  - call: find
    with: {query: pen}
    save: {item: "items[0].id"}
  - call: order
    with: {item: $item, count: 1}
    verify:
      call: find
      with: {query: pen}
      expect: "length(items) > `0`"
    fallback:
      - call: order
        with: {item: $item, count: 2}
  - reply: Ordered.
checks:
  ordered:
    sql: SELECT count(*) = 1 FROM purchase
  looked:
    called:
      tool: find
      with: {query: pen}
milestones:
  begun:
    sql: SELECT count(*) > 0 FROM purchase
never:
  sold_out:
    sql: SELECT count(*) > 0 FROM item WHERE stock < 0
writes:
  purchase:
    key: [item]
    at_most: 1
  item:
    columns: [stock]
outcomes:
  success: [ordered, looked]
faultload:
  injections:
    - fault: outage
      with: {status: 503}
      at: {tool: order}
"""
ENVIRONMENT = '''
from agentbench.environment import Environment

environment = Environment(
    summary="A shop.",
    schema="""
        CREATE TABLE item (id TEXT PRIMARY KEY, name TEXT NOT NULL, stock INTEGER NOT NULL);
        CREATE TABLE purchase (id TEXT PRIMARY KEY, item TEXT NOT NULL, count INTEGER NOT NULL);
    """,
    populate=lambda world, random: None,
)


@environment.tool(effect="read")
def find(world, query: str, limit: int = 10):
    """Find items."""
    return {"items": world.rows("SELECT * FROM item WHERE name LIKE ? LIMIT ?", query, limit)}


@environment.tool(effect="write")
def order(world, item: str, count: int):
    """Order an item."""
    world.execute("INSERT INTO purchase VALUES (?, ?, ?)", world.new_id("ORD"), item, count)
'''
PATH = Path("scenarios/shop/pen.yaml")


@pytest.fixture(autouse=True)
def _shop() -> None:
    """The shop, in the working directory."""
    folder = Path("environments/shop")
    folder.mkdir(parents=True)
    (folder / "environment.py").write_text(ENVIRONMENT, "utf-8")


def mistakes(text: str) -> list[str]:
    """What is said of a scenario, line by line, without the path."""
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(text, "utf-8")
    with pytest.raises(UsageError) as raised:
        validation.load(PATH)
    found = raised.value.errors if isinstance(raised.value, UsageErrors) else [raised.value]
    return [str(each).removeprefix(f"{PATH}:") for each in found]


def changed(*changes: tuple[str, str]) -> str:
    """The good scenario with some of its text replaced; each old text stands in it once."""
    text = GOOD
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_a_sound_scenario_is_loaded() -> None:
    """It comes back with its id, and its environment's template stays as it was."""
    PATH.parent.mkdir(parents=True)
    PATH.write_text(GOOD, "utf-8")
    before = plugins.environment("shop").template()
    assert validation.load(PATH).id == "shop.pen"
    assert plugins.environment("shop").template() == before


@pytest.mark.parametrize("path", plugins.scenarios().values(), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_every_bundled_scenario_fits_its_environment(path: Path) -> None:
    """What is shipped names only tools, parameters, tables and columns that exist."""
    assert validation.load(path).id == f"{path.parent.name}.{path.stem}"


ONE_MISTAKE = [
    ("  - call: find\n    with", "  - call: fnid\n    with",
     "11: there is no tool 'fnid' in 'shop'; did you mean 'find'?"),
    ("      call: find", "      call: fetch", "17: there is no tool 'fetch' in 'shop'; write one of: find, order"),
    ("      - call: order", "      - call: ordre", "21: there is no tool 'ordre' in 'shop'; did you mean 'order'?"),
    ("      tool: find", "      tool: fined", "29: there is no tool 'fined' in 'shop'; did you mean 'find'?"),
    ("{tool: find}", "{tool: fond}", "8: there is no tool 'fond' in 'shop'; did you mean 'find'?"),
    ("    with: {query: pen}\n    save", "    with: {query: pen, limt: 1}\n    save",
     "12: 'find' has no parameter 'limt'; did you mean 'limit'?"),
    ("count: 2}", "counts: 2, count: 1}", "22: 'order' has no parameter 'counts'; did you mean 'count'?"),
    ("      with: {query: pen}\n      expect", "      with: {query: pen, page: 2}\n      expect",
     "18: 'find' has no parameter 'page'; write one of: limit, query"),
    ("      with: {query: pen}\nmile", "      with: {quary: pen}\nmile",
     "30: 'find' has no parameter 'quary'; did you mean 'query'?"),
    ("$item, count: 1}", "$item}", "15: 'order' needs the parameter 'count'; add 'count: …'"),
    ("    with: {query: pen}\n    save", "    save", "11: 'find' needs the parameter 'query'; add 'query: …'"),
    ("  purchase:\n", "  purchases:\n", "38: there is no table 'purchases'; did you mean 'purchase'?"),
    ("key: [item]", "key: [count, itme]", "39: the table 'purchase' has no column 'itme'; did you mean 'item'?"),
    ("columns: [stock]", "columns: [sotck]", "42: the table 'item' has no column 'sotck'; did you mean 'stock'?"),
    ("= 1 FROM purchase", "= 1 FROM purchases", "26: SQL: no such table: purchases; see the environment's schema.sql"),
    ("WHERE stock < 0", "WHERE stocks < 0", "36: SQL: no such column: stocks; see the environment's schema.sql"),
    ("SELECT count(*) > 0 FROM purchase", "SELEC 1", '33: SQL: near "SELEC": syntax error; see the environment\'s'),
    ("SELECT count(*) = 1 FROM purchase", "DELETE FROM purchase",
     "26: a check may only read; write a SELECT without side effects"),
    ("SELECT count(*) = 1 FROM purchase", "SELECT random() > 0",
     "26: SQL: the function 'random' is not allowed; leave it out: every trial must see the same world"),
    ("SELECT count(*) = 1 FROM purchase",
     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
     "26: SQL: this takes too long; a recursive query needs an end"),
    ("UPDATE item SET stock = stock - 1", "UPDATE itme SET stock = 1",
     "9: SQL: no such table: itme; see the environment's schema.sql"),
    ("UPDATE item SET stock = stock - 1", "INSERT INTO item VALUES ('PEN', 'Pen', 5)",
     "9: SQL: UNIQUE constraint failed: item.id; see the environment's schema.sql"),
    ("UPDATE item SET stock = stock - 1", "UPDATE item SET stock = random()",
     "9: SQL: the function 'random' is not allowed; leave it out: every trial must see the same world"),
    ("UPDATE item SET stock = stock - 1", "ATTACH 'file.db' AS other",
     "9: SQL: it may change this world and nothing else; leave out ATTACH, PRAGMA, VACUUM and transactions"),
    ("'Pen', 5)", "'Pen')", "4: SQL: table item has 3 columns but 2 values were supplied; see the environment's"),
    ("INSERT INTO item VALUES ('PEN', 'Pen', 5)", "PRAGMA user_version = 5",
     "4: SQL: it may change this world and nothing else; leave out ATTACH, PRAGMA, VACUUM and transactions"),
    ("environment: shop\n", "environment: shpo\n", "2: there is no environment 'shpo'; did you mean 'shop'?"),
    ("fault: outage", "fault: outgae", "47: there is no fault 'outgae'; did you mean 'outage'?"),
    ("{status: 503}", "{statu: 503}", "48: the fault 'outage' has no parameter 'statu'; did you mean 'status'?"),
    ("at: {tool: order}", "at: {tool: oder}",
     "49: there is no tool 'oder' in 'shop'; did you mean 'order'?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "problem"), ONE_MISTAKE, ids=[each[2] for each in ONE_MISTAKE])
def test_a_mistake_has_its_line_and_a_remedy(old: str, new: str, problem: str) -> None:
    """What the environment does not have is named where it stands, with what it has."""
    found = mistakes(changed((old, new)))
    wanted = [each for each in found if each.startswith(problem)]
    assert len(wanted) == 1, found
    assert len(found) == (2 if "environment" in problem.split(";")[0] else 1), found


def test_all_mistakes_are_named_in_the_order_of_their_lines() -> None:
    """Those of the file itself and those against the environment come in one pass."""
    found = mistakes(
        changed(
            ("'Pen', 5)", "'Pen')"),
            ("  - call: find\n    with", "  - call: fnid\n    with"),
            ("= 1 FROM purchase", "= 1 FROM purchases"),
            ("  purchase:\n", "  purchases:\n"),
            ("[ordered, looked]", "[ordered, lokoed]"),
        )
    )
    assert [int(each.partition(":")[0]) for each in found] == [4, 11, 26, 38, 44]


def test_trying_the_sql_leaves_no_trace() -> None:
    """Each change of the world is tried on the start state, so two that exclude each other are both sound."""
    text = changed(
        (
            "reference:",
            "  - world: {after: {turn: 0}, sql: DELETE FROM item}\n"
            "  - world: {after: {turn: 0}, sql: \"INSERT INTO item VALUES ('INK', 'Ink', 1)\"}\n"
            "  - world: {after: {turn: 0}, sql: \"INSERT INTO item VALUES ('INK', 'Ink', 2)\"}\n"
            "reference:",
        )
    )
    PATH.parent.mkdir(parents=True)
    PATH.write_text(text, "utf-8")
    assert len(validation.load(PATH).changes) == 4


def test_an_environment_that_fails_is_told_at_the_scenario_that_names_it() -> None:
    """The line of `environment:` is given with why it cannot be imported."""
    Path("environments/shop/environment.py").write_text("import absent_package", "utf-8")
    found = mistakes(GOOD)
    assert len(found) == 1
    assert found[0].startswith("2: cannot be imported: No module named 'absent_package'")


VARIANT = """variants:
  more:
    turn: 1
    changes_mind: Order two pens.
    replace: {"1": "2"}
"""


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("turn: 1", "turn: 2", "the reference solution never gets to a line 2; the lines are 1"),
        ('replace: {"1": "2"}', "outcomes: {success: [orderd]}", "there is no check 'orderd'; did you mean 'ordered'?"),
        ('replace: {"1": "2"}', 'replace: {"1": "2", purchase: purchases}', "no such table: purchases"),
        ('    replace: {"1": "2"}\n', "", "nothing else is right in this variant; write 'replace' or 'outcomes'"),
        ("changes_mind", "settles", "nobody says this variant; write 'changes_mind: TEXT' or 'contradicts: TEXT'"),
        ("changes_mind", "contradicts", "'contradicts' and 'settles' belong together; write both"),
        ('replace: {"1": "2"}', "replace: {order: ordr}", "there is no tool 'ordr' in 'shop'"),
    ],
)
def test_mistakes_in_a_variant_are_told(old: str, new: str, problem: str) -> None:
    """What a variant makes of the scenario is checked as the scenario is, with a line within the variant."""
    found = mistakes(GOOD + VARIANT.replace(old, new))
    assert problem in found[0], found
    assert int(found[0].partition(":")[0]) > GOOD.count("\n")
