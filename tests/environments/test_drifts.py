"""Every drift of the bundled worlds strikes: in scenarios, and in what its tool then answers."""

from collections import defaultdict

import pytest

from agentbench import plugins
from agentbench.calls import ToolCall
from agentbench.errors import UsageError
from agentbench.seeds import derive
from agentbench.situations import situations
from tests.lived import lived, skipped

DRIFTS = ("concurrent_write", "sold_out", "price_changed", "record_deleted", "approval_expired", "flag_flipped",
          "job_fails")  # fmt: skip


@pytest.mark.parametrize("name", DRIFTS)
def test_each_strikes_in_at_least_three_scenarios(name):
    """Of the bundled scenarios, three or more are really changed for the careful agent."""
    landed = []
    for scenario in plugins.scenarios():
        if not skipped(scenario, {"fault": name}):
            _, judged = lived(scenario, "careful", {"fault": name})
            assert judged.valid, judged.invalid_reason
            landed += [scenario] if judged.landed else []
        if len(landed) == 3:
            break
    assert len(landed) >= 3, landed


@pytest.mark.parametrize("world", ["bank", "travel"])
def test_each_is_met_by_a_real_call_of_some_tool(world):
    """Each function changes the world in some real situation, and the tool's answer or the state is another one."""
    environment = plugins.environment(world)
    met: dict[str, set[str]] = defaultdict(set)
    wanted = defaultdict(set)
    for name, tools in environment.drifts.items():
        for function in tools.values():
            wanted[name].add(function.__name__)
    for situation in situations(environment):
        call = ToolCall(id="c1", tool=situation.tool, arguments=situation.arguments)
        answer = situation.answered()
        for name, tools in environment.drifts.items():
            function = tools.get(situation.tool)
            if function is None or function.__name__ in met[name] or (name == "job_fails" and not answer.ok):
                continue
            opened = situation.opened()
            if name == "job_fails":
                answer = environment.execute(opened, call, author="call:c1", at_s=situation.at_s)
            before = opened.digest()
            environment.let_drift(
                name, opened, call, derive("test", name), author="fault:0", at_s=situation.at_s, answer=answer.body
            )
            if opened.digest() == before:
                continue
            after = environment.execute(opened, call, author="call:c1", at_s=situation.at_s)
            if name == "job_fails" or after.body != answer.body:
                met[name].add(function.__name__)
    assert {name: found for name, found in met.items() if found} == dict(wanted)


def test_drift_for_a_tool_that_there_is_not_is_told():
    """A slip in a tool's name is found when the environment is loaded."""
    bank = plugins.environment("bank")
    with pytest.raises(UsageError, match="'transfers', which is no tool"):
        bank.drift("sold_out", tools=["transfers"])(lambda world, call: None)
    with pytest.raises(UsageError, match="'transfer' has a drift 'job_fails' already"):
        bank.drift("job_fails", tools=["transfer"])(lambda world, call: None)
