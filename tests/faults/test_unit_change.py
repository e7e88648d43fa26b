"""A changed unit multiplies amounts and nothing else."""

import pytest

from agentbench.errors import UsageError

PAGE = {"items": [{"id": "A", "amount_cents": 120050, "day": 3}, {"id": "B", "amount_cents": 4000}], "total": 2}


async def test_cents_are_told_as_units(retell, bench):
    """Amounts are a hundredth, whole as they were and rounded away from 0, and the rest is untouched."""
    told = await retell("unit_change", PAGE)
    assert told["items"] == [{"id": "A", "amount_cents": 1201, "day": 3}, {"id": "B", "amount_cents": 40}]
    assert all(type(row["amount_cents"]) is int for row in told["items"])
    assert (told["total"], bench.receipt) == (2, {"values": 2})


async def test_nothing_is_rounded_to_nothing(retell):
    """A few cents are still an amount, a debt is still a debt, and what was a fraction is told as one."""
    body = {"fee_cents": 40, "balance": -7, "price": 12.5}
    assert await retell("unit_change", body) == {"fee_cents": 1, "balance": -1, "price": 0.125}


async def test_factor_and_fields_are_free(retell):
    """Any number can be converted, in the field that is named."""
    body = {"weight_kg": 10, "price": 3}
    assert await retell("unit_change", body, factor=2.2, fields=["weight*"]) == {"weight_kg": 22, "price": 3}


@pytest.mark.parametrize("body", [None, "x", {"day": 3}, {"price": 0}, {"price": None}, {"price": True}, {"items": []}])
async def test_no_amount_leaves_the_reply_alone(bench, retell, body):
    """Zero is zero in every unit, and what is no number has none."""
    assert await retell("unit_change", body) is bench.executed[0].body


@pytest.mark.parametrize("factor", [0, -1, 2_000_000])
def test_other_factors_are_refused(make, factor):
    """A factor is positive and not absurd."""
    with pytest.raises(UsageError, match="factor"):
        make("unit_change", factor=factor)
