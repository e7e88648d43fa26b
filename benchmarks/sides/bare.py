"""The bare LangGraph agent: the same graph, scripted model and tool functions on a private world, and no harness.

Usage: bare.py BATCH. The tool functions are called directly: nothing validates, records or judges.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.tools import StructuredTool
from turns import Turns

from agentbench import documents, plugins
from agentbench.adapters.langgraph import RECURSION_LIMIT
from agentbench.agents._model import Role, ScriptedModel
from agentbench.agents._player import Player
from agentbench.agents._policy import HONEST
from agentbench.gateway import Door
from agentbench.world import World

HERE = Path(__file__).parent.parent
sys.path.insert(0, str(HERE))

from agents import graph as make_graph  # noqa: E402 - found beside the benchmarks


class Bare:
    """The agent, made once, and a world for each trial."""

    def __init__(self) -> None:
        scenario = documents.load(HERE / "bank" / "ten_calls.yaml").data
        self.message, self.reference = scenario["script"][0]["user"], scenario["reference"]
        self.environment = plugins.environment("bank")
        self.template = self.environment.template()
        self.specs = Door(self.environment).specs
        self.world: World | None = None
        self.model = ScriptedModel()
        self.graph = make_graph([self.tool(spec) for spec in self.specs], self.model)

    def tool(self, spec: Any) -> StructuredTool:
        """A tool that calls the environment's function."""
        known = self.environment.tools.get(spec.name)

        async def run(**arguments: Any) -> str:
            body = known.function(self.world, **arguments) if known else {"recorded": True}
            return json.dumps(body, ensure_ascii=False)

        return StructuredTool(
            name=spec.name, description=spec.description, args_schema=dict(spec.parameters), coroutine=run
        )

    async def trial(self) -> None:
        """One conversation."""
        self.world = World(self.template, epoch=self.environment.epoch)
        player = Player(self.reference, self.specs, HONEST)
        self.model.play(Role(player))
        player.hear()
        result = await self.graph.ainvoke(
            {"messages": [HumanMessage(self.message)]}, {"recursion_limit": RECURSION_LIMIT}
        )
        assert "the receipt is in your messages" in result["messages"][-1].text
        assert len(result["messages"]) == 24, len(result["messages"])  # ten calls and the report, twice, and two texts

    async def trials(self, count: int) -> float:
        """Seconds per trial."""
        began = time.perf_counter()
        for _ in range(count):
            await self.trial()
        return (time.perf_counter() - began) / count


def main() -> None:
    """Run the trials, turn by turn."""
    batch, turns, bare = int(sys.argv[1]), Turns(), Bare()
    with asyncio.Runner() as runner:
        runner.run(bare.trials(30))
        turns.take(lambda: runner.run(bare.trials(batch)))


if __name__ == "__main__":
    main()
