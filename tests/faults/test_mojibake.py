"""Mojibake damages texts and nothing else."""

import pytest

from agentbench.errors import UsageError


@pytest.mark.parametrize(
    ("kind", "told"),
    [("misread", "JÃ¶rg & Sons"), ("replaced", "J\ufffdrg & Sons"), ("asked", "J?rg & Sons"),
     ("entities", "Jörg &amp; Sons")],
)  # fmt: skip
async def test_texts_are_damaged_in_their_way(retell, kind, told):
    """Each kind has its own signs; numbers, keys and plain texts stay."""
    body = {"items": [{"näme": "Jörg & Sons", "id": "A", "cents": 5}]}
    assert await retell("mojibake", body, as_=kind) == {"items": [{"näme": told, "id": "A", "cents": 5}]}


@pytest.mark.parametrize(
    ("kind", "body"),
    [("misread", {"name": "Kim & Co"}), ("replaced", None), ("asked", 3), ("entities", {"name": "Jörg"})],
)
async def test_no_such_sign_leaves_the_reply_alone(bench, retell, kind, body):
    """Texts without a sign that the damage touches are told as they are."""
    assert await retell("mojibake", body, as_=kind) is bench.executed[0].body


def test_other_kinds_are_refused(make):
    """There are four kinds of damage."""
    with pytest.raises(UsageError, match="as"):
        make("mojibake", as_="rot13")
