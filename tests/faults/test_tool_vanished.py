"""A tool that vanished answers like one that was never there."""

import pytest

from agentbench.calls import ToolCall
from agentbench.errors import UsageError


async def test_answer_is_that_for_an_unknown_tool(bench, make):
    """404 has the very body that the environment gives for a name that it does not know."""
    told = await bench.strike(make("tool_vanished"), "add_note", text="hello")
    real = bench.environment.execute(bench.world, ToolCall(id="c", tool="no_tool", arguments={}), author="c", at_s=0)
    assert (told.status, told.body["error"]["code"]) == (real.status, real.body["error"]["code"])
    assert told.body["error"]["message"] == real.body["error"]["message"].replace("no_tool", "add_note")
    assert (bench.executed, bench.notes, bench.now) == ([], 5, 0)


async def test_removed_tool_says_so_and_names_its_successor(bench, make):
    """410 says that the tool was removed, and the successor is told if there is one."""
    told = await bench.strike(make("tool_vanished", status=410, successor="write_note"), "add_note", text="hello")
    assert (told.status, told.body["error"]["code"]) == (410, "gone")
    assert told.body["error"]["message"] == "The tool 'add_note' was removed. Use 'write_note'."


@pytest.mark.parametrize("wrong", [{"status": 403}, {"successor": ""}])
def test_other_parameters_are_refused(make, wrong):
    """A tool is unknown or gone, and a successor has a name."""
    with pytest.raises(UsageError):
        make("tool_vanished", **wrong)
