"""Another currency is another number, and says so or not."""

BODY = {"items": [{"id": "A-1", "amount_cents": 1000, "fee": 2.5, "currency": "EUR", "count": 7, "paid": True}]}


async def test_amounts_are_converted_and_the_code_goes_with_them(retell):
    """Whole numbers stay whole; counts and flags are no amounts."""
    told = await retell("currency_change", BODY)
    assert told["items"] == [
        {"id": "A-1", "amount_cents": 1080, "fee": 2.7, "currency": "USD", "count": 7, "paid": True}
    ]


async def test_code_can_be_left_as_it_is(retell):
    """With `told: false` only the amounts differ."""
    told = await retell("currency_change", BODY, told=False, rate=2, to="CHF")
    assert (told["items"][0]["amount_cents"], told["items"][0]["currency"]) == (2000, "EUR")


async def test_without_an_amount_nothing_is_changed(retell):
    """A code alone, a zero and an amount that is a text stay."""
    for body in ({"currency": "EUR"}, {"amount_cents": 0, "currency": "EUR"}, {"amount": "5", "currency": "EUR"}):
        assert await retell("currency_change", body) == body
