"""Another locale writes the same values in another way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench import plugins

BODY = {"cents": 1234567, "share": 0.5, "small": 999, "on": "2026-03-02", "at": "2026-03-02T09:00:00Z", "ok": True}
EXPECTED = [
    ("numbers", {"cents": "1.234.567", "share": "0,5"}),
    ("dates", {"on": "02.03.2026", "at": "02.03.2026T09:00:00Z"}),
    ("us_dates", {"on": "03/02/2026", "at": "03/02/2026T09:00:00Z"}),
]


@pytest.mark.parametrize(("as_", "changed"), EXPECTED)
async def test_values_are_written_in_the_other_way(retell, as_, changed):
    """Only values of that kind differ."""
    assert await retell("locale_change", BODY, as_=as_) == BODY | changed


async def test_nothing_to_write_otherwise_leaves_the_reply_alone(retell):
    """Small numbers, and texts that are no dates, are the same everywhere."""
    body = {"count": 5, "text": "2026", "none": None}
    for as_, _ in EXPECTED:
        assert await retell("locale_change", body, as_=as_) == body


@given(st.integers(min_value=1000) | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_a_reader_of_that_country_finds_the_value(number):
    """Without the points, and with a point for the comma, it is the number again."""
    told = plugins.fault("locale_change", {})._written("n", number)
    read = str(told).replace(".", "").replace(",", ".") if isinstance(told, str) else told
    assert type(number)(read) == number
