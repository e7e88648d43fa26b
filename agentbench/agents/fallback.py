"""Retries, then the alternative path, then an honest partial answer; does not look before it repeats a write.

A `StateGraph` whose tool node has LangGraph's `RetryPolicy` and an error handler. `retry_on` is the default, because
that is what graphs are shipped with: lost connections and 5xx are tried three times, a `TimeoutError` and 4xx (429 too)
not at all. What is left goes to the model as an error message, and the model takes the other way if there is one. (With
`ToolNode(handle_tool_errors=True)` the node would not fail, and its retry policy would never act.) No jitter: the same
trial must take the same time.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentbench.agents._policy import Policy, ScriptedAgent

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

policy = Policy(uses_fallback=True, validates=True, listens=True)


def make_graph(tools: "Sequence[BaseTool]", model: "BaseChatModel") -> Any:
    """Build the graph."""
    from langchain_core.messages import ToolMessage
    from langgraph.errors import NodeError
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition
    from langgraph.types import Command, RetryPolicy

    bound = model.bind_tools(tools)

    async def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    def explain(state: MessagesState, error: NodeError) -> Command[Any]:
        text = f"{type(error.error).__name__}: {error.error}"
        calls = getattr(state["messages"][-1], "tool_calls", [])
        told = [ToolMessage(text, name=call["name"], tool_call_id=call["id"], status="error") for call in calls]
        return Command(update={"messages": told}, goto="think")

    builder = StateGraph(MessagesState)
    builder.add_node("think", think)
    builder.add_node(
        "tools",
        ToolNode(tools, handle_tool_errors=False),
        retry_policy=RetryPolicy(max_attempts=3, initial_interval=0.5, backoff_factor=2.0, jitter=False),
        error_handler=explain,
    )
    builder.add_edge(START, "think")
    builder.add_conditional_edges("think", tools_condition)
    builder.add_edge("tools", "think")
    return builder.compile()


agent = ScriptedAgent(make_graph, policy)
