"""A wrong value is one number that is off, and plausible."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentbench.errors import UsageError

PAGE = {"items": [{"id": "A", "cents": 5000, "flag": 1, "day": 31}, {"id": "B", "cents": -90000}], "total": 2}


async def test_one_number_is_off_by_the_share(retell, bench):
    """Exactly one large number differs, by ten percent; small ones, counts and the original stay."""
    told = await retell("wrong_value", PAGE)
    pairs = list(zip(PAGE["items"], told["items"], strict=True))
    wrong = [(old["cents"], new["cents"]) for old, new in pairs if old != new]
    assert len(wrong) == 1
    assert abs(wrong[0][1] - wrong[0][0]) == abs(wrong[0][0]) // 10
    assert (told["total"], told["items"][0]["flag"], told["items"][0]["day"]) == (2, 1, 31)
    assert bench.receipt == {"field": "cents", "true": wrong[0][0], "told": wrong[0][1]}
    assert bench.executed[0].body == PAGE


async def test_fields_and_size_choose_the_candidates(retell, bench):
    """Only numbers in fields that a glob names, and of the least size, are changed."""
    body = {"price": 500, "stock": 500}
    assert (await retell("wrong_value", body, fields=["sto*"]))["price"] == 500
    assert await retell("wrong_value", body, least=501) is bench.executed[-1].body
    assert (await retell("wrong_value", {"n": 3}, least=0, by=0.01)) == {"n": 4}


@pytest.mark.parametrize("body", ["text", None, {}, {"a": True}, {"a": "120000"}, {"items": [], "total": 0}])
async def test_no_number_leaves_the_reply_alone(bench, retell, body):
    """Texts, flags and empty pages have nothing to be wrong about."""
    assert await retell("wrong_value", body) is bench.executed[0].body


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(value=st.one_of(st.integers(100, 10**12), st.floats(100, 1e9)), by=st.floats(0.001, 0.9))
async def test_told_is_never_the_truth_and_of_its_type(retell, value, by):
    """Whatever the number and the share, what is told is another number of the same type and sign."""
    told = (await retell("wrong_value", {"value": value}, by=by))["value"]
    assert told != value
    assert type(told) is type(value)
    assert told >= 0


@pytest.mark.parametrize("wrong", [{"by": 0}, {"by": 1.5}, {"least": -1}, {"fields": "cents"}])
def test_other_parameters_are_refused(make, wrong):
    """A share lies in (0, 1], a size is not negative, fields are a list."""
    with pytest.raises(UsageError):
        make("wrong_value", **wrong)
