"""The ten calls as data: what each tool looks like, what it is asked, and what it answers; for peers to do the same.

Usage: work.py FILE writes them as JSON.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from agentbench import plugins
from agentbench.world import World

HERE = Path(__file__).parent.parent
sys.path.insert(0, str(HERE))

from agents import plain  # noqa: E402 - found beside the benchmarks


def main() -> None:
    """Make the calls once, directly, and write them down."""
    environment = plugins.environment("bank")
    world = World(environment.template(), epoch=environment.epoch)
    made: list[dict[str, Any]] = []

    async def call(name: str, **arguments: Any) -> Any:
        tool = environment.tools[name]
        reply = tool.function(world, **arguments)
        made.append(
            {"tool": name, "description": tool.spec.description, "parameters": tool.spec.parameters,
             "arguments": arguments, "reply": reply}
        )  # fmt: skip
        return reply

    asyncio.run(plain("", call))
    Path(sys.argv[1]).write_text(json.dumps(made), "utf-8")


if __name__ == "__main__":
    main()
