"""A misleading error blames what is in order."""

import pytest

from agentbench.errors import UsageError


@pytest.mark.parametrize(
    ("blames", "status", "code"),
    [
        ("argument", 400, "validation_error"),
        ("credentials", 401, "invalid_api_key"),
        ("network", 500, "internal_error"),
        ("repeat", 409, "already_processed"),
    ],
)
async def test_nothing_is_done_and_the_text_blames_something_else(bench, make, blames, status, code):
    """The call is not executed, and the status and the code are those of the cause that is blamed."""
    told = await bench.strike(make("misleading_error", blames=blames), "add_note", text="hello")
    assert (told.status, told.body["error"]["code"]) == (status, code)
    assert (bench.executed, bench.notes, bench.now) == ([], 5, 0.5)


async def test_argument_that_was_given_is_said_to_be_missing(bench, make):
    """The blamed argument is one with a value, whichever it is, and the text is false of the call."""
    fault = make("misleading_error")
    told = [await bench.strike(fault, "add_note", text="hello", key="k1", after=None) for _ in range(20)]
    assert {each.body["error"]["message"] for each in told} == {"text: Field required", "key: Field required"}


async def test_call_without_arguments_has_its_body_blamed(bench, make):
    """There is no argument to blame, so that the whole body is."""
    told = await bench.strike(make("misleading_error"), "list_notes")
    assert told.body["error"]["message"] == "body: Field required"


def test_other_causes_are_refused(make):
    """Only the four causes are known."""
    with pytest.raises(UsageError, match="blames"):
        make("misleading_error", blames="user")
