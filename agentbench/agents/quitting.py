"""Stops at the first error and says so: it recovers from nothing, and never claims what it has not done.

`create_agent` with `ToolErrorMiddleware`: the model is told of the error, reports a failure and answers. A write that
reported success and is not seen when it is read back counts as an error too.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentbench.agents._policy import Policy, ScriptedAgent

if TYPE_CHECKING:
    from langchain.tools.tool_node import ToolCallRequest
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

policy = Policy(gives_up=True, validates=True, verifies_success=True, listens=True)


def make_graph(tools: "Sequence[BaseTool]", model: "BaseChatModel") -> Any:
    """Build the graph."""
    from langchain.agents import create_agent
    from langchain.agents.middleware import ToolErrorMiddleware

    def explain(error: Exception, request: "ToolCallRequest") -> str:
        return f"{type(error).__name__}: {error}"

    return create_agent(model, tools, middleware=[ToolErrorMiddleware(explain)])


agent = ScriptedAgent(make_graph, policy)
