"""Inspect AI: a mock model makes the same ten calls of tools that answer from memory; the log is as by default.

Usage: peer_inspect.py SMALL LARGE. A turn is the slope between evaluations of SMALL and LARGE samples.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageTool, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import ToolDef, ToolParams
from turns import Turns

HERE = Path(__file__).parent.parent
WORK = json.loads((HERE / ".work" / "work.json").read_text("utf-8"))


def tools() -> list[ToolDef]:
    """The tools of the ten calls; each answers from memory what the bank answers."""
    known = {each["tool"]: each for each in WORK}
    return [
        ToolDef(
            _answering(each["reply"]),
            name=name,
            description=each["description"],
            parameters=ToolParams.model_validate({**each["parameters"], "type": "object"}),
        )
        for name, each in known.items()
    ]


def _answering(reply: Any) -> Any:
    async def execute(**arguments: Any) -> str:
        return json.dumps(reply)

    return execute


def answer(messages: list[Any], *_: Any) -> ModelOutput:
    """The next of the ten calls, then the text."""
    made = sum(isinstance(message, ChatMessageTool) for message in messages)
    if made == len(WORK):
        output = ModelOutput.from_content("mockllm/model", "The rent is paid.")
    else:
        output = ModelOutput.for_tool_call("mockllm/model", WORK[made]["tool"], WORK[made]["arguments"])
    # Without it the mock counts tokens with a tokenizer that it fetches from the network.
    output.usage = ModelUsage(input_tokens=100, output_tokens=10, total_tokens=110)
    return output


def evaluated(samples: int, folder: str) -> float:
    """Seconds of one evaluation."""
    task = Task(
        dataset=[Sample(input="Pay the rent.", target="paid") for _ in range(samples)],
        solver=[use_tools(*(each.as_tool() for each in tools())), generate()],
        scorer=includes(),
    )
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    began = time.perf_counter()
    (log,) = eval(task, model=model, log_dir=folder, display="none")
    seconds = time.perf_counter() - began
    assert log.status == "success", log.error
    assert log.samples is not None
    replies = [each for each in log.samples[0].messages if isinstance(each, ChatMessageTool)]
    assert [each.error for each in replies] == [None] * len(WORK)
    assert log.results is not None
    assert log.results.scores[0].metrics["accuracy"].value == 1
    for path in Path(folder).iterdir():
        path.unlink()
    return seconds


def main() -> None:
    """Evaluate, turn by turn."""
    small, large, turns = int(sys.argv[1]), int(sys.argv[2]), Turns()
    with tempfile.TemporaryDirectory(dir=HERE / ".work") as folder:
        os.environ["INSPECT_LOG_LEVEL"] = "warning"
        evaluated(small, folder)
        turns.take(lambda: (evaluated(large, folder) - evaluated(small, folder)) / (large - small))


if __name__ == "__main__":
    main()
