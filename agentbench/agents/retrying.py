"""Blind retries: three repeats with backoff of every tool call that fails, whatever it was; then it dies.

`ToolRetryMiddleware` repeats below the model, with the same arguments and no idempotency key. `retry_on` is every
exception on purpose: the agent stands for the retry decorator that people write first, which also repeats timeouts
and refusals, so that a call that fails with probability p is survived with 1 - p^4, and a write whose reply was lost
is made again. No jitter: the same trial must take the same time.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentbench.agents._policy import Policy, ScriptedAgent

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

RETRIES = 3

policy = Policy()


def make_graph(tools: "Sequence[BaseTool]", model: "BaseChatModel") -> Any:
    """Build the graph."""
    from langchain.agents import create_agent
    from langchain.agents.middleware import ToolRetryMiddleware

    retry = ToolRetryMiddleware(
        max_retries=RETRIES,
        retry_on=(Exception,),
        on_failure="error",
        initial_delay=1.0,
        backoff_factor=2.0,
        jitter=False,
    )
    return create_agent(model, tools, middleware=[retry])


agent = ScriptedAgent(make_graph, policy)
