"""An oversize reply holds the true one."""

import json

import pytest

from agentbench.errors import UsageError


@pytest.mark.parametrize("kilobytes", [1, 64, 256])
async def test_reply_is_as_large_as_asked_for(retell, kilobytes):
    """The size is about right, and the true answer comes first and unchanged."""
    told = await retell("oversize", {"id": "A", "text": "note"}, kilobytes=kilobytes)
    size = len(json.dumps(told)) / 1024
    assert kilobytes * 0.9 <= size <= kilobytes * 1.1 + 1
    assert list(told)[:2] == ["id", "text"]
    assert (told["id"], told["text"]) == ("A", "note")


async def test_entries_differ_and_count_down(retell, bench):
    """Revisions have falling numbers and checksums of their own."""
    revisions = (await retell("oversize", {"id": "A"}, kilobytes=16))["revisions"]
    assert [each["revision"] for each in revisions] == list(range(len(revisions), 0, -1))
    assert len({each["checksum"] for each in revisions}) == len(revisions) == bench.receipt["entries"]


@pytest.mark.parametrize("body", [None, "x", [1], {"revisions": []}])
async def test_no_object_leaves_the_reply_alone(bench, retell, body):
    """Only an object has room for another field."""
    assert await retell("oversize", body) is bench.executed[0].body


@pytest.mark.parametrize("kilobytes", [0, 1025, 1.5])
def test_other_sizes_are_refused(make, kilobytes):
    """A size is 1 to 1,024 kilobytes."""
    with pytest.raises(UsageError, match="kilobytes"):
        make("oversize", kilobytes=kilobytes)
