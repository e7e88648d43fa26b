"""From records to measures, traces, report and table: what `run`, `measure` and `report` have in common."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agentbench.cli.console import put_json, say
from agentbench.judgement import Judgement, Measured
from agentbench.plan import Plan
from agentbench.store import RunDirectory, write_whole
from agentbench.sweep import faults_of, reached

if TYPE_CHECKING:
    from agentbench.coverage import Coverage, Reached


def conclude(run: RunDirectory, plan: Plan, *, as_json: bool) -> Measured:
    """Judge a run, write everything that follows from it, and show it."""
    judgements, measured = judge(run, plan)
    write_traces(run, plan, judgements)
    write_report(run, plan, measured, judgements)
    if faults_of(plan) is not None:
        write_coverage(run, plan, judgements)
    show(run, plan, measured, judgements, as_json=as_json)
    return measured


def judge(run: RunDirectory, plan: Plan) -> tuple[list[Judgement], Measured]:
    """Judge the records of a run and store the result."""
    from agentbench.measure import measure

    judgements, measured = measure(plan, run.records(), run.world)
    measured = msgspec.structs.replace(measured, run={**measured.run, "damaged_records": run.damaged})
    run.put_measures(judgements, measured)
    return judgements, measured


def write_traces(run: RunDirectory, plan: Plan, judgements: list[Judgement]) -> None:
    """Write the spans of every judged trial as OTLP/JSON lines."""
    from agentbench import tracing

    trials = {trial.id: trial for trial in plan.trials}
    judged = {each.trial: each for each in judgements}
    lines = (
        tracing.otlp_line(tracing.spans(trials[record.trial], record, judged[record.trial])).rstrip(b"\n") + b"\n"
        for record in run.records()
        if record.trial in trials and record.trial in judged and judged[record.trial].attempt == record.attempt
    )
    write_whole(run.traces_path, lines)


def write_report(run: RunDirectory, plan: Plan, measured: Measured, judgements: list[Judgement]) -> None:
    """Write the single-file HTML report."""
    from agentbench.report import html

    html.write(run.report_path, plan, measured, judgements, run.find)


def write_coverage(run: RunDirectory, plan: Plan, judgements: list[Judgement]) -> "Coverage":
    """Map what a sweep has shown, as `sweep.json` and `sweep.html`."""
    from agentbench.coverage import covered
    from agentbench.report import sweeps

    coverage = covered(plan, judgements, reached_calls(run, plan))
    content = msgspec.json.format(msgspec.json.encode(coverage, order="deterministic"), indent=1)
    write_whole(run.path / "sweep.json", content)
    write_whole(run.path / "sweep.html", sweeps.page(plan, coverage, run=str(run.path)).encode())
    return coverage


def reached_calls(run: RunDirectory, plan: Plan) -> "list[Reached]":
    """The calls that the records of a sweep reached, and through which faults."""
    from agentbench.coverage import Reached

    return [
        Reached(tool=spot.tool, call=spot.call, depth=base.depth, through=base.faultload if base.depth else "")
        for spot, base in reached(plan, run.records()).items()
    ]


def show(run: RunDirectory, plan: Plan, measured: Measured, judgements: list[Judgement], *, as_json: bool) -> None:
    """Print the table or the JSON document, and where things lie."""
    if as_json:
        put_json({"run_dir": str(run.path), **msgspec.to_builtins(measured)})
    else:
        from rich.console import Console

        from agentbench.report import table

        Console(file=sys.stdout, highlight=False).print(table.render(plan, measured, judgements))
    say(f"run:    {_shown(run.path)}")
    say(f"report: {_shown(run.report_path)}")


def exit_code(measured: Measured) -> int:
    """0, or 4 when nothing could be judged."""
    return 0 if measured.trials.get("valid", 0) else 4


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path.resolve())
