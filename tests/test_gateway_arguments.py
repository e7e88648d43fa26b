"""What an agent may hand to a tool: an answer to all of it, and a record that can be kept."""

import math
from pathlib import Path
from typing import Any

import pytest

from agentbench.record import Call, TrialRecord
from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.install(tmp_path, monkeypatch)


def one(record: TrialRecord) -> Call:
    """The only call of a trial."""
    (call,) = record.calls
    return call


class Evil(dict):
    """A mapping that cannot be read."""

    def items(self) -> Any:
        raise RuntimeError("no items")


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def endless() -> dict[str, Any]:
    """A mapping that holds itself, twice."""
    value: dict[str, Any] = {}
    value["a"] = value["b"] = value
    return value


HOSTILE: dict[str, Any] = {
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "2**70": 2**70,
    "10**5000": 10**5000,
    "10 MB": "x" * 10_000_000,
    "deep": nested(1000),
    "surrogate": "\ud800",
    "bytes": b"\xff",
    "object": object(),
    "endless": endless(),
    "evil": Evil(),
    "set": {1, (2, 3), object()},
    "wide": [0] * 300_000,
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_hostile_arguments_are_an_error_reply_and_a_record(value: Any) -> None:
    """What is not JSON, or too large, is refused with 400; the record keeps a bounded copy, and the trial goes on."""

    async def agent(message: str, tools: Any) -> str:
        reply = await tools.result("rate", {"id": "NOTE-1", "stars": value})
        assert (await tools.result("rate", {"id": "NOTE-1", "stars": 3.0})).ok
        return str(reply.status)

    record = notes.run(agent)
    bad, good = record.calls
    assert (bad.told.status, bad.told.body["error"]["code"]) == (400, "invalid_request")
    assert good.told.ok
    assert record.answer == "400"
    assert len(record.ledger) == 1


@pytest.mark.parametrize("arguments", [None, [1], "text", 5], ids=str)
def test_arguments_that_are_no_object_are_refused(arguments: Any) -> None:
    """A list, a text or nothing in the place of an object is 400 and kept as `value`."""

    async def agent(message: str, tools: Any) -> str:
        return str((await tools.result("list_notes", arguments)).status)

    record = notes.run(agent)
    assert record.answer == "400"
    assert one(record).asked == {"value": arguments}


@pytest.mark.parametrize(
    "name", ["", "no_such_tool", "x" * 1_000_000, "\ud800", None, 7], ids=lambda name: str(name)[:12]
)
def test_an_unknown_tool_is_404(name: Any) -> None:
    """A tool that does not exist is answered with 404 and recorded under a bounded name."""

    async def agent(message: str, tools: Any) -> str:
        return str((await tools.result(name, {})).status)

    record = notes.run(agent)
    assert record.answer == "404"
    assert len(one(record).tool) <= 200


def test_wrong_arguments_are_422_and_named() -> None:
    """A missing, a surplus and a wrong argument are named, and nothing is changed."""

    async def agent(message: str, tools: Any) -> str:
        told = [await tools.result("rate", each) for each in ({"id": "NOTE-1"}, {"id": "NOTE-1", "stars": 9.5},
                {"id": "NOTE-1", "stars": 1.0, "x": 1}, {"id": "NOTE-1", "stars": "3"})]  # fmt: skip
        assert [each.status for each in told] == [422] * 4
        return " ".join(each.body["error"]["message"].split(":")[0] for each in told)

    record = notes.run(agent)
    assert record.answer == "stars stars x stars"
    assert record.ledger == []


def test_what_the_agent_does_with_a_reply_does_not_change_the_record() -> None:
    """An agent that tears its reply apart leaves the recorded one whole."""

    async def agent(message: str, tools: Any) -> str:
        reply = await tools.list_notes()
        reply["items"].clear()
        return "Torn."

    call = one(notes.run(agent))
    assert len(call.told.body["items"]) == 5
    assert len(call.done[0].reply.body["items"]) == 5
