"""What the bundled tools answer is what they declare: in every scenario, and on every page of their worlds."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from agentbench import answers, plan, plugins
from agentbench.calls import ToolCall
from agentbench.plan import PlannedAgent
from agentbench.record import TrialRecord
from agentbench.runner import Runner
from agentbench.store import RunDirectory
from agentbench.world import World

BUNDLED = ("bank", "travel")
TOOLS = [(name, tool) for name in BUNDLED for tool in plugins.environment(name).tools]
# What lists ask for besides the page; the values are those of the bundled worlds.
WANTED: dict[str, Any] = {
    "account": ["CHK-1", "JNT-1", "SAV-1", "CHK-0"],
    "month": ["2025-03", "2026-02"],
    "traveller_id": [f"TRV-{number}" for number in range(101, 115)],
    "to": ["TRV-103"],
    "offer_id": ["AG-101E"],
}


def _problem(environment: str, tool: str, status: int | None, body: Any) -> str:
    if status == 200:
        return plugins.environment(environment).tools[tool].answer.problem(body)
    return answers.error_problem(body)


def _environment(record: TrialRecord) -> str:
    return record.trial.split("/")[1].partition(".")[0]


@pytest.mark.parametrize(("environment", "tool"), TOOLS)
def test_every_tool_declares_a_closed_shape(environment: str, tool: str) -> None:
    """The schema says of each object which fields it has, and that it has no others."""

    def objects(part: Any) -> list[dict[str, Any]]:
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        own = [part] if isinstance(part, dict) and part.get("type") == "object" else []
        return own + [each for child in inner for each in objects(child)]

    schema = plugins.environment(environment).tools[tool].spec.returns
    assert schema is not None
    found = objects(schema)
    assert found
    assert all(each["additionalProperties"] is False and each["properties"] for each in found)
    assert not any("title" in each for each in found)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[TrialRecord]:
    """Every bundled scenario, played by the oracle and by the careful agent."""
    made = plan.make(
        scenarios=plugins.scenarios(),
        agents=[PlannedAgent(name=name, ref=name) for name in ("oracle", "careful")],
        profile=None,
        trials=1,
        seed=1,
        clock="virtual",
        sandbox="inprocess",
    )
    run = RunDirectory(tmp_path_factory.mktemp("run"))
    with capture_logs():
        Runner(made, run, workers=1).execute()
    return list(run.records())


def test_every_reply_of_the_scenarios_is_as_declared(records: list[TrialRecord]) -> None:
    """Whatever a tool answers in a trial without faults fits its shape, and every refusal is an error as declared."""
    told = [
        (record.trial, call.tool, _problem(_environment(record), call.tool, reply.status, reply.body))
        for record in records
        for call in record.calls
        for reply in (execution.reply for execution in call.done)
    ]
    assert len(told) > 200
    assert [each for each in told if each[2]] == []


@pytest.mark.parametrize("name", BUNDLED)
def test_every_row_of_the_world_is_as_declared(name: str) -> None:
    """All pages of all lists, and of each row that has a read of its own, hold what is declared."""
    environment = plugins.environment(name)
    world = World(environment.template(), epoch=environment.epoch)
    pages = 0
    for tool in environment.tools.values():
        if tool.spec.effect != "read" or "cursor" not in tool.spec.parameters["properties"]:
            continue
        needed = tool.spec.parameters.get("required", ())
        if any(each not in WANTED for each in needed):
            continue  # searches, which the scenarios make
        for place in range(max([len(WANTED[each]) for each in needed], default=1)):
            arguments = {each: WANTED[each][place % len(WANTED[each])] for each in needed} | {"limit": 50}
            cursor: str | None = None
            while cursor is not None or "cursor" not in arguments:
                call = ToolCall(id="c1", tool=tool.spec.name, arguments=arguments | {"cursor": cursor})
                reply = environment.execute(world, call, author="call:c1", at_s=0.0)
                assert _problem(name, tool.spec.name, reply.status, reply.body) == ""
                arguments["cursor"] = cursor = reply.body["next_cursor"]
                pages += 1
    assert pages > 20
