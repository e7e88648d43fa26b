"""`measure` and `report`: judge a stored run again, without executing anything."""

from pathlib import Path

import click

from agentbench.cli.concluding import conclude, exit_code, show, write_report
from agentbench.store import RunDirectory

RUN = click.argument("run", type=click.Path(path_type=Path), metavar="RUN")


@click.command("measure")
@RUN
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
def measure_command(run: Path, as_json: bool) -> int:
    """Judge the records of a run and compute its measures; needs no agent, no LangGraph and no sandbox."""
    directory = RunDirectory.existing(run)
    return exit_code(conclude(directory, directory.plan(), as_json=as_json))


@click.command("report")
@RUN
@click.option("--json", "as_json", is_flag=True, help="Print the measures as JSON on standard output.")
def report_command(run: Path, as_json: bool) -> int:
    """Show the stored measures of a run, and write its HTML report again."""
    directory = RunDirectory.existing(run)
    plan, measured, judgements = directory.plan(), directory.measured(), directory.judgements()
    write_report(directory, plan, measured, judgements)
    show(directory, plan, measured, judgements, as_json=as_json)
    return exit_code(measured)
