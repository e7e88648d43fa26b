"""How the resident memory of the runner and of its one worker grows with the trials, as JSON.

Usage: memory.py AGENT WARM TRIALS. The plan of all trials is made before; the slope is that of a straight line
through samples of every hundredth of TRIALS, after WARM trials.
"""

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import psutil
from testbed import HERE, planned

from agentbench.cli.concluding import judge, write_traces
from agentbench.cli.log import configure
from agentbench.record import TrialRecord
from agentbench.runner import Runner
from agentbench.store import RunDirectory

PER = 10_000
MB = 1e6


def main() -> None:
    """Run the trials, and judge them."""
    agent, warm, trials = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    configure()
    plan = planned(agent, "none", "none", warm + trials)
    here = psutil.Process(os.getpid())
    finished: list[int] = []
    runner_mb: list[float] = []
    worker_mb: list[float] = []

    def progress(_record: TrialRecord, count: int, _planned: int) -> None:
        if count >= warm and count % (trials // 100) == 0:
            (worker,) = here.children()
            finished.append(count)
            runner_mb.append(here.memory_info().rss / MB)
            worker_mb.append(worker.memory_info().rss / MB)

    with tempfile.TemporaryDirectory(dir=HERE / ".work") as scratch:
        run = RunDirectory(Path(scratch) / "run")
        Runner(plan, run, workers=1, progress=progress).execute()
        before_mb = here.memory_info().rss / MB
        judgements, _measured = judge(run, plan)
        write_traces(run, plan, judgements)
        judging_mb = here.memory_info().rss / MB - before_mb
    slopes = {
        "runner": statistics.linear_regression(finished, runner_mb).slope * PER,
        "worker": statistics.linear_regression(finished, worker_mb).slope * PER,
        "judging": judging_mb / (warm + trials) * PER,
    }
    sys.stdout.write(json.dumps(slopes | {"runner_mb": runner_mb[-1], "worker_mb": worker_mb[-1]}))


if __name__ == "__main__":
    main()
