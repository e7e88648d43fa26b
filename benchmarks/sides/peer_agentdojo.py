"""AgentDojo: its ground-truth pipeline on its banking environment, with a task of ten tool calls.

Usage: peer_agentdojo.py VARIANT BATCH. `same`: the same calls and replies as the others, with its log on disk.
`logged`: ten calls of its own banking tools, whose replies are small, with its log on disk; `unlogged`: without;
`copied`: without, and the environment is loaded once and copied, where its own benchmark loads it for each trial.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import agentdojo.task_suite.load_suites  # noqa: F401 - its modules import each other; this order works
from agentdojo.agent_pipeline import AgentPipeline
from agentdojo.agent_pipeline.ground_truth_pipeline import GroundTruthPipeline
from agentdojo.base_tasks import BaseUserTask
from agentdojo.default_suites.v1.banking.task_suite import BankingEnvironment, task_suite
from agentdojo.functions_runtime import Function, FunctionCall
from agentdojo.logging import Logger, OutputLogger, TraceLogger
from agentdojo.task_suite.task_suite import TaskSuite
from pydantic import BaseModel, create_model
from turns import Turns

HERE = Path(__file__).parent.parent
WORK = json.loads((HERE / ".work" / "work.json").read_text("utf-8"))
RENT = {"recipient": "GB29NWBK60161331926819", "amount": 1200.0, "subject": "Rent", "date": "2022-03-01"}
OWN = [
    ("get_user_info", {}), ("get_iban", {}), ("get_balance", {}), ("get_scheduled_transactions", {}),
    ("send_money", RENT), ("get_balance", {}), ("send_money", RENT), ("get_most_recent_transactions", {"n": 3}),
    ("get_balance", {}), ("get_iban", {}),
]  # fmt: skip


def modelled(name: str, value: Any) -> Any:
    """A reply as its tools give one: pydantic models all the way down."""
    if isinstance(value, list):
        return [modelled(name, each) for each in value]
    if not isinstance(value, dict):
        return value
    fields = {key: modelled(f"{name}_{key}", each) for key, each in value.items()}
    return create_model(name, **{key: (Any, ...) for key in fields})(**fields)


def function(call: dict[str, Any]) -> Function:
    """One of the tools that the others have; it answers from memory."""
    fields: dict[str, Any] = {name: (type(value), ...) for name, value in call["arguments"].items()}
    reply: BaseModel = modelled(call["tool"], call["reply"])
    return Function(
        name=call["tool"],
        description=call["description"],
        parameters=create_model(call["tool"], **fields),
        dependencies={},
        run=lambda **_: reply,
        full_docstring=call["description"],
        return_type=BaseModel,
    )


class TenCalls(BaseUserTask[BankingEnvironment]):
    """A task whose ground truth is a list of calls."""

    ID = "user_task_ten_calls"
    PROMPT = "Pay the rent and look whether it is there."
    GROUND_TRUTH_OUTPUT = "The rent is paid."

    def __init__(self, calls: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__()
        self._calls = calls

    def ground_truth(self, pre_environment: BankingEnvironment) -> list[FunctionCall]:
        """The calls."""
        return [FunctionCall(function=name, args=arguments) for name, arguments in self._calls]

    def utility(
        self, model_output: str, pre_environment: BankingEnvironment, post_environment: BankingEnvironment,
        strict: bool = True,
    ) -> bool:  # fmt: skip
        """Whether the rent was paid; with tools that answer from memory, whether it says so."""
        if self._calls is not OWN:
            return "paid" in model_output
        return any(each.amount == RENT["amount"] for each in post_environment.bank_account.transactions)


def main() -> None:
    """Run the task, turn by turn."""
    variant, batch, turns = sys.argv[1], int(sys.argv[2]), Turns()
    suite, task = task_suite, TenCalls(OWN)
    if variant == "same":
        suite = TaskSuite("banking", BankingEnvironment, [function(each) for each in WORK])
        task = TenCalls([(each["tool"], each["arguments"]) for each in WORK])
    pipeline = AgentPipeline([GroundTruthPipeline(task)])
    pipeline.name = "ground_truth"
    given = suite.load_and_inject_default_environment({}) if variant == "copied" else None

    def run() -> None:
        environment = None if given is None else given.model_copy(deep=True)
        utility, _security = suite.run_task_with_pipeline(pipeline, task, None, {}, environment=environment)
        assert utility

    def logged(folder: str) -> None:
        with OutputLogger(folder), TraceLogger(
            delegate=Logger.get(), suite_name=suite.name, user_task_id=task.ID, injection_task_id=None,
            injections={}, attack_type="none", pipeline_name="ground_truth", benchmark_version="v1.2.2",
        ) as logger:  # fmt: skip
            run()
            logger.set_contextarg("utility", True)
            logger.set_contextarg("security", True)

    with tempfile.TemporaryDirectory(dir=HERE / ".work") as folder:

        def trials(count: int) -> float:
            began = time.perf_counter()
            for _ in range(count):
                run() if variant in ("unlogged", "copied") else logged(folder)
            return (time.perf_counter() - began) / count

        trials(20)
        turns.take(lambda: trials(batch))


if __name__ == "__main__":
    main()
