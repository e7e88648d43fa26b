"""A full single-fault sweep of every bundled scenario: its speed, and how long its trials took by their own clocks.

Usage: sweep.py [--quick] [--rounds N] [--workers N]. Every fault × every call of the control × two durations, with
`careful` and with `retrying`, through the process sandbox, as `agentbench sweep --faults all` does it. Writes the
table of README.md; `--quick` sweeps two scenarios and leaves the file as it is.
"""

import argparse
import os
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from agentbench import plugins
from agentbench.cli.log import configure
from agentbench.cli.sweeping import Sweeping, make_plan
from agentbench.measure import measure
from agentbench.runner import workers_here
from agentbench.store import RunDirectory

HERE = Path(__file__).parent
WORK = HERE / ".work" / "sweeps"
AGENTS = ("careful", "retrying")
QUICK = ("bank.rent_and_receipt", "travel.munich_trip")
START, END = "<!-- written by sweep.py -->", "<!-- end of the sweep -->"


class Swept(NamedTuple):
    """One sweep: real seconds of running (start-up included) and of judging, seconds of the trials' own clocks."""

    scenario: str
    agent: str
    trials: int
    witnessed: int
    running_s: float
    judging_s: float
    virtual_s: float

    @property
    def real_s(self) -> float:
        """All of it."""
        return self.running_s + self.judging_s


def swept(scenario: str, agent: str, *, rounds: int, workers: int) -> tuple[list[str], Swept]:
    """Sweep one scenario with one agent into a folder of its own, and judge it; says too which trials are no good."""
    folder = WORK / f"{agent}.{scenario}"
    shutil.rmtree(folder, ignore_errors=True)
    began = time.perf_counter()
    plan = make_plan(
        scenario=scenario, agent=agent, faults="all", trials=1, seed=1, clock="virtual", sandbox="process"
    )  # fmt: skip
    made = Sweeping(RunDirectory(folder), plan, workers=workers, rounds=rounds, trials_max=1_000_000)
    made.begin()
    made.singles()
    ran = time.perf_counter()
    judgements, measured = measure(made.plan, made.run.records(), made.run.world)
    ended = time.perf_counter()
    wrong = [f"{each.trial}: {each.invalid_reason}" for each in judgements if not each.valid]
    if measured.trials["missing"]:
        wrong.append(f"{scenario} with {agent}: {measured.trials['missing']} trials are missing")
    shutil.rmtree(folder)
    return wrong, Swept(
        scenario=scenario, agent=agent, trials=len(judgements), witnessed=measured.faults["witnessed"],
        running_s=ran - began, judging_s=ended - ran, virtual_s=sum(each.end_s for each in judgements),
    )  # fmt: skip


def table(found: list[Swept], workers: int) -> list[str]:
    """A line for each sweep, one for each agent, and the headline."""
    head = ("scenario", "agent", "trials", "witnessed", "seconds", "of them judging", "trials/s/core",
            "by their own clocks", "virtual / real")  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for agent in AGENTS:
        lines += [_line(each, workers) for each in found if each.agent == agent]
        lines.append(_line(_sum([each for each in found if each.agent == agent], agent), workers, bold=True))
    return [*lines, _line(_sum(found, "both"), workers, bold=True)]


def headline(found: list[Swept], workers: int) -> str:
    """The one sentence."""
    all_ = _sum(found, "both")
    return (
        f"**{all_.trials:,} trials in {all_.real_s:,.0f} s, {all_.trials / all_.real_s / workers:.0f} per second and "
        f"core; by their own clocks they took {all_.virtual_s / 86_400:.1f} days: "
        f"{all_.virtual_s / all_.real_s:,.0f} × as long.**"
    )


def _sum(found: list[Swept], agent: str) -> Swept:
    counts = [sum(each[place] for each in found) for place in range(2, 7)]
    return Swept("all", agent, int(counts[0]), int(counts[1]), *counts[2:])


def _line(each: Swept, workers: int, *, bold: bool = False) -> str:
    cells = [
        each.scenario, f"`{each.agent}`", f"{each.trials:,}", f"{each.witnessed:,}", f"{each.real_s:.1f}",
        f"{each.judging_s:.1f}", f"{each.trials / each.real_s / workers:.1f}", f"{each.virtual_s / 3600:.1f} h",
        f"{each.virtual_s / each.real_s:,.0f} ×",
    ]  # fmt: skip
    return f"| {' | '.join(f'**{cell}**' if bold else cell for cell in cells)} |"


def main() -> None:
    """Sweep everything and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two scenarios; README.md stays as it is")
    parser.add_argument("--rounds", type=int, default=1, help="faults on the way to a call; 1: single faults only")
    parser.add_argument("--workers", type=int, default=workers_here())
    chosen = parser.parse_args()
    configure(0)
    found: list[Swept] = []
    wrong: list[str] = []
    for scenario in QUICK if chosen.quick else plugins.scenarios():
        for agent in AGENTS:
            amiss, made = swept(scenario, agent, rounds=chosen.rounds, workers=chosen.workers)
            found.append(made)
            wrong += amiss
            sys.stderr.write("\n".join([f"  {_line(made, chosen.workers)}", *amiss, ""]))
    about = (
        f"{datetime.now(UTC):%d %B %Y}; {chosen.workers} workers on {os.cpu_count()} CPUs, "
        f"load average at the end {os.getloadavg()[0]:.1f}."
    )
    text = "\n".join([about, "", headline(found, chosen.workers), "", *table(found, chosen.workers)])
    sys.stdout.write(text + "\n")
    if wrong:
        raise SystemExit("\n".join(["a benchmark of trials that are invalid measures nothing:", *wrong]))
    if not chosen.quick:
        readme = HERE / "README.md"
        before, _, rest = readme.read_text("utf-8").partition(START)
        readme.write_text(f"{before}{START}\n{text}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
