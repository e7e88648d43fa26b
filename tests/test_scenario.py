"""The scenario file by itself: each part's rule, what refers to what, and the way into the plan and back."""

from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench import plugins, scenario
from agentbench.errors import UsageError, UsageErrors
from agentbench.scenario import Scenario
from tests import records

GOOD = """why: A scenario of a little shop, small enough to be read at a glance.
environment: shop
script:
  - user: Order a pen.
  - world: {after: {turn: 0}, sql: DELETE FROM item}
  - user:
      say: Two of them.
      when: {matches: "how many"}
reference:
  - call: find
    save: {item: "items[0].id"}
    expect: "length(items) > `0`"
    fallback:
      - call: list_all
        optional: ordered
        when: "item == null"
  - call: order
    optional: receipt
    verify: {call: find, expect: "total > `0`"}
  - reply: Ordered.
checks:
  ordered: {sql: SELECT 1}
  receipt: {answer: {matches: "[0-9]+"}}
outcomes:
  success: [ordered, receipt]
  degraded:
    - has: [ordered]
      missing: [receipt]
      utility: 0.6
"""
PATH = Path("scenarios/shop/pen.yaml")


def load(text: str, path: Path = PATH) -> Scenario:
    """The scenario of a file with this text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return scenario.load(path)


def mistakes(text: str, path: Path = PATH) -> list[str]:
    """What is said of a file, mistake by mistake, without its path."""
    with pytest.raises(UsageError) as raised:
        load(text, path)
    found = raised.value.errors if isinstance(raised.value, UsageErrors) else [raised.value]
    return [str(each).removeprefix(f"{path}:") for each in found]


# -- the parts' own rules ------------------------------------------------------------------------------

WRONG_PARTS: list[tuple[dict[str, Any], str]] = [
    ({"why": "too short"}, "at least 20 characters"),
    ({"environment": "Bank"}, "match pattern"),
    ({"difficulty": "insane"}, "'easy', 'medium' or 'hard'"),
    ({"given": {"seed": "1"}}, "valid integer"),
    ({"script": []}, "at least 1 item"),
    ({"script": [{}]}, "a script item is either a user turn or a change of the world"),
    ({"script": [{"user": "a", "world": {"after": {"turn": 0}, "sql": ""}}]}, "a script item is either a user turn"),
    ({"script": [{"user": {"say": "a", "when": "never"}}]}, "'asked' or 'always'"),
    ({"script": [{"world": {"after": {}, "sql": ""}}]}, "say after what the world changes"),
    ({"script": [{"world": {"after": {"tool": "a", "turn": 1}, "sql": ""}}]}, "say after what the world changes"),
    ({"script": [{"world": {"after": {"tool": "a", "call": 0}, "sql": ""}}]}, "greater than or equal to 1"),
    ({"script": [{"world": {"after": {"turn": -1}, "sql": ""}}]}, "greater than or equal to 0"),
    ({"reference": []}, "at least 1 item"),
    ({"reference": [{"with": {}}]}, "a reference step either calls or replies"),
    ({"reference": [{"call": "a", "reply": "b"}]}, "a reference step either calls or replies"),
    ({"reference": [{"call": "a", "fallback": [{"call": "b", "fallback": [{}]}]}]}, "a reference step either calls"),
    ({"reference": [{"call": "a", "verify": {"call": "b"}}]}, "Field required"),
    ({"checks": {}}, "at least 1 item"),
    ({"checks": {"Paid": {"sql": "SELECT 1"}}}, "match pattern"),
    ({"checks": {"paid": {}}}, "a check has exactly one of 'sql', 'answer' and 'called'"),
    ({"checks": {"paid": {"sql": "SELECT 1", "answer": {}}}}, "a check has exactly one"),
    ({"milestones": {"paid": {"called": {"tool": "a", "at_least": -1}}}}, "greater than or equal to 0"),
    ({"never": {"paid": {"known_as": ["rent"]}}}, "a check has exactly one"),
    ({"writes": {"transfer": {"at_most": -1}}}, "greater than or equal to 0"),
    ({"writes": {"transfer": {"delete": "yes"}}}, "valid boolean"),
    ({"outcomes": {"success": []}}, "at least 1 item"),
    ({"outcomes": {"success": ["paid"], "degraded": [{"missing": [], "utility": 0.5}]}}, "at least 1 item"),
    ({"outcomes": {"success": ["paid"], "degraded": [{"missing": ["paid"], "utility": 1.0}]}}, "less than 1"),
    ({"outcomes": {"success": ["paid"], "degraded": [{"missing": ["paid"], "utility": 0}]}}, "greater than 0"),
    ({"limits": {"tool_calls": 0}}, "greater than or equal to 1"),
    ({"limits": {"time_s": 0}}, "greater than 0"),
    ({"limits": {"time_s": 86_401}}, "less than or equal to 86400"),
    ({"limits": {"turns": 101}}, "less than or equal to 100"),
    ({"faultload": {"injections": []}}, "at least 1 item"),
    ({"surprise": 1}, "Extra inputs are not permitted"),
]


@pytest.mark.parametrize(("changes", "problem"), WRONG_PARTS, ids=[str(changes) for changes, _ in WRONG_PARTS])
def test_a_part_that_breaks_its_rule_is_refused(changes: dict[str, Any], problem: str) -> None:
    """Each part says what it must be; nothing is coerced or left out silently."""
    with pytest.raises(pydantic.ValidationError, match=problem):
        records.scenario(**changes)


@pytest.mark.parametrize("name", ["why", "environment", "script", "reference", "checks", "outcomes"])
def test_what_every_scenario_needs(name: str) -> None:
    """Without purpose, world, script, reference, checks or ladder there is no scenario."""
    with pytest.raises(pydantic.ValidationError, match=f"{name}\n  Field required"):
        scenario.parse({key: value for key, value in records.CONTENT.items() if key != name})


def test_what_may_be_left_out_has_a_sound_value() -> None:
    """The shortest scenario starts from seed 0, allows no write, and is bounded in every respect."""
    made = records.scenario(milestones={}, never={}, writes={})
    assert (made.given.seed, made.given.sql, made.writes, made.faultload) == (0, "", {}, None)
    assert (made.limits.tool_calls, made.limits.time_s, made.limits.tokens, made.limits.turns) == (40, 900, 200_000, 12)


# -- what refers to what -------------------------------------------------------------------------------


def test_a_sound_file_is_loaded() -> None:
    """Its id follows from environment and file name, whatever the file says or the folder above is called."""
    made = load(GOOD)
    assert made.id == "shop.pen"
    assert load(GOOD, Path("elsewhere/shop/Two-Pens_2.yaml")).id == "shop.Two-Pens_2"
    assert load(f"id: other\n{GOOD}").id == "shop.pen"


def test_turns_and_changes_are_told_apart() -> None:
    """User turns and changes of the world keep their order; a plain text is always said."""
    made = load(GOOD)
    assert made.task == "Order a pen."
    assert [(line.say, line.when if isinstance(line.when, str) else line.when.matches) for line in made.users] == [
        ("Order a pen.", "always"),
        ("Two of them.", "how many"),
    ]
    assert [change.sql for change in made.changes] == ["DELETE FROM item"]


ONE_MISTAKE = [
    ("[ordered, receipt]", "[ordered, reciept]", "25: there is no check 'reciept'; did you mean 'receipt'?"),
    ("has: [ordered]", "has: [paid]", "27: there is no check 'paid'; write one of: ordered, receipt"),
    ("missing: [receipt]", "missing: [recept]", "28: there is no check 'recept'; did you mean 'receipt'?"),
    ("    optional: receipt", "    optional: recept", "18: there is no check 'recept'; did you mean 'receipt'?"),
    ("optional: ordered", "optional: orderd", "15: there is no check 'orderd'; did you mean 'ordered'?"),
    ('"items[0].id"', '"items[0"', "11: 'items[0' is not JMESPath"),
    ("length(items) > `0`", "length(items", "12: 'length(items' is not JMESPath"),
    ("item == null", "item ==", "16: 'item ==' is not JMESPath"),
    ("total > `0`", "total > 0", "19: 'total > 0' is not JMESPath"),
    ('"[0-9]+"', '"[0-9"', "23: '[0-9' is not a regular expression: unterminated character set at position 0"),
    ('"how many"', '"(how"', "8: '(how' is not a regular expression: missing ), unterminated subpattern"),
    ("  - user: Order a pen.\n", "", "4: the script does not start with the user; begin with 'user: TEXT'"),
    ("user: Order a pen.", "user: {say: Hi, when: asked}", "4: the script does not start with the user; begin with"),
    ("environment: shop", "environment: bank",
     "2: this file lies in 'shop/' but its environment is 'bank'; move it to bank/ or write 'environment: shop'"),
    ("environment: shop", "enviroment: shop", "2: unknown key 'enviroment'; did you mean 'environment'?"),
    ("say: Two", "sya: Two", "7: unknown key 'sya'; did you mean 'say'?"),
    ("reply: Ordered.", "optional: receipt",
     "20: a reference step either calls or replies; write 'call: TOOL' or 'reply: TEXT'"),
    ("utility: 0.6", "utility: 60%", "29: 'outcomes.degraded.0.utility' is wrong: input should be a valid number"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "problem"), ONE_MISTAKE, ids=[each[2] for each in ONE_MISTAKE])
def test_a_mistake_has_its_line(old: str, new: str, problem: str) -> None:
    """Names that lead nowhere and expressions that cannot be read are found where they stand."""
    assert GOOD.count(old) == 1
    found = mistakes(GOOD.replace(old, new))
    assert any(each.startswith(problem) for each in found), found
    assert "\n" not in found[0]


def test_every_mistake_is_named_in_one_pass() -> None:
    """Wrong keys do not hide names that lead nowhere."""
    text = GOOD
    for index in (0, 4, 5, 9):
        text = text.replace(ONE_MISTAKE[index][0], ONE_MISTAKE[index][1])
    text = text.replace("utility: 0.6", "utility: 0.6\n      worth: 1")
    found = mistakes(text)
    assert sorted(int(each.partition(":")[0]) for each in found) == [11, 15, 23, 25, 30]


@pytest.mark.parametrize("stem", ["a b", "_a", "a.b", "ä"])
def test_a_file_name_is_part_of_the_id(stem: str) -> None:
    """A name that would break ids and folders of runs is refused."""
    found = mistakes(GOOD, Path(f"scenarios/shop/{stem}.yaml"))
    assert found == [f"1: '{stem}' cannot be part of an id; name the file with letters, digits, '_' and '-'"]


def test_an_expression_that_nests_too_deeply_is_a_mistake() -> None:
    """A hostile expression or pattern is told like any other, and nothing crashes."""
    deep = mistakes(GOOD.replace("item == null", "!" * 50_000 + "a"))
    assert "is not JMESPath" in deep[0]
    deep = mistakes(GOOD.replace("[0-9]+", "(" * 20_000 + ")" * 20_000))
    assert "is not a regular expression" in deep[0]
    huge = mistakes(GOOD.replace("[0-9]+", "a{99999999999999999999}"))
    assert "is not a regular expression" in huge[0]


# -- into the plan and back ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", plugins.scenarios().values(), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_bundled_scenario_survives_the_plan(path: Path) -> None:
    """What is dumped is JSON and is parsed to an equal scenario, and the file's purpose is told."""
    made = scenario.load(path)
    assert scenario.parse(scenario.dump(made)) == made
    assert made.id == f"{path.parent.name}.{path.stem}"


