"""A page of HTML stands where the answer was."""

import pytest

from agentbench.errors import UsageError


@pytest.mark.parametrize(
    ("kind", "title"),
    [("sign_in", "Sign in"), ("maintenance", "We will be back soon"), ("challenge", "Just a moment...")],
)
async def test_page_is_told_and_the_work_is_done(bench, make, kind, title):
    """The status is 200, the type HTML, and the note is there although the page does not say so."""
    told = await bench.strike(make("html_reply", as_=kind), "add_note", text="hello")
    assert (told.status, told.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert told.body.startswith("<!DOCTYPE html>")
    assert f"<title>{title}</title>" in told.body
    assert "hello" not in told.body
    assert bench.notes == 6


async def test_refusals_are_left_alone(bench, make):
    """An error of the tool itself is told as it is."""
    assert await bench.strike(make("html_reply"), "get_note", id="X") is bench.executed[0]


def test_other_pages_are_refused(make):
    """There are three pages."""
    with pytest.raises(UsageError, match="as"):
        make("html_reply", as_="advert")
