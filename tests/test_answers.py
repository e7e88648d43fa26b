"""Declared shapes: what a return annotation promises, and what does not fit it."""

from typing import Any

import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from agentbench.answers import Answer, Date, Instant, Page, error_problem
from agentbench.environment import Environment, page
from agentbench.errors import UsageError


class Row(TypedDict):
    """A row."""

    id: str
    title: str | None
    on: Date


ROW = {"id": "N-1", "title": None, "on": "2026-03-02"}
PAGE = {"items": [ROW], "next_cursor": None, "total": 1}


def rows(world: Any) -> Page[Row]:
    """Rows."""


def anything(world: Any) -> Any:
    """Anything."""


def mapping(world: Any) -> dict[str, Any]:
    """Any object."""


def silent(world: Any):
    """Nothing is said."""


class Strange:
    """A class that pydantic knows nothing of."""


def strange(world: Any) -> Strange:
    """Something strange."""


def test_schema_is_closed_and_without_titles() -> None:
    """The annotation becomes a JSON Schema with the fields alone; a field named `title` is kept."""
    schema = Answer(rows).schema
    assert schema is not None
    defined = schema["$defs"]
    assert defined["Row"]["required"] == ["id", "title", "on"]
    assert defined["Row"]["additionalProperties"] is False
    assert defined["Row"]["properties"]["title"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert defined["Row"]["properties"]["on"]["format"] == "date"


@pytest.mark.parametrize("function", [anything, mapping, silent, strange])
def test_what_says_nothing_is_no_declaration(function: Any) -> None:
    """Without a shape there is no schema, and every body passes."""
    answer = Answer(function)
    assert answer.schema is None
    assert answer.problem(object()) == ""


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (PAGE | {"more": 1}, "more: "),
        ({"items": [], "total": 0}, "next_cursor: "),
        (PAGE | {"total": "1"}, "total: "),
        (PAGE | {"total": 1.0}, "total: "),
        (PAGE | {"total": True}, "total: "),
        (PAGE | {"items": [ROW, ROW | {"on": "2026-13-02"}]}, "items.1.on: "),
        (PAGE | {"items": [ROW | {"extra": 1}]}, "items.0.extra: "),
        ([], "Input should be"),
        ("", "Input should be"),
    ],
)
def test_what_does_not_fit_is_named(body: Any, where: str) -> None:
    """The first field that is not as declared is said, with the reason."""
    assert Answer(rows).problem(PAGE) == ""
    assert Answer(rows).problem(body).startswith(where)


@given(st.lists(st.integers(), max_size=30), st.integers(1, 9), st.integers(0, 40))
def test_every_page_fits(items: list[int], limit: int, start: int) -> None:
    """What `page` makes is what `Page` declares."""

    def numbers(world: Any) -> Page[int]:
        """Numbers."""

    assert Answer(numbers).problem(page(items, limit=limit, cursor=f"c{start}")) == ""


@pytest.mark.parametrize("text", ["2026-03-02T09:00:00Z", "2026-12-31T23:59:59Z"])
def test_instants_are_in_utc_to_the_second(text: str) -> None:
    """One way of writing an instant fits, others do not."""

    def now(world: Any) -> Instant:
        """Now."""

    assert Answer(now).problem(text) == ""
    for wrong in (text[:-1], text.replace("T", " "), text + "Z", text.replace(":", "-"), text[:-1] + "+00:00"):
        assert Answer(now).problem(wrong)


def test_a_tool_shows_what_it_declares() -> None:
    """The schema is on the tool's spec; it is None for a tool that declares nothing."""
    environment = Environment(summary="Rows.", schema="", populate=lambda world, random: None)
    environment.tool(effect="read")(rows)
    environment.tool(effect="read")(anything)
    specs = {name: tool.spec for name, tool in environment.tools.items()}
    assert specs["rows"].returns == Answer(rows).schema
    assert specs["anything"].returns is None


def test_the_wrong_kind_of_typed_dictionary_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pydantic refuses is told with the tool's file and line, and what to import."""
    import typing

    class Old(typing.TypedDict):
        id: str

    def old(world: Any) -> Old:
        """Old."""

    if typing.TypedDict is typing_extensions.TypedDict:  # Python 3.12 has one that pydantic can read
        assert Answer(old).schema is not None
        return
    with pytest.raises(UsageError) as caught:
        _ = Answer(old).schema
    assert "test_answers.py:" in str(caught.value)
    assert "import TypedDict from typing_extensions" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        ({"error": {"code": "not_found", "message": "There is no such note."}}, True),
        ({"error": {"code": "limit_exceeded", "message": "Too much.", "limit_cents": 5}}, True),
        ({"error": {"code": "Not Found", "message": "…"}}, False),
        ({"error": {"code": "not_found", "message": ""}}, False),
        ({"error": {"code": "not_found"}}, False),
        ({"error": "not_found"}, False),
        ({"error": {"code": "a", "message": "b"}, "more": 1}, False),
        ("<html>", False),
        (None, False),
    ],
)
def test_errors_have_one_shape(body: Any, fits: bool) -> None:
    """A code that is a word, a message, and whatever details."""
    assert (error_problem(body) == "") is fits
