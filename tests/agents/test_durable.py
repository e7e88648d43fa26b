"""The durable agent in its bank: as careful as `careful`, and a message that comes twice is answered once."""


async def test_it_pays_once_and_says_so(talk, make_bank):
    """The whole reference is done, with a look after each write."""
    bank = make_bank()
    assert await talk("durable", bank) == "Paid to P-2."
    assert len(bank.transfers) == 1


async def test_a_lost_reply_is_looked_up(talk, make_bank, faults):
    """What may have been done is not done again."""
    bank = make_bank().spoil("transfer", faults.lost(), 1)
    await talk("durable", bank)
    assert (len(bank.transfers), bank.claims[-1]["status"]) == (1, "done")


async def test_a_message_that_comes_twice_is_answered_once(talk, make_bank):
    """It goes by the number of the message: the answer is given again, and nothing is done."""
    bank = make_bank()
    bank.same_number = True
    assert await talk("durable", bank, "Pay.", "Pay.") == "Paid to P-2."
    assert (len(bank.transfers), len(bank.claims)) == (1, 1)
