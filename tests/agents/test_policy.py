"""Policies are data, and part of a reference agent."""

from typing import Any

from agentbench.agents._policy import HONEST, Policy, ScriptedAgent


def test_scripted_agent() -> None:
    """A scripted agent is a graph factory that carries the policy of its model."""

    def make_graph(tools: Any, model: Any) -> Any:
        return tools, model

    agent = ScriptedAgent(make_graph, HONEST)
    assert agent("tools", "model") == ("tools", "model")
    assert agent.policy is HONEST


def test_default() -> None:
    """Who has no policy of any kind recovers from nothing and is honest about it."""
    policy = Policy()
    assert policy.claims == "honest"
    assert policy.retries == 0
    assert not any(getattr(policy, name) for name in policy.__dataclass_fields__ if name != "claims")
