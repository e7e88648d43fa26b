"""agentbench: trials through the real process sandbox, records on disk, then measures and traces.

Usage: testbed.py AGENT FAULTS FAULTLOAD BATCH TURNS. AGENT is one of `agents.py`. A turn runs BATCH trials; of judging,
the slope between a small and a large stored run is taken. `cpu` is the CPU time of the runner and its worker together.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import psutil
from turns import Turns

from agentbench.cli.concluding import judge, write_traces
from agentbench.cli.log import configure
from agentbench.cli.running import make_plan
from agentbench.plan import Plan
from agentbench.record import TrialRecord
from agentbench.runner import Runner
from agentbench.store import RunDirectory

HERE = Path(__file__).parent.parent
SMALL, LARGE = 10, 110  # trials of the two stored runs


def planned(agent: str, faults: str, faultload: str, trials: int) -> Plan:
    """The trials of one faultload, as the command line plans them."""
    made = make_plan(
        scenarios=(str(HERE / "bank" / "ten_calls.yaml"),),
        agent=(f"{HERE / 'agents.py'}:{agent}",),
        faults=faults if faults == "none" else str(HERE / faults),
        trials=trials,
        seed=1,
        clock="auto",
        sandbox="process",
        isolation=None,
    )
    return msgspec.structs.replace(made, trials=[each for each in made.trials if each.faultload == faultload])


class Judged:
    """Two stored runs of different size, judged again and again."""

    def __init__(self, run: RunDirectory, plan: Plan, scratch: Path) -> None:
        self._runs = [self._cut(run, plan, scratch / str(size), size) for size in (SMALL, LARGE)]

    def seconds(self) -> float:
        """What one more trial costs in measures and traces."""
        small, large = (self._judge(run, plan) for run, plan in self._runs)
        return (large - small) / (LARGE - SMALL)

    @staticmethod
    def _cut(run: RunDirectory, plan: Plan, path: Path, size: int) -> tuple[RunDirectory, Plan]:
        made, cut = RunDirectory(path), msgspec.structs.replace(plan, trials=plan.trials[:size])
        made.begin(cut)
        made.put_world(next(iter(plan.scenarios)), run.world(next(iter(plan.scenarios))))
        with run.records_path.open("rb") as lines:
            made.records_path.write_bytes(b"".join(next(lines) for _ in range(size)))
        return made, cut

    @staticmethod
    def _judge(run: RunDirectory, plan: Plan) -> float:
        began = time.perf_counter()
        judgements, measured = judge(run, plan)
        write_traces(run, plan, judgements)
        seconds = time.perf_counter() - began
        assert measured.outcomes["success"] == len(plan.trials), measured.outcomes
        return seconds


def cpu_s() -> float:
    """CPU seconds that this process and its worker have taken so far."""
    here = psutil.Process(os.getpid())
    return sum(sum(each.cpu_times()[:2]) for each in (here, *here.children()))


def main() -> None:
    """Run the trials, turn by turn."""
    agent, faults, faultload, batch, rounds = sys.argv[1:4] + [int(each) for each in sys.argv[4:6]]
    turns = Turns()
    configure()
    plan = planned(agent, faults, faultload, LARGE + batch * rounds + 1)
    with tempfile.TemporaryDirectory(dir=HERE / ".work") as scratch:
        run = RunDirectory(Path(scratch) / "run")
        state: dict[str, Any] = {}

        def progress(record: TrialRecord, finished: int, _planned: int) -> None:
            if finished < LARGE or (finished - LARGE) % batch:
                return
            if finished == LARGE:
                state["judged"] = judged = Judged(run, plan, Path(scratch))
                judged.seconds()
                turns.ready()
            else:
                # While this waited for its turn, the worker could finish one trial in advance.
                execution = (time.perf_counter() - state["began"]) / (batch - 1)
                cpu = (cpu_s() - state["busy"]) / (batch - 1)
                judging = state["judged"].seconds()
                turns.ready(seconds=execution + judging, execution=execution, judging=judging, cpu=cpu + judging)
            state["busy"], state["began"] = cpu_s(), time.perf_counter()

        Runner(plan, run, workers=1, progress=progress).execute()


if __name__ == "__main__":
    main()
