"""The shape of calls and replies: what counts as success, and which exception a Python client meets."""

import pytest

from agentbench.calls import ToolError, ToolResult, error_text, failure_exception


@pytest.mark.parametrize(
    ("status", "ok"), [(200, True), (204, True), (299, True), (199, False), (300, False), (422, False), (503, False)]
)
def test_success_is_a_status_of_the_two_hundreds(status: int, ok: bool) -> None:
    """Only 2xx tells the caller that it worked."""
    assert ToolResult(status=status).ok is ok


def test_a_call_without_a_reply_is_no_success() -> None:
    """A failure is never ok, whatever status stands beside it, and neither is no status at all."""
    assert not ToolResult(status=None, failure="timeout").ok
    assert not ToolResult(status=200, failure="reset").ok
    assert not ToolResult(status=None).ok


def test_unwrapping_a_success_gives_the_body() -> None:
    """The body itself comes back, also when there is none."""
    body = {"items": []}
    assert ToolResult(body=body).unwrap() is body
    assert ToolResult(status=204).unwrap() is None


@pytest.mark.parametrize(
    ("failure", "kind", "number"),
    [("timeout", TimeoutError, None), ("refused", ConnectionRefusedError, 111), ("reset", ConnectionResetError, 104)],
)
def test_unwrapping_a_failure_raises_what_a_client_would_meet(failure, kind, number) -> None:
    """Each failure is the builtin exception that retry policies know, with its errno."""
    with pytest.raises(kind) as raised:
        ToolResult(status=None, failure=failure).unwrap()
    assert type(raised.value) is kind
    assert raised.value.errno == number
    assert failure_exception(failure) is not failure_exception(failure)


def test_unwrapping_an_error_reply_raises_with_all_of_it() -> None:
    """Status, body and headers are on the exception, and its text is the human part."""
    body = {"error": {"code": "rate_limited", "message": "Slow down."}}
    with pytest.raises(ToolError) as raised:
        ToolResult(status=429, body=body, headers={"Retry-After": "20"}).unwrap()
    assert (raised.value.status, raised.value.body, raised.value.headers) == (429, body, {"Retry-After": "20"})
    assert str(raised.value) == "HTTP 429: rate_limited: Slow down."


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": {"code": "not_found", "message": "No."}}, "not_found: No."),
        ({"error": {}}, "error: "),
        ({"error": "plain"}, "{'error': 'plain'}"),
        ("<html>502</html>", "<html>502</html>"),
        (None, "None"),
    ],
)
def test_error_text_takes_any_body(body, text) -> None:
    """A body of another shape than the API's own is shown as it is."""
    assert error_text(body) == text