TEXT = st.text(max_size=20)
NAME = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
VALUE = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
ARGUMENTS = st.dictionaries(TEXT, VALUE | st.lists(VALUE, max_size=2), max_size=3)
USER = TEXT.map(lambda text: {"user": text}) | st.builds(
    lambda say, when: {"user": {"say": say, "when": when}},
    TEXT,
    st.sampled_from(["asked", "always"]) | TEXT.map(lambda pattern: {"matches": pattern}),
)
WORLD = st.builds(
    lambda after, sql, why: {"world": {"after": after, "sql": sql, "why": why}},
    st.integers(0, 9).map(lambda turn: {"turn": turn})
    | st.builds(lambda tool, call: {"tool": tool, "call": call}, NAME, st.integers(1, 9)),
    TEXT,
    TEXT,
)
STEP: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.builds(lambda text: {"reply": text}, TEXT),
    lambda inner: st.fixed_dictionaries(
        {"call": NAME, "with": ARGUMENTS, "fallback": st.lists(inner, max_size=2)},
        optional={
            "save": st.dictionaries(NAME, TEXT, max_size=2),
            "optional": NAME,
            "when": TEXT,
            "verify": st.fixed_dictionaries({"call": NAME, "with": ARGUMENTS, "expect": TEXT}),
        },
    ),
    max_leaves=4,
)
CHECK = (
    TEXT.map(lambda sql: {"sql": sql})
    | st.fixed_dictionaries({"answer": st.fixed_dictionaries({"contains": st.lists(TEXT, max_size=2)})})
    | st.fixed_dictionaries(
        {"called": st.fixed_dictionaries({"tool": NAME, "with": ARGUMENTS, "at_least": st.integers(0, 3)})}
    )
)


@given(
    script=st.lists(USER | WORLD, min_size=1, max_size=3),
    reference=st.lists(STEP, min_size=1, max_size=3),
    checks=st.dictionaries(NAME, CHECK, min_size=1, max_size=2),
    seed=st.integers(),
)
def test_any_scenario_survives_the_plan(script: Any, reference: Any, checks: Any, seed: int) -> None:
    """Dumping and parsing loses nothing, defaults that are left out included."""
    made = records.scenario(script=script, reference=reference, checks=checks, given={"seed": seed})
    assert scenario.parse(scenario.dump(made)) == made
