"""A renamed tool works under its new name alone."""

import asyncio

import pytest

from agentbench.errors import UsageError
from agentbench.faultload import Injection
from agentbench.gateway import Strike
from agentbench.world import World
from tests.faults.test_landings import ENVIRONMENT, TEMPLATE, make_gateway

FOR_GOOD = {"fault": "tool_renamed", "at": {"tool": "add_order"}, "lasts": "permanent"}
ORDER = {"buyer": "Bo", "amount_cents": 700}


def told(calls, *injections):
    """What calls of these tools are told, one after another, and the recorded calls."""
    world = World(TEMPLATE, epoch=ENVIRONMENT.epoch, seed="renamed")
    strikes = [Strike(index, Injection.model_validate(each), ("key",)) for index, each in enumerate(injections)]
    gateway = make_gateway(world, strikes)

    async def run():
        return [await gateway.call(tool, arguments) for tool, arguments in calls]

    return asyncio.run(run()), [event for event in gateway.events if hasattr(event, "tool")]


def test_old_name_is_unknown_and_the_error_tells_the_new_one():
    """The new name works with the same arguments; the record has the call under the tool's own name."""
    (old, new), calls = told([("add_order", ORDER), ("add_order_v2", ORDER)], FOR_GOOD)
    assert (old.status, old.body["error"]["code"]) == (404, "unknown_tool")
    assert "renamed to 'add_order_v2'" in old.body["error"]["message"]
    assert (new.status, new.body["buyer"]) == (200, "Bo")
    assert [call.tool for call in calls] == ["add_order", "add_order"]
    assert [len(call.done) for call in calls] == [0, 1]


def test_new_name_is_unknown_where_nothing_was_renamed():
    """Without the fault, before it begins, for another tool, and with another name there is no such tool."""
    late = {**FOR_GOOD, "at": {"tool": "add_order", "call": 2}}
    for injections in ([], [late], [{**FOR_GOOD, "at": {"tool": "ship_order"}}]):
        (early,), _ = told([("add_order_v2", ORDER)], *injections)
        assert (early.status, early.body["error"]["code"]) == (404, "unknown_tool")
        assert "add_order_v2" in early.body["error"]["message"]
    (strange,), _ = told([("add_order_v3", ORDER)], FOR_GOOD)
    assert strange.status == 404


def test_suffix_can_be_chosen():
    """Another suffix makes another name."""
    (new,), _ = told([("add_order-next", ORDER)], {**FOR_GOOD, "with": {"suffix": "-next"}})
    assert new.ok


@pytest.mark.parametrize("suffix", ["", "a b", "'"])
def test_other_suffixes_are_refused(make, suffix):
    """A name of a tool has letters, digits, lines and dashes."""
    with pytest.raises(UsageError):
        make("tool_renamed", suffix=suffix)
