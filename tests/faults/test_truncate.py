"""A truncated reply is a valid one with less in it."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench import plugins
from agentbench.abc import FaultContext
from agentbench.calls import ToolCall, ToolResult, ToolSpec
from agentbench.errors import UsageError
from agentbench.seeds import derive

SPEC = ToolSpec(name="t", description="", parameters={}, effect="read")


async def cut(body: Any, status: int = 200, **parameters: Any) -> tuple[ToolResult, dict[str, Any], ToolResult]:
    """What is told of a reply with this body, the receipt, and the reply itself."""
    reply = ToolResult(status=status, body=body)

    async def proceed(_call: ToolCall) -> ToolResult:
        return reply

    async def sleep(_seconds: float) -> None: ...

    context = FaultContext(
        spec=SPEC, now_s=lambda: 0.0, sleep=sleep, generator=lambda: derive(0), memory={}, replica=proceed, deeds=None,
        crash=None
    )  # fmt: skip
    told = await plugins.fault("truncate", parameters).inject(
        ToolCall(id="c1", tool="t", arguments={}), proceed, context
    )
    return told, context.receipt, reply


async def test_page_ends_early_and_keeps_its_total(bench, make):
    """The first entries stay, `total` stays true, and the cursor to the rest is gone."""
    told = await bench.strike(make("truncate"), "list_notes", limit=4)
    assert [each["id"] for each in told.body["items"]] == ["NOTE-0", "NOTE-1"]
    assert (told.body["total"], told.body["next_cursor"], told.ok) == (5, None, True)
    assert bench.executed[0].body["next_cursor"] == "c4"
    assert bench.receipt == {"list": "items", "kept": 2, "dropped": 2}


async def test_items_win_over_a_longer_list():
    """`items` is the page, whatever else the body lists; `has_more` ends with it."""
    told, _, _ = await cut({"items": [1, 2], "tags": [1, 2, 3, 4], "has_more": True})
    assert told.body == {"items": [1], "tags": [1, 2, 3, 4], "has_more": False}


async def test_without_items_the_longest_list_is_cut():
    """Nested lists are found, and only the longest is cut; the cursor beside it ends."""
    body = {"a": [1], "data": {"rows": [1, 2, 3, 4], "next_cursor": "c4"}, "total": 9}
    told, receipt, _ = await cut(body, keep=0.25)
    assert told.body == {"a": [1], "data": {"rows": [1], "next_cursor": None}, "total": 9}
    assert receipt == {"list": "data.rows", "kept": 1, "dropped": 3}


async def test_body_that_is_a_list_is_cut():
    """A bare list is cut too, and a single entry goes."""
    assert (await cut([1, 2, 3]))[0].body == [1]
    assert (await cut(["only"], keep=0.9))[0].body == []


@pytest.mark.parametrize("body", [None, "text", 3, {}, {"items": []}, {"id": 1, "of": {"x": []}}])
async def test_nothing_to_cut_leaves_the_reply_alone(body):
    """A reply without entries is told as it is, with an empty receipt."""
    told, receipt, reply = await cut(body)
    assert told is reply
    assert receipt == {}


async def test_errors_are_left_alone():
    """An error body is not a page."""
    told, _, reply = await cut({"items": [1, 2]}, status=400)
    assert told is reply


@given(entries=st.lists(st.integers(), min_size=1, max_size=40), keep=st.floats(0, 1, exclude_max=True))
async def test_always_fewer_and_always_the_first(entries, keep):
    """At least one entry goes, what is left is a prefix, and the executed reply is not touched."""
    body = {"items": entries}
    before = copy.deepcopy(body)
    told, receipt, reply = await cut(body, keep=keep)
    left = told.body["items"]
    assert len(left) < len(entries)
    assert left == entries[: len(left)]
    assert receipt["kept"] + receipt["dropped"] == len(entries)
    assert reply.body == before


@pytest.mark.parametrize("keep", [1, -0.1, 1.5])
def test_share_that_keeps_everything_is_refused(make, keep):
    """`keep` lies in [0, 1)."""
    with pytest.raises(UsageError, match="keep"):
        make("truncate", keep=keep)
