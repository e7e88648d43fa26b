"""Saved values: how they get into arguments, texts and expressions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.agents._values import Unbound, Values


def test_values_keep_their_type() -> None:
    """A name alone becomes the saved value, within a text its words; other dollars stay."""
    values = Values([{"save": {"n": "x", "list": "y"}}], lenient=False)
    values.keep({"n": 5, "list": [1]})
    filled = values.fill({"a": "$n", "b": ["${n} of $list"], "c": "US$5, $other", "d": {"e": "${list}"}, "f": 7})
    assert filled == {"a": 5, "b": ["5 of [1]"], "c": "US$5, $other", "d": {"e": [1]}, "f": 7}


def test_values_not_found() -> None:
    """A value that was not found cannot be sent, only spoken of; who does not care sends null."""
    reference = [{"fallback": [{"save": {"n": "x"}}]}]
    with pytest.raises(Unbound):
        Values(reference, lenient=False).fill("$n")
    assert Values(reference, lenient=True).fill(["$n"]) == [None]
    assert Values(reference, lenient=False).text("It is $n.") == "It is unknown."


def test_names_in_expressions() -> None:
    """A saved name in a JMESPath stands for its value, whatever quotes that holds."""
    values = Values([{"save": {"name": "x"}}], lenient=False)
    values.keep({"name": "O'Hara \\ Sons"})
    body = {"items": [{"name": "Kim", "id": 1}, {"name": "O'Hara \\ Sons", "id": 2}]}
    assert values.search("items[?name=='$name'].id | [0]", body) == 2


def test_odd_replies() -> None:
    """An expression over a reply of another shape finds nothing and breaks nothing."""
    values = Values([], lenient=False)
    assert values.search("length(items)", {"items": None}) is None
    assert values.search("sort_by(items, &at)[0]", {"items": [{"at": "1"}, {"at": 2}]}) is None
    assert values.search("max_by(items, &at)", {"items": [{"at": "1"}, {"at": 2}]}) is None
    assert not values.holds("length(items) > `0`", "<html>")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)


@given(JSON)
def test_fill_leaves_plain_arguments(value: Any) -> None:
    """Arguments in which no saved name occurs are sent as they stand."""
    assert Values([], lenient=False).fill(value) == value
