"""An expired credential is refused until it is renewed."""

import pytest


class Token:
    """Says what is refused; `get_note` stands for the tool that renews."""

    def __init__(self, bench, make, **parameters):
        self.bench, self.fault = bench, make("expired_credential", by="get_note", **parameters)

    async def call(self, tool="add_note", **arguments):
        """Call with the fault in the way."""
        return await self.bench.strike(self.fault, tool, **arguments)

    async def renew(self):
        """Call the tool that renews."""
        return await self.call("get_note", id="NOTE-1")


async def test_refusal_names_the_tool_that_renews(bench, make):
    """401 with a challenge, in the time of a reply, and nothing is done."""
    told = await Token(bench, make).call(text="hello")
    assert (told.status, told.body["error"]["code"], bench.now, bench.notes) == (401, "token_expired", 0.5, 5)
    assert "'get_note'" in told.body["error"]["message"]
    assert told.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')


async def test_renewal_ends_it(bench, make):
    """The renewal is let through, and so is every call after it."""
    token = Token(bench, make)
    assert not (await token.call(text="hello")).ok
    assert (await token.renew()).ok
    assert (await token.call(text="hello")).ok
    assert bench.receipt["witness"] == "reply_changed", "a call that was left alone must not count as struck"
    assert bench.notes == 6


async def test_renewal_before_the_expiry_is_of_no_use(bench, make):
    """What was renewed before it expired has expired all the same, and a renewal that failed is none."""
    token = Token(bench, make)
    await token.renew()
    assert not (await token.call(text="hello")).ok
    await bench.strike(make("noop"), "get_note", id="NOTE-9")
    assert not (await token.call(text="hello")).ok


async def test_renewal_that_the_injection_does_not_look_at_counts_too(bench, make):
    """Aimed at one tool, it sees from the record that the credential was renewed."""
    token = Token(bench, make)
    await token.call(text="hello")
    await bench.strike(make("noop"), "get_note", id="NOTE-1")
    assert (await token.call(text="hello")).ok


async def test_refused_renewal_leaves_no_way(bench, make):
    """The renewing tool answers 401 itself, and even one that got through helps nothing."""
    token = Token(bench, make, refresh="refused")
    assert not (await token.call(text="hello")).ok
    told = await token.renew()
    assert (told.status, told.body["error"]["code"]) == (401, "invalid_grant")
    await bench.strike(make("noop"), "get_note", id="NOTE-1")
    assert not (await token.call(text="hello")).ok


@pytest.mark.parametrize(("parameters", "blocking"), [({}, False), ({"refresh": "refused"}, True)])
def test_only_a_refused_renewal_bars_the_work(make, parameters, blocking):
    """Where the renewal works, success can be had."""
    assert make("expired_credential", **parameters).blocking is blocking
