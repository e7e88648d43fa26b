"""`show`: one plugin, one scenario, one run or one trial, for reading."""

import dataclasses
from pathlib import Path
from typing import Any

import click

from agentbench import plugins
from agentbench.calls import ToolSpec
from agentbench.cli.console import put, put_json
from agentbench.documents import closest
from agentbench.errors import UsageError
from agentbench.judgement import Judgement, Landing
from agentbench.report.lines import event_lines
from agentbench.store import RunDirectory


@click.command("show")
@click.argument("thing")
@click.argument("trial", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show_command(thing: str, trial: str | None, as_json: bool) -> None:
    """Show a run, one TRIAL of a run, or a scenario, environment, fault, profile or agent by name.

    \b
    agentbench show runs/20260301-0900 careful/bank.rent_payment/lost-write/0
    agentbench show bank.rent_payment
    agentbench show lost_reply
    """
    if Path(thing).is_dir():
        run = RunDirectory.existing(Path(thing))
        _run(run, as_json) if trial is None else _trial(run, trial, as_json)
        return
    if trial is not None:
        raise UsageError(f"'{thing}' is not the directory of a run", remedy="give a directory before the trial's id")
    entry = _entry(thing)
    if as_json:
        put_json(entry)
    else:
        _lines(entry, "")


def _entry(name: str) -> dict[str, Any]:
    from agentbench.cli.listing import entries_of, fault_entry

    scenarios = plugins.scenarios()
    if name in scenarios:
        from agentbench import scenario

        return {"path": str(scenarios[name]), **scenario.dump(scenario.load(scenarios[name]))}
    if name in plugins.names("faults"):
        return {**fault_entry(name), "about": plugins.fault_class(name).__doc__}
    if name in plugins.names("environments"):
        environment = plugins.environment(name)
        tools = [_tool_entry(tool.spec) for tool in environment.tools.values()]
        return {"name": name, "summary": environment.summary, "tools": tools}
    known = list(scenarios)
    for kind in ("profiles", "agents", "sandboxes", "adapters"):
        for entry in entries_of(kind):
            if entry["name"] == name:
                return entry
            known.append(entry["name"])
    known += plugins.names("faults") + plugins.names("environments")
    raise UsageError(f"there is nothing named '{name}'", remedy=closest(name, known))


def _lines(value: Any, indent: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list) and item:
                put(f"{indent}{key}:")
                _lines(item, indent + "  ")
            else:
                put(f"{indent}{key}: {item}")
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list):
                put(f"{indent}-")
                _lines(item, indent + "  ")
            else:
                put(f"{indent}- {item}")


def _run(run: RunDirectory, as_json: bool) -> None:
    from agentbench.cli.concluding import show

    show(run, run.plan(), run.measured(), run.judgements(), as_json=as_json)


def _trial(run: RunDirectory, name: str, as_json: bool) -> None:
    record = run.find(name)
    if record is None:
        known = [trial.id for trial in run.plan().trials]
        problem = f"the trial '{name}' has no record yet" if name in known else f"this run has no trial '{name}'"
        raise UsageError(problem, where=run.path, remedy="" if name in known else closest(name, known)[:300])
    judged = next((each for each in run.judgements() if each.trial == name), None)
    if as_json:
        put_json({"record": record, "judgement": judged})
        return
    put(f"trial    {record.trial}, attempt {record.attempt}, seed {record.seed}")
    put(f"ended    {record.ending.kind} {record.ending.detail} after {record.end_s:g} s ({record.clock} time)")
    if judged is not None:
        _judged(judged)
    for event in record.events:
        for line in event_lines(event, record):
            put(line)


def _tool_entry(spec: ToolSpec) -> dict[str, Any]:
    """All that is known of a tool, with the schema that it works out when it is asked for."""
    known = {each.name: getattr(spec, each.name) for each in dataclasses.fields(spec) if each.name != "declares"}
    return {**known, "returns": spec.returns}


def _coped(landing: Landing) -> str:
    """Who met the failures that a fault told of."""
    by = {"absorbed": "absorbed by the framework", "handled": "handled by the agent", "unhandled": "not handled"}
    if not landing.coping:
        return ""
    return f"{by[landing.coping]}, hidden retries: {landing.hidden_retries}"


def _judged(judged: Judgement) -> None:
    put(f"outcome  {judged.outcome or 'invalid'} {judged.kind} {judged.reason or judged.invalid_reason}".rstrip())
    for check in judged.checks:
        put(f"  check  {check.name}: {check.result} {check.reason}".rstrip())
    for harm in judged.harms:
        put(f"  harm   {harm.kind}: {harm.detail} {harm.call}".rstrip())
    for landing in judged.landings:
        put(f"  fault  {landing.fault}: {landing.state} {landing.reason}{_coped(landing)}".rstrip())
