"""Wrong types carry right values."""

import pytest

from agentbench.errors import UsageError


async def test_numbers_and_flags_become_text(retell):
    """Every number and flag at any depth is a text of the same value; null and texts stay."""
    body = {"items": [{"id": "A", "cents": 120000, "rate": 1.5, "open": True, "memo": None}], "total": 1}
    assert await retell("wrong_type", body) == {
        "items": [{"id": "A", "cents": "120000", "rate": "1.5", "open": "true", "memo": None}],
        "total": "1",
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [([{"id": 1}], {"id": 1}), ({"items": [{"id": 1}], "total": 1}, {"items": {"id": 1}, "total": 1})],
)
async def test_list_of_one_becomes_its_entry(retell, body, told):
    """The list is gone, its only entry stands in its place."""
    assert await retell("wrong_type", body, as_="single") == told


@pytest.mark.parametrize(
    ("kind", "body"),
    [("text", None), ("text", {"a": "b"}), ("text", {"items": []}), ("single", {"a": 1}), ("single", [1, 2])],
)
async def test_nothing_to_convert_leaves_the_reply_alone(bench, retell, kind, body):
    """Texts are texts already, and only a list of one can be mistaken for its entry."""
    assert await retell("wrong_type", body, as_=kind) is bench.executed[0].body


def test_other_kinds_are_refused(make):
    """Types change to text or to the single entry."""
    with pytest.raises(UsageError, match="as"):
        make("wrong_type", as_="number")
