"""`plan` and `run`: from scenarios to a directory of records, its measures and its report."""

import re
import signal
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import click

from agentbench import plan as plans
from agentbench import plugins
from agentbench.cli.console import put_json, say
from agentbench.documents import closest
from agentbench.errors import UsageError
from agentbench.plan import Plan, PlannedAgent

Clock = Literal["auto", "virtual", "real"]


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed([
        click.argument("scenarios", nargs=-1, metavar="[SCENARIO]..."),
        click.option("--agent", "-a", multiple=True, metavar="REF", envvar="AGENTBENCH_AGENT",
                     help="A built-in agent, module:attr, ./file.py:attr or langgraph.json#name. "
                          "Repeatable; default: the reference agents, but for those made for one kind of fault."),
        click.option("--faults", default="default", show_default=True, metavar="PROFILE|FILE|none",
                     envvar="AGENTBENCH_FAULTS", help="Which faults strike."),
        click.option("--trials", type=click.IntRange(1, 10_000), default=1, show_default=True,
                     envvar="AGENTBENCH_TRIALS", help="Trials per agent, scenario and faultload."),
        click.option("--seed", type=int, default=1, show_default=True, envvar="AGENTBENCH_SEED",
                     help="Decides every draw of the run."),
        click.option("--clock", type=click.Choice(["auto", "virtual", "real"]), default="auto", show_default=True,
                     envvar="AGENTBENCH_CLOCK", help="Virtual time for agents that do no real I/O."),
        click.option("--sandbox", default="process", show_default=True, metavar="NAME", envvar="AGENTBENCH_SANDBOX",
                     help="Where agents run."),
        click.option("--isolation", default=None, metavar="NAME", help="The same as --sandbox."),
    ]):  # fmt: skip
        command = option(command)
    return command


