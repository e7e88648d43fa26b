"""Who met a failure: the framework, by calls under the same id that the model never sees, or the agent."""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ToolErrorMiddleware, ToolRetryMiddleware
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import RetryPolicy

from agentbench.adapters.langgraph import LangGraphAdapter
from agentbench.coping import told_apart
from agentbench.judgement import Judgement, Landing
from agentbench.metrics import absorbed
from agentbench.record import TrialRecord
from agentbench.stage import Stage
from agentbench.trial import Attempt
from tests import notes, records

REFERENCE = [{"call": "list_notes"}, {"call": "add_note", "with": {"text": "milk"}}, {"reply": "Done."}]


class Graphs(Stage):
    """A stage that drives one graph factory."""

    factory: Any = None

    def opener(self, ref: str, door: Any, environment: Any) -> Any:
        """Connect the factory anew."""
        return LangGraphAdapter().connect(self.factory, door)


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    notes.install(tmp_path, monkeypatch)


def run(factory: Any, **injection: Any) -> tuple[TrialRecord, Landing]:
    """A trial of a graph in which the note cannot be added at first, and what became of that."""
    stage = Graphs("virtual")
    stage.factory = factory
    scenario = {**notes.SCENARIO, "reference": REFERENCE}
    injections = [{"fault": "outage", "at": {"tool": "add_note"}, **injection}]
    try:
        record = Attempt(stage, notes.order(injections=injections, scenario=scenario), sandbox="none").run()
    finally:
        stage.close()
    (landing,) = told_apart(record, [Landing(index=0, fault="outage", state="witnessed")])
    return record, landing


def middleware(tools: Any, model: Any) -> Any:
    """Repeats a failed call below the model."""
    return create_agent(model, tools, middleware=[ToolRetryMiddleware(max_retries=2, jitter=False)])


def policy(tools: Any, model: Any) -> Any:
    """Repeats the whole node."""
    bound = model.bind_tools(tools)

    async def think(state: MessagesState) -> Any:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState).add_node(think)
    builder.add_node("tools", ToolNode(tools, handle_tool_errors=False), retry_policy=RetryPolicy(jitter=False))
    builder.add_edge(START, "think").add_conditional_edges("think", tools_condition).add_edge("tools", "think")
    return builder.compile()


def telling(tools: Any, model: Any) -> Any:
    """Tells the model, which tries again."""
    return create_agent(model, tools, middleware=[ToolErrorMiddleware(lambda error, request: str(error))])


def defaults(tools: Any, model: Any) -> Any:
    """Dies of the first error."""
    return create_agent(model, tools)


@pytest.mark.parametrize(
    ("factory", "lasts", "coping", "hidden"),
    [
        (middleware, "transient", "absorbed", 1),
        (policy, "transient", "absorbed", 1),
        (telling, "transient", "handled", 0),
        (defaults, "transient", "unhandled", 0),
        (middleware, "permanent", "handled", 4),
        (policy, "permanent", "unhandled", 2),
    ],
)
def test_a_frameworks_retries_are_told_from_the_agents(factory, lasts, coping, hidden):
    """Retry middleware and node policies call again under the same id; a model draws a new one."""
    record, landing = run(factory, lasts=lasts)
    assert (landing.coping, landing.hidden_retries) == (coping, hidden), [
        (call.tool, call.request, call.told.status) for call in record.calls
    ]


def test_without_ids_nothing_is_said():
    """A plain agent makes its calls on no request of a model's, and nobody can tell whose retry it was."""

    async def agent(message: str, tools: Any) -> str:
        for _ in range(2):
            await tools.result("add_note", {"text": "milk"})
        return "Done."

    record = notes.run(agent, injections=[{"fault": "outage", "at": {"tool": "add_note"}}])
    (landing,) = told_apart(record, [Landing(index=0, fault="outage", state="witnessed")])
    assert (landing.coping, landing.hidden_retries) == ("", 0)


def test_a_plain_agent_may_say_on_whose_request_it_calls():
    """What it gives as `call_id` is what calls are told apart by."""

    async def agent(message: str, tools: Any) -> str:
        for _ in range(2):
            await tools.result("add_note", {"text": "milk"}, call_id="call_9")
        return "Done."

    record = notes.run(agent, injections=[{"fault": "outage", "at": {"tool": "add_note"}}])
    (landing,) = told_apart(record, [Landing(index=0, fault="outage", state="witnessed")])
    assert (landing.coping, landing.hidden_retries) == ("absorbed", 1)


def test_the_measure_counts_injections():
    """Absorbed over all that were met; None where no fault told of a failure."""

    def judged(*copings: str) -> Judgement:
        landings = [Landing(index=0, fault="outage", state="witnessed", coping=each) for each in copings]  # type: ignore[arg-type]
        return records.judgement(landings=landings, pairing="matched")

    found = absorbed([judged("absorbed", "handled"), judged("unhandled", ""), judged("absorbed")])
    assert (found.value, found.n) == (0.5, 4)
    assert found.low is not None
    none = absorbed([judged("")])
    assert (none.value, none.n) == (None, 0)
    assert none.reason is not None
