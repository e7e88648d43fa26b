"""What an agent concludes from a reply, and from the text of an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.agents import _outcome
from agentbench.calls import ToolError, ToolResult


@given(st.text(), st.booleans())
def test_any_text_is_an_outcome(text: str, error: bool) -> None:
    """Whatever a tool message holds, it means something."""
    assert _outcome.of_text(text, error=error).ok is not error


@pytest.mark.parametrize(
    ("result", "hopeless", "ambiguous"),
    [
        (ToolResult(status=503), False, True),
        (ToolResult(status=404), True, False),
        (ToolResult(status=408), False, True),
        (ToolResult(status=429, headers={"retry-after": "3"}), False, False),
        (ToolResult(status=429, body={"error": {"code": "insufficient_quota", "message": "quota"}}), True, False),
        (ToolResult(status=None, failure="timeout"), False, True),
        (ToolResult(status=None, failure="reset"), False, True),
        (ToolResult(status=None, failure="refused"), False, False),
    ],
)
def test_outcomes(result: ToolResult, hopeless: bool, ambiguous: bool) -> None:
    """From a reply and from the text of its exception an agent concludes the same."""
    plain = _outcome.of_result(result)
    try:
        result.unwrap()
    except ToolError as error:
        after = error.headers.get("retry-after")
        text = f"ToolHTTPError('{error}')" + (f" (Retry-After: {after})" if after else "")
    except OSError as error:
        text = f"{type(error).__name__}: {error}"
    read = _outcome.of_text(text, error=True)
    for outcome in (plain, read):
        assert (outcome.hopeless, outcome.ambiguous) == (hopeless, ambiguous)
    assert read.retry_after_s == plain.retry_after_s == (3 if "retry-after" in result.headers else None)
