"""A drifted schema has every value at another place."""

import pytest

from agentbench.errors import UsageError

PAGE = {"items": [{"id": "A", "amount_cents": 5, "line_2_text": "x"}], "next_cursor": None}


async def test_keys_are_told_in_the_other_style(retell, bench):
    """Keys of every depth are in camel case, with the old values."""
    told = await retell("schema_drift", PAGE)
    assert told == {"items": [{"id": "A", "amountCents": 5, "line2Text": "x"}], "nextCursor": None}
    assert bench.executed[0].body == PAGE


async def test_envelope_is_around_the_reply(retell):
    """The old reply is under `data`, unchanged."""
    assert await retell("schema_drift", PAGE, as_="envelope") == {"data": PAGE, "meta": {"version": 2}}


async def test_named_keys_are_renamed_and_no_others(retell):
    """`rename` is used instead of a style."""
    told = await retell("schema_drift", PAGE, rename={"amount_cents": "amount"})
    assert told == {"items": [{"id": "A", "amount": 5, "line_2_text": "x"}], "next_cursor": None}


@pytest.mark.parametrize("body", [None, "snake_case", {"id": 1}, [{"id": "a_b"}]])
async def test_no_such_key_leaves_the_reply_alone(bench, retell, body):
    """Values are never renamed, and a key without an underscore has one style."""
    assert await retell("schema_drift", body) is bench.executed[0].body
    assert await retell("schema_drift", body, rename={"none": "of them"}) is bench.executed[-1].body


@pytest.mark.parametrize("wrong", [{"as_": "kebab"}, {"rename": ["id"]}])
def test_other_parameters_are_refused(make, wrong):
    """A style is one of two, and names are given in pairs."""
    with pytest.raises(UsageError):
        make("schema_drift", **wrong)
