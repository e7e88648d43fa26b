"""Dropped fields are gone from every row, and the rest stays."""

import pytest

from agentbench.errors import UsageError

ROWS = [{"id": "A", "name": "Kim", "cents": 5, "memo": None}, {"id": "B", "name": "Lee", "cents": 7, "memo": "x"}]
PAGE = {"items": ROWS, "next_cursor": None, "total": 2}


async def test_rows_miss_the_same_fields_and_keep_their_ids(retell, bench):
    """Half of the names go, drawn by a key; `id`, the values and what is around the rows stay."""
    told = await retell("drop_fields", PAGE)
    gone = set(bench.receipt["fields"])
    assert len(gone) == 2
    assert "id" not in gone
    assert told["items"] == [{key: value for key, value in row.items() if key not in gone} for row in ROWS]
    assert (told["total"], told["next_cursor"]) == (2, None)
    assert bench.executed[0].body["items"] == ROWS


async def test_named_fields_go_or_are_null(retell):
    """`fields` may name any field; `as: null` keeps the name."""
    object_ = {"id": "A", "name": "Kim"}
    assert await retell("drop_fields", object_, fields=["id"]) == {"name": "Kim"}
    assert await retell("drop_fields", object_, fields=["name"], as_="null") == {"id": "A", "name": None}


async def test_share_is_at_least_one_field(retell):
    """However small the share, one field goes; with a share of 1 only the id stays."""
    assert len((await retell("drop_fields", ROWS[0], share=0.01)).keys()) == 3
    assert await retell("drop_fields", ROWS[0], share=1) == {"id": "A"}


@pytest.mark.parametrize("body", ["text", None, 3, [], [1, 2], {}, {"id": "A"}, {"items": [], "total": 0}])
async def test_nothing_to_drop_leaves_the_reply_alone(bench, retell, body):
    """Without a record with fields the reply is told as it is."""
    assert await retell("drop_fields", body) is bench.executed[0].body


async def test_fields_that_are_not_there_leave_the_reply_alone(bench, retell):
    """A name that no row has changes nothing."""
    assert await retell("drop_fields", PAGE, fields=["iban"]) is bench.executed[0].body


@pytest.mark.parametrize("wrong", [{"share": 0}, {"share": 1.1}, {"fields": "name"}, {"as_": "empty"}])
def test_other_parameters_are_refused(make, wrong):
    """A share lies in (0, 1], fields are a list, and a field is absent or null."""
    with pytest.raises(UsageError):
        make("drop_fields", **wrong)