@click.command("plan")
@_options
@click.option("--out", metavar="FILE", default=None, help="Write the plan there.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan_command(out: str | None, as_json: bool, **chosen: Any) -> None:
    """Expand scenarios, agents and faults into trials, without running them."""
    made = make_plan(**chosen)
    if out:
        from agentbench.store import write_whole

        path = Path(out)
        write_whole(path / "plan.json" if path.is_dir() else path, plans.encode(made))
    if as_json:
        put_json(made)
    else:
        _describe(made)


@click.command("run")
@_options
@click.option("--workers", "-j", type=click.IntRange(1, 512), default=None, envvar="AGENTBENCH_WORKERS",
              help="Worker processes; default: one for each CPU.")  # fmt: skip
@click.option("--out", metavar="DIR", default=None, envvar="AGENTBENCH_OUT",
              help="Directory of the run; an existing one is resumed. Default: runs/<time>.")  # fmt: skip
@click.option("--deadline", type=click.FloatRange(min=0.1), default=None, envvar="AGENTBENCH_DEADLINE",
              help="Real seconds that one trial may take before its process is killed.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
def run_command(workers: int | None, out: str | None, deadline: float | None, as_json: bool, **chosen: Any) -> int:
    """Run scenarios with agents under faults; ends with a table and a single-file HTML report.

    SCENARIO is a path, a glob or an id such as bank.rent_payment or 'bank.*'; default: all of them.
    """
    from agentbench.cli.concluding import conclude, exit_code
    from agentbench.cli.progress import Progress
    from agentbench.runner import Runner, started, workers_here
    from agentbench.store import RunDirectory

    made = make_plan(**chosen)
    run = RunDirectory(Path(out) if out else Path("runs") / started())
    count = min(workers or workers_here(), len(made.trials))
    signal.signal(signal.SIGTERM, interrupt)
    with Progress(len(made.trials)) as progress:
        runner = Runner(made, run, workers=count, deadline_s=deadline, progress=progress.advance)
        runner.execute()
    if runner.resumed:
        say(f"resumed: {runner.resumed:,} of {len(made.trials):,} trials were there already")
    measured = conclude(run, made, as_json=as_json)
    return exit_code(measured)


def default_agents() -> list[str]:
    """The agents of a run that names none: all but those that are made for faults of one kind (`for_some_faults`)."""
    return [
        name
        for name in plugins.names("agents")
        if not getattr(plugins.module("agents", name), "for_some_faults", False)
    ]


def make_plan(
    *,
    scenarios: tuple[str, ...],
    agent: tuple[str, ...],
    faults: str,
    trials: int,
    seed: int,
    clock: Clock,
    sandbox: str,
    isolation: str | None,
) -> Plan:
    """The plan that a command line asks for; raises `UsageError` for anything in it that is wrong."""
    chosen = isolation or sandbox
    if chosen not in plugins.names("sandboxes"):
        raise UsageError(f"there is no sandbox '{chosen}'", where="--sandbox",
                         remedy=closest(chosen, plugins.names("sandboxes")))  # fmt: skip
    refs = list(dict.fromkeys(agent)) or default_agents()
    made = plans.make(
        scenarios=select(scenarios),
        agents=[PlannedAgent(name=name, ref=ref) for name, ref in named(refs)],
        profile=None if faults == "none" else plugins.profile(faults),
        trials=trials,
        seed=seed,
        clock=clock,
        sandbox=chosen,
    )
    if faults != "none" and made.profile["name"] != "none" and all(each.control is None for each in made.trials):
        raise UsageError(f"no scenario can meet a fault of '{faults}'", where="--faults",
                         remedy=made.skipped[0].reason if made.skipped else "")  # fmt: skip
    return made


def select(wanted: tuple[str, ...]) -> dict[str, Path]:
    """The scenarios that ids, patterns, paths and globs name; all there are when nothing is named."""
    known = plugins.scenarios()
    if not wanted:
        if not known:
            raise UsageError("there are no scenarios", remedy="run 'agentbench init', or give a path")
        return known
    found: dict[str, Path] = {}
    for each in wanted:
        path = Path(each)
        if path.is_file():
            found[f"{path.resolve().parent.name}.{path.stem}"] = path
            continue
        if path.is_dir():
            hits = {f"{file.parent.name}.{file.stem}": file for file in sorted(path.rglob("*.yaml"))}
        else:
            hits = {name: file for name, file in known.items() if fnmatchcase(name, each)}
            if not hits and any(mark in each for mark in "*?["):
                files = [Path(each)] if path.is_absolute() else sorted(Path.cwd().glob(each))
                hits = {f"{file.parent.name}.{file.stem}": file for file in files if file.suffix == ".yaml"}
        if not hits:
            raise UsageError(f"there is no scenario '{each}'", remedy=closest(each, list(known)))
        found.update(hits)
    return found


def named(refs: list[str]) -> list[tuple[str, str]]:
    """A short name for each agent, unique within the run."""
    named: dict[str, str] = {}
    for ref in refs:
        short = re.sub(r"[^A-Za-z0-9_.-]+", "_", re.split(r"[:#]", ref)[-1]).strip("_") or "agent"
        if short in named:
            short = re.sub(r"[^A-Za-z0-9_.-]+", "_", ref).strip("_.")
        named[short] = ref
    return list(named.items())


def _describe(made: Plan) -> None:
    faultloads = sorted({trial.faultload for trial in made.trials})
    say(f"{len(made.trials):,} trials: {len(made.agents)} agents × {len(made.scenarios)} scenarios, "
        f"{made.trials_per_cell} per cell, seed {made.seed}")  # fmt: skip
    say(f"profile {made.profile['name']} v{made.profile['version']} {made.profile['hash']}; "
        f"faultloads: {', '.join(faultloads)}")  # fmt: skip
    for each in made.skipped:
        say(f"not planned: {each.scenario} × {each.faultload}: {each.reason}")


def interrupt(_number: int, _frame: Any) -> None:
    """End as by Ctrl-C; a handler for SIGTERM."""
    raise KeyboardInterrupt


if sys.platform == "win32":  # the workers need POSIX sessions and sockets
    raise UsageError("agentbench runs on Linux and macOS")
