"""What an injection costs that does not fire: per call, and ten of them in a whole trial.

Usage: injections.py [--quick]. Writes its tables of README.md; `--quick` leaves the file as it is. Ten injections of
ten kinds are armed in every trial of one side and never fire; the other side has the control's `noop` alone. The sides
take turns in one process, and CPU time is compared, so that nothing else that runs counts.
"""

import argparse
import gc
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from agentbench import plan, plugins
from agentbench.abc import Order
from agentbench.calls import ToolSpec
from agentbench.faultload import Faultload, Injection, Profile
from agentbench.injector import Injector
from agentbench.plan import PlannedAgent
from agentbench.schedule import Occasion, Schedule
from agentbench.stage import Stage
from agentbench.trial import Attempt
from agentbench.world import World

HERE = Path(__file__).parent
SCENARIO = HERE / "bank" / "ten_calls.yaml"
START, END = "<!-- written by injections.py -->", "<!-- end of the injections -->"

# Armed, and never due: what they wait for does not come.
ARMED: dict[str, dict[str, Any]] = {
    "another tool": {"at": {"tool": "get_card*"}},
    "a later call": {"at": {"call": 10**6}},
    "each millionth call": {"at": {"every": 10**6}},
    "ten calls from a later one": {"at": {"from": 10**6, "for": 10}},
    "a probability": {"at": {"probability": 1e-9}},
    "a burst": {"at": {"burst": {"begins": 1e-9, "ends": 1.0}}},
    "a later window": {"at": {"window": {"from_s": 800}}},
    "after a tool": {"at": {"after": {"tool": "close_account"}}},
    "armed by another": {"at": {"armed_by": "first"}},
    "a SQL query": {"at": {"when": "SELECT count(*) > 100 FROM transfer WHERE status = 'nowhere'"}},
}


class Clock:
    """Time that stands still."""

    def now_s(self) -> float:
        """The instant."""
        return 1.0

    async def sleep(self, seconds: float) -> None:
        """Nobody waits."""


def injections() -> list[dict[str, Any]]:
    """The ten, the first of which can arm another."""
    found = [{"fault": "outage", **each} for each in ARMED.values()]
    found[0]["id"] = "first"
    return found


def per_call(rounds: int, calls: int = 2000) -> dict[str, float]:
    """Microseconds per call of each kind of injection that does not fire: the median of the rounds."""
    spec = ToolSpec(name="transfer", description="", parameters={}, effect="write")
    occasions = [Occasion("call", "transfer", f"{number:064x}", 0, spec) for number in range(calls)]
    bank = plugins.environment("bank")
    world = World(bank.template(), epoch=bank.epoch)
    enactor: Any = SimpleNamespace(settle=lambda: None)
    sight = Injector([], world=world, clock=Clock(), enactor=enactor)
    found = {}
    for name, each in zip(ARMED, injections(), strict=True):
        times = []
        for _ in range(rounds):
            schedule = Schedule(Injection.model_validate(each), ("seed", "bank.ten_calls", 0, 0))
            began = time.process_time_ns()
            for occasion in occasions:
                schedule.strikes(occasion, sight)
            spent = time.process_time_ns() - began
            assert schedule.strikes_made == 0
            times.append(spent / 1e3 / calls)
        found[name] = statistics.median(times)
    return found


def planned(agent: str) -> list[Order]:
    """A control trial and one with ten armed injections."""
    load = Faultload(name="armed", injections=[Injection.model_validate(each) for each in injections()])
    brought = PlannedAgent(name="agent", ref=f"{HERE / 'agents.py'}:{agent}")
    made = plan.make(
        scenarios={"bank.ten_calls": SCENARIO}, agents=[brought],
        profile=Profile(name="armed", faultloads=[load]), trials=1, seed=1, clock="virtual", sandbox="inprocess",
    )  # fmt: skip
    content = made.scenarios["bank.ten_calls"].content
    trials = sorted(made.trials, key=lambda each: each.control is not None)
    ref = made.agents[0].ref
    return [
        Order(trial=msgspec.to_builtins(each), scenario=content, agent={"name": "agent", "ref": ref}, attempt=1,
              clock="virtual", deadline_s=60.0)
        for each in trials
    ]  # fmt: skip


def in_a_trial(agent: str, rounds: int, batch: int) -> tuple[float, float, tuple[float, float]]:
    """CPU milliseconds of a trial without them, the ratio with them to without, and its quartiles."""
    control, armed = planned(agent)
    stage = Stage("virtual")
    ratios, alone = [], []
    try:
        for order in (control, armed) * 10:
            record = Attempt(stage, order, sandbox="inprocess").run()
            assert record.ending.kind == "finished", record.ending
            assert order is control or not any(call.fired for call in record.calls)
        gc.collect()
        gc.freeze()
        for number in range(rounds):
            spent = {}
            for order in (control, armed) if number % 2 else (armed, control):
                began = time.process_time_ns()
                for _ in range(batch):
                    Attempt(stage, order, sandbox="inprocess").run()
                spent[id(order)] = (time.process_time_ns() - began) / 1e6 / batch
            alone.append(spent[id(control)])
            ratios.append(spent[id(armed)] / spent[id(control)])
    finally:
        stage.close()
    low, _, high = statistics.quantiles(ratios, n=4)
    return statistics.median(alone), statistics.median(ratios), (low, high)


def main() -> None:
    """Measure, print, and write the tables unless it was a quick look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; leaves README.md as it is")
    quick = parser.parse_args().quick
    lines = [f"{datetime.now(UTC):%d %B %Y}.", "", "| armed, and not due | per call | bar | met |", "|---|---|---|---|"]
    for name, us in per_call(5 if quick else 25).items():
        lines.append(f"| {name} | {us:.2f} µs | < 5 µs | {'yes' if us < 5 else '**no**'} |")
    lines += ["", "| agent | trial without | with ten armed / without | bar | met |", "|---|---|---|---|---|"]
    for agent, shown, batch in (("graph", "LangGraph agent", 8), ("plain", "plain async agent", 40)):
        ms, ratio, (low, high) = in_a_trial(agent, 11 if quick else 61, batch)
        met = "yes" if ratio < 1.05 else "**no**"
        lines.append(f"| {shown} | {ms:.2f} ms | **{ratio:.3f} ×** ({low:.3f} to {high:.3f}) | < 1.05 × | {met} |")
    text = "\n".join(lines)
    sys.stdout.write(text + "\n")
    if not quick:
        readme = HERE / "README.md"
        before, _, rest = readme.read_text("utf-8").partition(START)
        readme.write_text(f"{before}{START}\n{text}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
