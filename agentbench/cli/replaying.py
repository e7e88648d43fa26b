"""`replay`: execute one trial of a stored run again, up to the first event that is not the one that was stored."""

import dataclasses
import difflib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from agentbench import plugins, record
from agentbench.abc import Order
from agentbench.cli.console import put, put_json
from agentbench.documents import closest
from agentbench.errors import UsageError
from agentbench.following import DIVERGED, same
from agentbench.record import Call, Ending, Event, Reply, TrialRecord, timeless
from agentbench.store import RunDirectory

LINES_MAX = 60  # of a difference
WIDTH_MAX = 200
CONTEXT = 2


@click.command("replay")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("trial")
@click.option("--sandbox", default=None, metavar="NAME", help="Run it elsewhere, such as 'inprocess' under a debugger.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def replay_command(run: Path, trial: str, sandbox: str | None, as_json: bool) -> int:
    """Execute TRIAL of RUN again with its seed and injections; exit code 1 when the record differs.

    The execution ends at the first event that is not the stored one, and both are shown as a difference: lines with
    '-' were expected, lines with '+' came.
    """
    from agentbench.runner import Runner

    directory = RunDirectory.existing(run)
    plan = directory.plan()
    wanted = next((each for each in plan.trials if each.id == trial), None)
    if wanted is None:
        known = [each.id for each in plan.trials]
        raise UsageError(f"this run has no trial '{trial}'", where=run, remedy=closest(trial, known)[:300])
    before = directory.find(trial)
    order = Runner(plan, directory, workers=1).order(wanted)
    if before is not None:
        order = dataclasses.replace(order, follow=record.encode(before))
    after = _execute(order, sandbox or plan.sandbox, plan.scenarios[wanted.scenario].content["environment"])
    found = None if before is None else divergence(before, after)
    if as_json:
        put_json({"trial": trial, "equal": before is not None and found is None,
                  "difference": None if found is None else found.where, "divergence": found,
                  "ending": after.ending, "record": after})  # fmt: skip
    elif before is None:
        put(f"{trial}: ended '{after.ending.kind}'; there is no stored record to compare it with")
    elif found is None:
        beyond = "" if before.clock == "virtual" else "; it ran in real time, so that instants are not compared"
        put(f"{trial}: the replay equals the stored record ({len(after.calls)} tool calls, {after.end_s:g} s{beyond})")
    else:
        put(f"{trial}: the replay differs from the stored record: {found.where}")
        for line in found.diff:
            put(line)
    return 1 if found else 0


def _execute(order: Order, sandbox: str, environment: str) -> TrialRecord:
    with tempfile.TemporaryDirectory(prefix="agentbench-") as scratch:
        made = plugins.sandbox_class(sandbox)(workers=1, scratch=Path(scratch))
        try:
            made.check([order.agent["ref"]], [environment], order.clock)
            orders: Iterator[Order] = iter([order])
            return next(result for _, result in made.run(orders))
        finally:
            made.close()


# -- where two records part ----------------------------------------------------------------------------


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """Where a replay left its record: in words, what was expected and what came, and both as a unified diff.

    `event` is the place among the events, from 0, where there is one. A side that has nothing there is None.
    """

    where: str
    event: int | None = None
    at_s: float | None = None
    expected: Any = None
    came: Any = None
    diff: list[str] = []


def divergence(before: TrialRecord, after: TrialRecord) -> Divergence | None:
    """The first difference between a stored record and its replay, or None; the sandbox is not compared."""
    after = msgspec.structs.replace(after, sandbox=before.sandbox)
    if record.comparable(before) == record.comparable(after):
        return None
    stopped = after.ending.detail.split(":") if after.ending.detail.startswith(DIVERGED) else []
    if stopped[1:2] == ["call"]:
        return _asked(before, after, stopped[2])
    for place in range(max(len(before.events), len(after.events))):
        one = before.events[place] if place < len(before.events) else None
        two = after.events[place] if place < len(after.events) else None
        if one is None or two is None or not same(one, two, before.clock):
            return _event(place, one, two)
    return _end(before, after)


def _asked(before: TrialRecord, after: TrialRecord, call: str) -> Divergence:
    """The agent asked for something else; what came of the call was not waited for."""
    one = next((each for each in before.calls if each.id == call), None)
    two = next(each for each in after.calls if each.id == call)
    place = next((index for index, event in enumerate(before.events) if event is one), None)
    where = f"call {call} at {two.at_s:g} s was " + ("not made before" if one is None else "asked otherwise")
    return Divergence(
        where=where,
        event=place,
        at_s=two.at_s,
        expected=one,
        came=msgspec.structs.replace(two, done=[], fired=[]),
        diff=_unified([] if one is None else _request(one), _request(two)),
    )


def _event(place: int, one: Event | None, two: Event | None) -> Divergence:
    at_s = next(event.at_s for event in (two, one) if event is not None)
    if one is None:
        where = f"event {place} at {at_s:g} s did not happen before"
    elif two is None:
        where = f"event {place} at {at_s:g} s did not happen again"
    else:
        where = f"event {place} at {at_s:g} s"
    return Divergence(
        where=where, event=place, at_s=at_s, expected=one, came=two, diff=_unified(_lines(one), _lines(two))
    )


def _end(before: TrialRecord, after: TrialRecord) -> Divergence | None:
    """All events are equal: what is left are the ledger, the ending and the clock."""
    one, two = _rest(before), _rest(after)
    if before.clock == "real":
        one, two = timeless(one), timeless(two)
    if one == two:
        return None
    parts = [name for name in one if one[name] != two.get(name)]
    shown = [[f"{name}: {line}" for name in parts for line in _json(data[name])] for data in (one, two)]
    return Divergence(
        where=f"the {' and the '.join(parts)}",
        expected={name: one[name] for name in parts},
        came={name: two[name] for name in parts},
        diff=_unified(*shown),
    )


def _rest(of: TrialRecord) -> dict[str, Any]:
    ending: Ending = of.ending
    return {"ledger": msgspec.to_builtins(of.ledger), "ending": msgspec.to_builtins(ending), "end_s": of.end_s,
            "seed": of.seed, "spans": [] if of.clock == "real" else of.spans}  # fmt: skip


# -- events as lines -----------------------------------------------------------------------------------


def _lines(event: Event | None) -> list[str]:
    """An event for reading; a call by what was asked, which faults struck, what was done and what was told."""
    if event is None:
        return []
    if not isinstance(event, Call):
        data = msgspec.to_builtins(event)
        return [str(data.pop("type", "event")), *_json(data)]
    lines = _request(event)
    for fired in event.fired:
        lines += [f"fault  {fired.fault}", *_json(fired.receipt)]
    for done in event.done:
        lines += [f"done   from {done.at_s:g} s to {done.end_s:g} s{', in an older state' if done.replica else ''}",
                  *_reply(done.reply)]  # fmt: skip
        lines += [f"  effect {effect}" for effect in done.effects]
    return [*lines, f"told   at {event.end_s:g} s", *_reply(event.told)]


def _request(call: Call) -> list[str]:
    return [f"call   {call.id} {call.tool}, at {call.at_s:g} s in turn {call.turn}", "asked", *_json(call.asked)]


def _reply(reply: Reply) -> list[str]:
    if reply.failure is not None:
        return [f"  {reply.failure}"]
    headers = [f"  {name}: {value}" for name, value in sorted(reply.headers.items())]
    return [f"  status {reply.status}", *headers, *_json(reply.body)]


def _json(value: Any) -> list[str]:
    text = msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2).decode()
    return [f"  {line}" for line in text.splitlines()]


def _unified(one: Sequence[str], two: Sequence[str]) -> list[str]:
    found = list(difflib.unified_diff(one, two, "expected", "came", n=CONTEXT, lineterm=""))
    cut = [line if len(line) <= WIDTH_MAX else f"{line[:WIDTH_MAX]}…" for line in found[:LINES_MAX]]
    return cut + ([f"… {len(found) - LINES_MAX} more lines"] if len(found) > LINES_MAX else [])
