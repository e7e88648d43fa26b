"""Hints are taken from what an error says, once."""

import pytest

from agentbench.agents._hints import Lessons, renewal

BOTH = "HTTP 422: validation_error: body: Field required; text: Extra inputs are not permitted"


def test_a_renamed_tool_is_called_by_its_new_name() -> None:
    """The new name is kept for later calls, and the same hint again is no news."""
    lessons = Lessons()
    error = "HTTP 404: unknown_tool: There is no tool named 'pay'. It was renamed to 'pay_v2'."
    assert lessons.learn("pay", {}, error)
    assert lessons.applied("pay", {"text": "a"}) == ("pay_v2", {"text": "a"})
    assert lessons.applied("find", {}) == ("find", {})
    assert not lessons.learn("pay", {}, error)


def test_a_renamed_parameter_takes_the_old_ones_value() -> None:
    """One that is not known and one that is missing are the same parameter."""
    lessons = Lessons()
    assert lessons.learn("say", {"text": "a", "to": "me"}, BOTH)
    assert lessons.applied("say", {"text": "a", "to": "me"}) == ("say", {"body": "a", "to": "me"})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": "a"}, "HTTP 400: validation_error: text: Field required"),
        ({"text": "a", "body": "b"}, BOTH),
        ({"to": "me"}, BOTH),
        ({"text": "a"}, f"{BOTH}; reason: Field required"),
        ({"text": "a"}, "HTTP 500: internal_error: socket hang up"),
    ],
)
def test_what_says_nothing_teaches_nothing(arguments: dict[str, str], error: str) -> None:
    """A hint must name exactly one of each, and fit the call."""
    assert not Lessons().learn("say", arguments, error)


def test_the_tool_that_renews_is_named_by_the_error() -> None:
    """Only of an expired token, and only by name."""
    assert renewal("HTTP 401: token_expired: The access token expired. Call 'renew_session' and repeat.") == (
        "renew_session"
    )
    assert renewal("HTTP 401: invalid_token: The access token expired.") == ""
