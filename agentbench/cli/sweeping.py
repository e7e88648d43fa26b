"""`sweep`: every fault of a set at every call that an agent makes, one at a time, and where that breaks it."""

import signal
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click
import msgspec

from agentbench import clock as clocks
from agentbench import plugins, sweep
from agentbench.cli.console import fail, put, put_json, say
from agentbench.cli.progress import Progress
from agentbench.cli.running import Clock, interrupt, named, select
from agentbench.documents import closest
from agentbench.errors import TestbedError, UsageError
from agentbench.plan import Plan, PlannedAgent, Trial
from agentbench.store import RunDirectory

ROUNDS, TRIALS_MAX = 3, 5_000


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What the first round takes: faults × calls × durations × trials, and seconds by the control trials."""

    faults: int
    calls: int
    durations: int
    trials_per_cell: int
    trials: int
    control_s: float
    workers: int
    seconds: float

    @property
    def text(self) -> str:
        """One line."""
        each = f" × {self.trials_per_cell} trials" if self.trials_per_cell > 1 else ""
        return (
            f"first round: {self.trials:,} trials = {self.faults} faults × {self.calls} calls × "
            f"{self.durations} durations{each}; about {self.seconds:.0f} s "
            f"(a control trial took {self.control_s * 1000:.0f} ms; workers: {self.workers})"
        )


class Sweeping:
    """One sweep in one directory; the plan there grows round by round, and all of it is an ordinary run."""

    def __init__(
        self,
        run: RunDirectory,
        plan: Plan,
        *,
        workers: int,
        deadline_s: float | None = None,
        rounds: int = ROUNDS,
        trials_max: int = TRIALS_MAX,
        show: Callable[[int], AbstractContextManager[Progress]] | None = None,
        tell: Callable[[str], None] = lambda line: None,
        tools: frozenset[str] = frozenset(),
    ) -> None:
        self.run = run
        self.plan = plan
        self.cost: Cost | None = None
        self.left: dict[str, int] = {}
        self.resumed = 0
        self._workers = workers
        self._deadline_s = deadline_s
        self._rounds = rounds
        self._trials_max = trials_max
        self._show = show
        self._tell = tell
        self._tools = tools  # only calls of these matter, and what may lead to them; empty: all

    def begin(self) -> Cost:
        """Run the control trials, which say what calls there are, and state what the first round costs."""
        started = clocks.wall_s()
        stored = self.run.plan() if self.run.plan_path.is_file() else None
        if stored is not None and stored.begins_with(self.plan):
            self.plan = stored  # it goes on; what is missing of every round is run first
        controls = {trial.id for trial in self.plan.trials if trial.control is None}
        self._execute()
        took_s = clocks.wall_s() - started
        records = [each for each in self.run.records() if each.trial in controls]
        sound = [each.wall.duration_s for each in records if each.ending.kind != "testbed"]
        if not sound:
            detail = records[-1].ending.detail if records else "it has no record"
            raise TestbedError(f"the control trial cannot be executed: {detail}")
        mean_s = sum(sound) / len(sound)
        self.cost = self._cost(mean_s, max(0.0, took_s - mean_s) if len(self.plan.trials) == len(controls) else 0.0)
        self._tell(self.cost.text)
        return self.cost

    def singles(self) -> None:
        """Run one fault at a time, until no fault leads to a call that is new, or a bound is met."""
        while True:
            spots = self._wanted(sweep.reached(self.plan, self.run.records()))
            growth = sweep.grow(self.plan, spots, rounds=self._rounds, trials_max=self._trials_max)
            self.left = growth.left
            if not growth.trials:
                return
            if any(len(trial.injections) > 1 for trial in growth.trials):
                through = {sweep.spot_of(trial.injections[-1]) for trial in growth.trials}
                self._tell(f"faults led to {len(through)} further calls: {len(growth.trials):,} more trials")
            self._add(growth.trials)

    def pairs(self) -> None:
        """Run pairs of the single faults that were each survived."""
        from agentbench.coverage import survived
        from agentbench.measure import measure

        judgements, _ = measure(self.plan, self.run.records(), self.run.world)
        growth = sweep.pairs(self.plan, survived(self.plan, judgements), trials_max=self._trials_max)
        if "trials" in growth.left:
            self.left = {**self.left, "pairs": growth.left["trials"]}
        if growth.trials:
            self._tell(f"pairs of survived faults: {len(growth.trials):,} more trials")
            self._add(growth.trials)

    def _wanted(self, spots: dict[sweep.Spot, sweep.Base]) -> dict[sweep.Spot, sweep.Base]:
        there = {spot.tool for spot, base in spots.items() if base.depth == 0}
        leads = not self._tools <= there  # any call of the control may lead to the tools that are not there yet
        return {
            spot: base
            for spot, base in spots.items()
            if not self._tools or spot.tool in self._tools or (leads and base.depth == 0)
        }

    def _add(self, trials: Sequence[Trial]) -> None:
        self.plan = sweep.extended(self.plan, trials)
        self.run.grow(self.plan)
        self._execute()

    def _execute(self) -> None:
        from agentbench.runner import Runner

        count = len(self.plan.trials)
        if self._show is None:
            Runner(self.plan, self.run, workers=self._workers, deadline_s=self._deadline_s).execute()
            return
        with self._show(count) as progress:
            runner = Runner(
                self.plan,
                self.run,
                workers=min(self._workers, count),
                deadline_s=self._deadline_s,
                progress=progress.advance,
            )
            runner.execute()
        self.resumed = runner.resumed if self.cost is None else self.resumed

    def _cost(self, control_s: float, startup_s: float) -> Cost:
        faults = sweep.faults_of(self.plan)
        spots = sweep.reached(self.plan, self.run.records())
        calls = sum(base.depth == 0 for base in spots.values())
        count = len(faults.variants) if faults else 0
        trials = count * calls * len(sweep.DURATIONS) * self.plan.trials_per_cell
        trials = min(trials, self._trials_max // self.plan.trials_per_cell * self.plan.trials_per_cell)
        return Cost(
            faults=count,
            calls=calls,
            durations=len(sweep.DURATIONS),
            trials_per_cell=self.plan.trials_per_cell,
            trials=trials,
            control_s=round(control_s, 6),
            workers=self._workers,
            seconds=round(startup_s + control_s * trials / self._workers, 1),
        )


@click.command("sweep")
@click.argument("scenario")
@click.option("--agent", "-a", required=True, metavar="REF",
              help="A built-in agent, module:attr, ./file.py:attr or langgraph.json#name.")  # fmt: skip
@click.option("--faults", default="default", show_default=True, metavar="PROFILE|FILE|all|NAME,...",
              help="Which faults are tried: those of a profile, all there are, or some by name.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1, 20), default=ROUNDS, show_default=True,
              help="How many faults may lie on the way to a call; 1: only calls that the control makes.")  # fmt: skip
@click.option("--pairs", is_flag=True, help="Then try pairs of single faults that were each survived.")
@click.option("--max-trials", type=click.IntRange(1, 1_000_000), default=TRIALS_MAX, show_default=True,
              help="Bound of the faulted trials of the whole sweep, pairs included.")  # fmt: skip
@click.option("--trials", type=click.IntRange(1, 1_000), default=1, show_default=True,
              help="Trials per fault, call and duration; more for an agent that is not deterministic.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, envvar="AGENTBENCH_SEED",
              help="Decides every draw of the sweep.")  # fmt: skip
@click.option("--clock", type=click.Choice(["auto", "virtual", "real"]), default="auto", show_default=True,
              envvar="AGENTBENCH_CLOCK", help="Virtual time for agents that do no real I/O.")  # fmt: skip
@click.option("--sandbox", default="process", show_default=True, metavar="NAME", envvar="AGENTBENCH_SANDBOX",
              help="Where the agent runs.")  # fmt: skip
@click.option("--workers", "-j", type=click.IntRange(1, 512), default=None, envvar="AGENTBENCH_WORKERS",
              help="Worker processes; default: one for each CPU.")  # fmt: skip
@click.option("--deadline", type=click.FloatRange(min=0.1), default=None, envvar="AGENTBENCH_DEADLINE",
              help="Real seconds that one trial may take before its process is killed.")  # fmt: skip
@click.option("--out", metavar="DIR", default=None,
              help="Directory of the sweep; an existing one is resumed. Default: runs/<time>.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Run the control trials, say what the first round costs, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
def sweep_command(
    workers: int | None, deadline: float | None, rounds: int, max_trials: int, out: str | None, as_json: bool,
    pairs: bool, dry_run: bool, **chosen: Any,
) -> int:  # fmt: skip
    """Try every fault at every call that an agent makes in SCENARIO, and map where it breaks.

    The control trial tells which calls there are. Then every fault strikes each of them, once and for good, one
    trial each; calls that only a fault leads to come next. The directory is that of an ordinary run.
    """
    from agentbench.runner import started, workers_here

    plan = make_plan(**chosen)
    signal.signal(signal.SIGTERM, interrupt)
    with tempfile.TemporaryDirectory(prefix="agentbench-") as scratch:
        folder = Path(out) if out else Path("runs") / started()
        if dry_run:
            folder = Path(scratch) / "sweep"  # it leaves nothing behind
        swept = Sweeping(
            RunDirectory(folder),
            plan,
            workers=workers or workers_here(),
            deadline_s=deadline,
            rounds=rounds,
            trials_max=max_trials,
            show=Progress,
            tell=say,
        )
        cost = swept.begin()
        if dry_run:
            put_json({"cost": cost}) if as_json else put(cost.text)
            return 0
        if not cost.calls:
            return fail("the control trial makes no tool call, so there is nothing to sweep", 4)
        swept.singles()
        if pairs:
            swept.pairs()
    if swept.resumed:
        say(f"resumed: {swept.resumed:,} of {len(swept.plan.trials):,} trials were there already")
    return _conclude(swept, as_json=as_json)


def make_plan(
    *, scenario: str, agent: str, faults: str, trials: int, seed: int, clock: Clock, sandbox: str
) -> Plan:  # fmt: skip
    """The control plan that a command line asks for; raises `UsageError` for anything in it that is wrong."""
    if sandbox not in plugins.names("sandboxes"):
        raise UsageError(f"there is no sandbox '{sandbox}'", where="--sandbox",
                         remedy=closest(sandbox, plugins.names("sandboxes")))  # fmt: skip
    found = select((scenario,))
    if len(found) != 1:
        raise UsageError(f"'{scenario}' names {len(found)} scenarios, and a sweep is of one", where="SCENARIO",
                         remedy=f"write one of: {', '.join(found)}")  # fmt: skip
    name, path = next(iter(found.items()))
    return sweep.start(
        name=name,
        path=path,
        agent=next(PlannedAgent(name=short, ref=ref) for short, ref in named([agent])),
        faults=sweep.fault_set(faults),
        trials=trials,
        seed=seed,
        clock=clock,
        sandbox=sandbox,
    )


def _conclude(swept: Sweeping, *, as_json: bool) -> int:
    from agentbench.cli.concluding import exit_code, judge, write_coverage, write_report, write_traces
    from agentbench.report import sweeps

    run, plan = swept.run, swept.plan
    judgements, measured = judge(run, plan)
    write_traces(run, plan, judgements)
    write_report(run, plan, measured, judgements)
    coverage = write_coverage(run, plan, judgements)
    left = swept.left
    if as_json:
        found = {"run_dir": str(run.path), "cost": swept.cost, "left": left, **msgspec.to_builtins(coverage)}
        put_json(found)
    else:
        for line in sweeps.lines(coverage, left):
            put(line)
    say(f"sweep:  {run.path / 'sweep.html'}")
    say(f"report: {run.report_path}")
    return exit_code(measured)
