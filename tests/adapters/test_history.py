"""What faults of the context leave of a graph's history: a valid one, and what was asked for."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from agentbench.adapters._history import ListHistory, ThreadHistory, paired


def _call(name: str) -> Any:
    return {"name": "find", "args": {}, "id": name, "type": "tool_call"}


TALK: list[BaseMessage] = [
    HumanMessage("Pay.", id="user_0"),
    AIMessage("", tool_calls=[_call("a"), _call("b")], id="msg_1"),
    ToolMessage("1", tool_call_id="a", id="t1"),
    ToolMessage("2", tool_call_id="b", id="t2"),
    AIMessage("", tool_calls=[_call("c")], id="msg_2"),
    ToolMessage("3", tool_call_id="c", id="t3"),
    AIMessage("Paid.", id="msg_3"),
]


@given(st.sets(st.integers(0, len(TALK) - 1)))
def test_whatever_is_kept_is_a_history_that_a_model_accepts(places: set[int]) -> None:
    """No reply stands without its call before it, no call without its reply, and nothing is there that was not kept."""
    left = paired([TALK[place] for place in sorted(places)])
    asked = [call["id"] for each in left if isinstance(each, AIMessage) for call in each.tool_calls]
    told = [each.tool_call_id for each in left if isinstance(each, ToolMessage)]
    assert asked == told
    assert {each.id for each in left} <= {TALK[place].id for place in places}
    assert {each.id for each in left} >= {TALK[place].id for place in places & {0, 6}}


def test_a_providers_own_copies_of_a_call_go_with_it() -> None:
    """Where a message repeats its calls in its content or beside it, what is forgotten is forgotten there as well."""
    content: Any = [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "a"},
        {"type": "tool_use", "id": "b"},
    ]
    more = {"tool_calls": [{"id": "a"}, {"id": "b"}]}
    said = AIMessage(content, tool_calls=[_call("a"), _call("b")], additional_kwargs=more, id="m")
    (left, _) = paired([said, ToolMessage("2", tool_call_id="b")])
    assert isinstance(left, AIMessage)
    assert [call["id"] for call in left.tool_calls] == ["b"]
    assert left.content == [content[0], content[2]]
    assert left.additional_kwargs == {"tool_calls": [{"id": "b"}]}
    assert len(said.tool_calls) == 2


async def test_the_list_of_an_adapter_is_cut_and_taken_back() -> None:
    """Entries go, a copy brings them back, None is the beginning, and whoever plays the model is told each time."""
    told: list[int] = []
    history = ListHistory(list(TALK), lambda: told.append(1))
    saved = await history.save()
    await history.keep([0, 6])
    assert [(each.role, each.text) for each in await history.read()] == [("user", "Pay."), ("agent", "Paid.")]
    await history.restore(saved)
    assert [each.calls for each in await history.read()][1:3] == [("a", "b"), ("a",)]
    await history.restore(None)
    assert (await history.read(), len(told)) == ([], 3)


def _graph() -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("speak", lambda state: {"messages": [AIMessage(f"I know {len(state['messages'])}.")]})
    builder.add_edge(START, "speak")
    return builder.compile(checkpointer=InMemorySaver())


async def test_a_thread_goes_back_to_a_checkpoint_and_on_from_there() -> None:
    """The next invocation forks from the older checkpoint, and the one after it from the fork."""
    graph, config = _graph(), {"configurable": {"thread_id": "t"}}
    history = ThreadHistory(graph, config, lambda: None)
    assert await history.save() is None
    for turn in range(2):
        await graph.ainvoke({"messages": [HumanMessage(str(turn))]}, config)
    saved = await history.save()
    await graph.ainvoke({"messages": [HumanMessage("2")]}, config)
    await history.restore(saved)
    assert [each.text for each in await history.read()] == ["0", "I know 1.", "1", "I know 3."]
    await graph.ainvoke({"messages": [HumanMessage("again")]}, config)
    history.released()
    assert [each.text for each in await history.read()][4:] == ["again", "I know 5."]
    await history.restore(None)
    assert await history.read() == []


async def test_entries_of_a_thread_are_forgotten_and_the_rest_stays() -> None:
    """What is left is what the graph sees in its next run."""
    graph, config = _graph(), {"configurable": {"thread_id": "t"}}
    history = ThreadHistory(graph, config, lambda: None)
    for turn in range(2):
        await graph.ainvoke({"messages": [HumanMessage(str(turn))]}, config)
    await history.keep([3])
    assert [each.text for each in await history.read()] == ["I know 3."]
    result = await graph.ainvoke({"messages": [HumanMessage("2")]}, config)
    assert [each.text for each in result["messages"]] == ["I know 3.", "2", "I know 2."]
