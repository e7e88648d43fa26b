"""Copies of what agents and tools hand over: plain, deep and bounded, whatever it was."""

import json
from collections import UserDict
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench import copying

UNICODE = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | UNICODE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(UNICODE, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_json_is_copied_as_it_is(value: Any) -> None:
    """A JSON value comes back equal and of the same types, with nothing to say about it."""
    copy, problem = copying.examine(value)
    assert (copy, problem) == (value, "")
    assert json.dumps(copy) == json.dumps(value)
    assert copying.plain(value) == copying.copied(value) == value


def test_a_copy_is_deep() -> None:
    """What the agent does to its value afterwards does not reach the copying."""
    for make_copy in (copying.plain, copying.copied):
        value: dict[str, Any] = {"items": [{"a": 1}], "b": "x"}
        copy = make_copy(value)
        value["items"][0]["a"] = 2
        value["b"] = "y"
        assert copy == {"items": [{"a": 1}], "b": "x"}
        flat = {"a": 1}
        copy = make_copy(flat)
        flat["a"] = 2
        assert copy == {"a": 1}


class Shouting(str):
    """A text that lies about itself."""

    def __str__(self) -> str:
        raise RuntimeError

    def __len__(self) -> int:
        return 10**9


class Bomb:
    """An object none of whose methods works."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError


class Trap(dict[str, Any]):
    """A dictionary that cannot be read."""

    def items(self) -> Any:
        raise RuntimeError


def cyclic() -> list[Any]:
    """A list that holds itself."""
    made: list[Any] = []
    made.append(made)
    return made


HOSTILE: list[tuple[Any, Any, str]] = [
    (float("nan"), "nan", "nan is not a JSON number"),
    ({"a": float("-inf")}, {"a": "-inf"}, "-inf is not a JSON number"),
    (2**63, "9.223372e+18", "an integer of more than 64 bits"),
    ([-(2**63) - 1], ["-9.223372e+18"], "an integer of more than 64 bits"),
    (10**5000, "<huge integer>", "an integer of more than 64 bits"),
    ("\ud800x", "\\ud800x", "text that is not Unicode"),
    ({"\ud800": 1}, {"\\ud800": 1}, "text that is not Unicode"),
    (b"x", "<bytes>", "a bytes, which is not JSON"),
    ({"a": Bomb()}, {"a": "<Bomb>"}, "a Bomb"),
    (Bomb, "<type>", "a type, which is not JSON"),
    (Trap(a=1), "<Trap>", "a Trap, which cannot be read"),
    ({1: "a", None: "b", (1, 2): "c"}, {"1": "a", "None": "b", "[1, 2]": "c"}, ""),
    ((1, (2,)), [1, [2]], ""),
    ({"b", "a"}, ["a", "b"], ""),
    (UserDict(a=1), {"a": 1}, ""),
    (True, True, ""),
]


@pytest.mark.parametrize(("value", "copy", "problem"), HOSTILE, ids=[str(copy)[:30] for _, copy, _ in HOSTILE])
def test_what_is_not_json_becomes_text(value: Any, copy: Any, problem: str) -> None:
    """Each value has a copy that can be kept, and it is said what was wrong."""
    made, told = copying.examine(value)
    assert made == copy
    assert problem in told
    assert bool(told) == bool(problem)
    assert copying.plain(value) == copy
    msgspec.json.encode(made)


def test_a_type_of_the_agents_own_is_not_trusted() -> None:
    """Methods that lie or raise are not asked."""
    assert copying.plain({"a": Shouting("quiet")}) == {"a": "quiet"}
    assert type(copying.plain({"a": Shouting("quiet")})["a"]) is str


def test_what_holds_itself_is_cut() -> None:
    """Depth has a bound, and the place of the cut is marked."""
    made, told = copying.examine(cyclic())
    assert told == f"it is nested more than {copying.DEPTH_MAX} levels deep"
    depth = 0
    while isinstance(made, list):
        made, depth = made[0], depth + 1
    assert (made, depth) == ("<nested too deeply>", copying.DEPTH_MAX)
    assert json.dumps(copying.copied(cyclic())).count("<nested too deeply>") == 1


@pytest.mark.parametrize(
    "wrap", [lambda text: text, lambda text: {"a": text}, lambda text: {text: 1}, lambda text: [text]]
)
def test_a_long_text_is_cut(wrap: Any) -> None:
    """As a value and as a key, with the number of characters that are missing; the longest allowed is kept."""
    longest = "x" * copying.TEXT_MAX
    assert copying.examine(wrap(longest)) == (wrap(longest), "")
    made, told = copying.examine(wrap(longest + "yz"))
    assert made == wrap(f"{longest}<2 more characters>")
    assert told == "it holds a text of more than 65,536 characters"


def test_a_small_value_cannot_unfold_into_a_huge_one() -> None:
    """Lists that share their parts, and many long texts, are bounded altogether."""
    bush: list[Any] = ["x"]
    for _ in range(30):
        bush = [bush, bush]
    made, told = copying.examine(bush)
    assert len(msgspec.json.encode(made)) < 5_000_000
    assert told == "it holds more than 100,000 values"
    made, told = copying.examine(["x" * copying.TEXT_MAX] * 1000)
    assert len(msgspec.json.encode(made)) < copying.TEXT_TOTAL_MAX + 100_000
    assert "it holds a text of more than" in told
    made, told = copying.examine(dict.fromkeys(range(200_000)))
    assert made["<more>"] == "<too many values>"
    assert told == "it holds more than 100,000 values"


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.integers() | st.floats() | st.binary(max_size=2)))
def test_anything_can_be_kept(value: Any) -> None:
    """The copy of any dictionary is JSON, and examining and copying agree."""
    made, _ = copying.examine(value)
    assert msgspec.json.decode(msgspec.json.encode(made)) == made == copying.plain(value)
    msgspec.json.encode(copying.copied(value))
