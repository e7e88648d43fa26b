"""Framework defaults: `create_agent` and nothing else; the first tool error ends it.

LangGraph's `ToolNode` turns only invalid arguments into a message. What a tool raises goes through it, and ends the
run with that exception (langgraph#6486). Every reply that is not an error is believed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentbench.agents._policy import Policy, ScriptedAgent

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

policy = Policy()


def make_graph(tools: "Sequence[BaseTool]", model: "BaseChatModel") -> Any:
    """Build the graph."""
    from langchain.agents import create_agent

    return create_agent(model, tools)


agent = ScriptedAgent(make_graph, policy)
