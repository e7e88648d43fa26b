"""`replay`: execute one trial of a stored run again, and compare the records byte for byte."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from agentbench import plugins, record
from agentbench.abc import Order
from agentbench.cli.console import put, put_json, say
from agentbench.documents import closest
from agentbench.errors import UsageError
from agentbench.record import TrialRecord
from agentbench.store import RunDirectory


@click.command("replay")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("trial")
@click.option("--sandbox", default=None, metavar="NAME", help="Run it elsewhere, such as 'inprocess' under a debugger.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def replay_command(run: Path, trial: str, sandbox: str | None, as_json: bool) -> int:
    """Execute TRIAL of RUN again with its seed and injections; exit code 1 when the record differs."""
    from agentbench.runner import Runner

    directory = RunDirectory.existing(run)
    plan = directory.plan()
    wanted = next((each for each in plan.trials if each.id == trial), None)
    if wanted is None:
        known = [each.id for each in plan.trials]
        raise UsageError(f"this run has no trial '{trial}'", where=run, remedy=closest(trial, known)[:300])
    before = directory.find(trial)
    order = Runner(plan, directory, workers=1).order(wanted)
    after = _execute(order, sandbox or plan.sandbox, plan.scenarios[wanted.scenario].content["environment"])
    difference = None if before is None else _difference(before, after)
    if as_json:
        put_json({"trial": trial, "equal": before is not None and difference is None, "difference": difference,
                  "ending": after.ending, "record": after})  # fmt: skip
    elif before is None:
        put(f"{trial}: ended '{after.ending.kind}'; there is no stored record to compare it with")
    elif difference is None:
        put(f"{trial}: the replay equals the stored record ({len(after.calls)} tool calls, {after.end_s:g} s)")
    else:
        put(f"{trial}: the replay differs from the stored record: {difference}")
    return 1 if difference else 0


def _execute(order: Order, sandbox: str, environment: str) -> TrialRecord:
    with tempfile.TemporaryDirectory(prefix="agentbench-") as scratch:
        made = plugins.sandbox_class(sandbox)(workers=1, scratch=Path(scratch))
        try:
            made.check([order.agent["ref"]], [environment], order.clock)
            orders: Iterator[Order] = iter([order])
            return next(result for _, result in made.run(orders))
        finally:
            made.close()


def _difference(before: TrialRecord, after: TrialRecord) -> str | None:
    """Where two records part, or None; the sandbox they ran in is not compared."""
    after = msgspec.structs.replace(after, sandbox=before.sandbox)
    if record.comparable(before) == record.comparable(after):
        return None
    for index, (one, two) in enumerate(zip(before.events, after.events, strict=False)):
        if one != two:
            say(f"stored: {msgspec.json.encode(one).decode()[:500]}")
            say(f"replay: {msgspec.json.encode(two).decode()[:500]}")
            return f"event {index} at {one.at_s:g} s"
    if len(before.events) != len(after.events):
        return f"{len(before.events)} events before, {len(after.events)} now"
    return "the ledger, the ending or the clock"
