"""Looks before it repeats a write, uses idempotency keys, checks replies, heeds errors, reports honestly.

`create_agent` with `ToolErrorMiddleware`: every error reaches the model, with status, message and Retry-After, and the
model decides. To wait it has a tool of its own, `wait`, which no environment sees.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentbench.agents._policy import CAREFUL, ScriptedAgent

if TYPE_CHECKING:
    from langchain.tools.tool_node import ToolCallRequest
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

policy = CAREFUL


def make_graph(tools: "Sequence[BaseTool]", model: "BaseChatModel") -> Any:
    """Build the graph."""
    from langchain.agents import create_agent
    from langchain.agents.middleware import ToolErrorMiddleware
    from langchain_core.tools import StructuredTool

    async def wait(seconds: float) -> str:
        """Wait before the next step."""
        await asyncio.sleep(seconds)
        return "null"

    def explain(error: Exception, request: "ToolCallRequest") -> str:
        return f"{type(error).__name__}: {error}"

    own = StructuredTool.from_function(coroutine=wait, name="wait")
    return create_agent(model, [*tools, own], middleware=[ToolErrorMiddleware(explain)])


agent = ScriptedAgent(make_graph, policy)
