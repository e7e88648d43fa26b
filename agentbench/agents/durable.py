"""Lives on after its process dies: `careful` with a checkpointer, which never repeats blindly what was under way.

A `StateGraph` with an `InMemorySaver`. Its model plays as careful as `careful` and goes by the numbers of the user's
messages. When a run takes up a turn from the last checkpoint, LangGraph makes the call again that was under way
(langgraph#7417); this agent's tool node tells the model instead that nobody knows whether it was done.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentbench.agents._policy import CAREFUL, ScriptedAgent

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

for_some_faults = True  # the others are told apart by any fault
policy = replace(CAREFUL, counts_messages=True)


def make_graph(tools: "Sequence[BaseTool]", model: "BaseChatModel") -> Any:
    """Build the graph."""
    from langchain_core.messages import ToolMessage
    from langchain_core.tools import StructuredTool
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.config import get_config
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition

    async def wait(seconds: float) -> str:
        """Wait before the next step."""
        await asyncio.sleep(seconds)
        return "null"

    def explain(error: Exception) -> str:
        return f"{type(error).__name__}: {error}"

    own = [*tools, StructuredTool.from_function(coroutine=wait, name="wait")]
    bound = model.bind_tools(own)
    node = ToolNode(own, handle_tool_errors=explain)

    async def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    async def act(state: MessagesState) -> Any:
        asked = state["messages"][-1]
        if get_config()["configurable"].get("resumed_at") != asked.id:
            return await node.ainvoke(state)
        text = "The connection was lost while this was under way; it may have been done."
        calls = getattr(asked, "tool_calls", [])
        told = [ToolMessage(text, name=call["name"], tool_call_id=call["id"], status="error") for call in calls]
        return {"messages": told}

    builder = StateGraph(MessagesState)
    builder.add_node("think", think)
    builder.add_node("tools", act)
    builder.add_edge(START, "think")
    builder.add_conditional_edges("think", tools_condition)
    builder.add_edge("tools", "think")
    return builder.compile(checkpointer=InMemorySaver())


agent = ScriptedAgent(make_graph, policy)
