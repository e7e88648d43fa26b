"""The bare LangGraph agent: the same graph, scripted model and tool functions on a private world, and no harness.

Usage: bare.py BATCH TOOLS. The tool functions are called directly: nothing validates, records or judges. TOOLS are
`langchain`, as a user makes them with LangChain, or `agentbench`, of the class that agentbench hands to a graph.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.tools import StructuredTool
from turns import Turns

from agentbench import documents, plugins
from agentbench.adapters._conversation import RECURSION_LIMIT
from agentbench.adapters._langchain import ToolKit
from agentbench.agents._model import Role, ScriptedModel
from agentbench.agents._player import Player
from agentbench.agents._policy import HONEST
from agentbench.calls import ToolResult
from agentbench.gateway import Door
from agentbench.world import World

HERE = Path(__file__).parent.parent
sys.path.insert(0, str(HERE))

from agents import graph as make_graph  # noqa: E402 - found beside the benchmarks


class Bare:
    """The agent, made once, and a world for each trial."""

    def __init__(self, tools: str = "langchain") -> None:
        scenario = documents.load(HERE / "bank" / "ten_calls.yaml").data
        self.message, self.reference = scenario["script"][0]["user"], scenario["reference"]
        self.environment = plugins.environment("bank")
        self.template = self.environment.template()
        self.specs = Door(self.environment).specs
        self.world: World | None = None
        self.model = ScriptedModel()
        made = ToolKit(self).tools if tools == "agentbench" else [self.tool(spec) for spec in self.specs]
        self.graph = make_graph(made, self.model)

    def answer(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """What the environment's function answers."""
        known = self.environment.tools.get(name)
        return known.function(self.world, **arguments) if known else {"recorded": True}

    async def call(self, name: str, arguments: Mapping[str, Any], *, call_id: str | None = None) -> ToolResult:
        """The same for tools of agentbench's class."""
        return ToolResult(body=self.answer(name, arguments))

    def tool(self, spec: Any) -> StructuredTool:
        """A tool that calls the environment's function."""

        async def run(**arguments: Any) -> str:
            return json.dumps(self.answer(spec.name, arguments), ensure_ascii=False)

        return StructuredTool(
            name=spec.name, description=spec.description, args_schema=dict(spec.parameters), coroutine=run
        )

    async def trial(self) -> None:
        """One conversation."""
        self.world = World(self.template, epoch=self.environment.epoch)
        role = Role(lambda memory: Player(self.reference, self.specs, HONEST, memory))
        self.model.play(role)
        role.hear(1)
        result = await self.graph.ainvoke(
            {"messages": [HumanMessage(self.message)]}, {"recursion_limit": RECURSION_LIMIT}
        )
        assert "the receipt is in your messages" in result["messages"][-1].text
        assert len(result["messages"]) == 24, len(result["messages"])  # ten calls and the report, twice, and two texts

    async def trials(self, count: int) -> dict[str, float]:
        """Seconds per trial, and those of them in which the CPU worked."""
        began, busy = time.perf_counter(), time.process_time()
        for _ in range(count):
            await self.trial()
        return {"seconds": (time.perf_counter() - began) / count, "cpu": (time.process_time() - busy) / count}


def main() -> None:
    """Run the trials, turn by turn."""
    batch, turns, bare = int(sys.argv[1]), Turns(), Bare(sys.argv[2])
    with asyncio.Runner() as runner:
        runner.run(bare.trials(30))
        turns.take(lambda: runner.run(bare.trials(batch)))


if __name__ == "__main__":
    main()
