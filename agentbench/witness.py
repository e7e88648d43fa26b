"""Confirms from the record, without trusting the injector, that each planned injection really landed.

Invariant: a receipt only says which witness to look for; what is looked at are the recorders on both sides of the
faults, the ledger and the clock.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import TypeAlias

from agentbench import aftermath, continuity, intrusion, timetable
from agentbench.checks import of_call
from agentbench.judgement import InjectionState, Landing
from agentbench.plan import PlannedTool, Trial
from agentbench.record import Call, Exchange, Firing, HandOver, TrialRecord
from agentbench.scene import SLACK_S, WITNESSED, Finding, Scene, unless_excused

NOOP = "noop"  # the null object of the faults: it is witnessed too, but landing it proves nothing

Struck: TypeAlias = Call | Exchange | HandOver


def landings(record: TrialRecord, trial: Trial, tools: Mapping[str, PlannedTool]) -> list[Landing]:
    """What became of each planned injection, in the order of the plan; pure.

    A firing that the plan does not know of is listed after them, as `unwitnessed`.
    """
    rows: dict[str, set[int]] = defaultdict(set)
    for place, effect in enumerate(record.ledger):
        rows[of_call(effect)].add(place)
    found: dict[int, list[tuple[Struck, Finding]]] = defaultdict(list)
    amiss: dict[int, list[tuple[Struck, Finding]]] = defaultdict(list)
    foreign: list[Landing] = []
    due = timetable.due(record, trial, tools) if _faulted(trial) else {}
    seen: list[tuple[Struck, list[tuple[Firing, Finding]]]] = [
        (call, _findings(record, call, tools, frozenset(rows[call.id]))) for call in record.calls
    ]
    seen += [(event, _passed(event, record)) for event in record.events if isinstance(event, Exchange | HandOver)]
    for event, findings in seen:
        for firing, finding in findings:
            if 0 <= firing.injection < len(trial.injections) and _planned(trial, firing.injection) == firing.fault:
                found[firing.injection].append((event, finding))
            else:
                foreign.append(_foreign(event, firing))
    for call in record.calls:
        for index, finding in _out_of_turn(call, due):
            amiss[index].append((call, finding))
    known = [
        _landing(index, _planned(trial, index), found[index], amiss[index]) for index in range(len(trial.injections))
    ]
    return known + foreign


def _findings(
    record: TrialRecord, call: Call, tools: Mapping[str, PlannedTool], rows: frozenset[int]
) -> list[tuple[Firing, Finding]]:
    tool = tools.get(call.tool)
    found = []
    for firing in call.fired:
        scene = Scene(
            record=record,
            call=call,
            firing=firing,
            write=tool is not None and tool.effect == "write",
            rows=rows,
            shared=any(other.injection != firing.injection and other.fault != NOOP for other in call.fired),
        )
        witness = CALLS.get(str(firing.receipt.get("witness")))
        finding: Finding = ("contradicted", "the receipt names no witness") if witness is None else witness(scene)
        found.append((firing, finding))
    # Where several faults meet on one call, one that is confirmed may hide what another one did.
    confirmed = {firing.injection for firing, (state, _) in found if state == "witnessed" and firing.fault != NOOP}
    return [
        (firing, ("ineffective", f"hidden by another fault on this call: {reason}"))
        if state == "contradicted" and confirmed - {firing.injection}
        else (firing, (state, reason))
        for firing, (state, reason) in found
    ]


def _faulted(trial: Trial) -> bool:
    return any(each.get("fault") != NOOP for each in trial.injections)


def _out_of_turn(call: Call, due: timetable.Due) -> list[tuple[int, Finding]]:
    """What fired at this call and was not due there, or twice; and what was due and did not act, though nothing else
    was in its way.
    """
    if not due and len(call.fired) < 2:
        return []
    times = Counter(firing.injection for firing in call.fired)
    found: list[tuple[int, Finding]] = []
    for index, count in times.items():
        if not due.get((index, call.id), True):
            found.append((index, ("contradicted", "it was not due at this call")))
        elif count > 1:
            found.append((index, ("contradicted", f"it fired {count} times on this call")))
    if not call.fired and call.told.failure != "abandoned":
        missing = [index for (index, name), is_due in due.items() if is_due and name == call.id]
        found.extend((index, ("contradicted", "it was due at this call and did nothing")) for index in missing)
    return found


def _passed(event: Exchange | HandOver, record: TrialRecord) -> list[tuple[Firing, Finding]]:
    """What became of the faults at a user turn or at a message between agents."""
    alone = sum(firing.fault != NOOP for firing in event.fired) == 1
    found: list[tuple[Firing, Finding]] = []
    for firing in event.fired:
        witness = PASSING.get(str(firing.receipt.get("witness")))
        unnamed: Finding = ("contradicted", "the receipt names no witness")
        state, reason = witness(event, firing, record) if witness else unnamed
        hidden = state == "contradicted" and not alone and witness is not None
        found.append((firing, ("ineffective", f"beside another fault: {reason}") if hidden else (state, reason)))
    return found


def _planned(trial: Trial, index: int) -> str:
    return str(trial.injections[index].get("fault", ""))


def _foreign(struck: Struck, firing: Firing) -> Landing:
    return Landing(
        index=firing.injection,
        fault=firing.fault,
        state="unwitnessed",
        fired=1,
        first_call=struck.id if isinstance(struck, Call) else "",
        reason=f"{_name(struck)}: the plan has no such injection",
    )


def _name(struck: Struck) -> str:
    match struck:
        case Call():
            return struck.id
        case Exchange():
            return f"turn {struck.turn}"
    return f"{struck.channel} {struck.number}"


def _landing(
    index: int, fault: str, found: list[tuple[Struck, Finding]], amiss: list[tuple[Struck, Finding]]
) -> Landing:
    confirmed = [call for call, (state, _) in found if state == "witnessed"]
    problems = {
        state: f"{_name(call)}: {reason}" for call, (state, reason) in reversed(found + amiss) if state != "witnessed"
    }
    state: InjectionState
    if not found and not amiss:
        state, reason = "not_reached", "no call met its trigger"
    elif "contradicted" in problems:
        state, reason = "unwitnessed", problems["contradicted"]
    elif confirmed:
        state, reason = "witnessed", ""
    else:
        state, reason = "ineffective", problems["ineffective"]
    first = confirmed or [call for call, _ in found]
    return Landing(
        index=index,
        fault=fault,
        state=state,
        fired=len(found),
        witnessed=len(confirmed),
        first_call=next((call.id for call in first if isinstance(call, Call)), ""),
        reason=reason,
    )


# -- one function per kind of witness ------------------------------------------------------------------


def _unchanged(scene: Scene) -> Finding:
    """One execution, and its reply is what was told."""
    if len(scene.executions) == 1 and scene.passed_on:
        return WITNESSED
    return unless_excused(scene, "what was told is not what the one execution answered")


def _not_executed(scene: Scene) -> Finding:
    """No execution, no ledger row, and the agent was told of a failure."""
    if scene.call.done or scene.rows:
        return "contradicted", "the call was executed"
    if scene.call.told.ok:
        return "contradicted", "the agent was told that it worked"
    return WITNESSED


def _committed_unanswered(scene: Scene) -> Finding:
    """One execution that worked, for a write with its ledger rows, and the agent was told of a failure."""
    if not scene.executions:
        return unless_excused(scene, "the call was not executed")
    worked = [execution for execution in scene.executions if execution.reply.ok]
    if not worked:
        return "ineffective", "the tool itself refused the call"
    if scene.write and not scene.rows:
        return "ineffective", "the call committed nothing"
    if len(scene.executions) > 1 and not scene.shared:
        return "contradicted", "the call was executed more than once"
    if scene.call.told.ok:
        return "contradicted", "the agent was told that it worked"
    return WITNESSED


def _delayed(scene: Scene) -> Finding:
    """The call took longer than its executions, by the delay of the receipt, and was answered as they were.

    Time alone decides when another fault on the call changed the answer, or when the caller did not wait for it.
    """
    delay_s = scene.firing.receipt.get("delay_s")
    if isinstance(delay_s, bool) or not isinstance(delay_s, int | float):
        return "contradicted", "the receipt has no delay"
    waited_s = scene.call.end_s - scene.call.at_s - sum(each.end_s - each.at_s for each in scene.executions)
    if scene.cut_off:
        return WITNESSED if waited_s > SLACK_S else ("ineffective", "the caller did not wait at all")
    if delay_s <= 0:
        return "ineffective", "the delay was zero"
    if waited_s < delay_s - SLACK_S:
        return "contradicted", f"the call waited {waited_s:g} s and not {delay_s:g} s"
    if not scene.passed_on and not scene.shared:
        return "contradicted", "what was told is not what the execution answered"
    return WITNESSED


def _executed_twice(scene: Scene) -> Finding:
    """Two executions, the first of which worked and, for a write, has ledger rows."""
    if len(scene.executions) < 2:
        return unless_excused(scene, "the call was not executed twice")
    first = scene.executions[0]
    if not first.reply.ok:
        return "ineffective", "the tool refused the first execution"
    if scene.write and scene.rows.isdisjoint(first.effects):
        return "ineffective", "the first execution committed nothing"
    return WITNESSED


def _reply_changed(scene: Scene) -> Finding:
    """The agent was told something else than the real world answered."""
    if not scene.executions:
        return unless_excused(scene, "there is no execution to compare with")
    if scene.passed_on:
        return "ineffective", "the reply was left as it was"
    if scene.cut_off:
        return "ineffective", "the caller did not wait for the reply"
    if scene.shared and not scene.call.told.ok:
        return "ineffective", "another fault on this call took the reply away"
    return WITNESSED


def _effect_missing(scene: Scene) -> Finding:
    """A write of which the agent was told that it worked, and of which the ledger has nothing."""
    if not scene.write:
        return "ineffective", "a read has no effect that could be missing"
    if scene.passed_on:
        return "ineffective", "the call was executed and answered as ever"
    if scene.rows:
        return "contradicted", "the call changed the world"
    if not scene.call.told.ok:
        return unless_excused(scene, "the agent was not told that it worked")
    return WITNESSED


CALLS: dict[str, Callable[[Scene], Finding]] = {
    "unchanged": _unchanged,
    "not_executed": _not_executed,
    "committed_unanswered": _committed_unanswered,
    "delayed": _delayed,
    "executed_twice": _executed_twice,
    "reply_changed": _reply_changed,
    "effect_missing": _effect_missing,
    **aftermath.WITNESSES,
    **continuity.WITNESSES,
    **intrusion.WITNESSES,
}


# -- one function per kind of witness of what the user says and what agents hand over --------------------


def _kept_away(event: Exchange | HandOver, firing: Firing, record: TrialRecord) -> Finding:
    """Nothing of what was said arrived."""
    return ("contradicted", "it arrived all the same") if _arrived(event) else WITNESSED


def _put_off(event: Exchange | HandOver, firing: Firing, record: TrialRecord) -> Finding:
    """Something else was heard where an answer was due; what was said came later, or never."""
    if not _arrived(event):
        return "contradicted", "nothing arrived, not even something else"
    return ("ineffective", "what was said arrived first") if _arrived(event)[0] == _sent(event) else WITNESSED


def _said_besides(event: Exchange | HandOver, firing: Firing, record: TrialRecord) -> Finding:
    """What was said arrived in a message that holds more than that."""
    if _arrived(event) == [_sent(event)]:
        return "ineffective", "what arrived is what was said"
    more = any(str(_sent(event)) in str(each) and _sent(event) != each for each in _arrived(event))
    return WITNESSED if more else ("contradicted", "what was said did not arrive with anything besides")


def _said_in_parts(event: Exchange | HandOver, firing: Firing, record: TrialRecord) -> Finding:
    """Several messages arrived that are, one after the other, what was said, as far as the agent let the user go on."""
    parts = [str(each) for each in _arrived(event)]
    if parts == [_sent(event)]:
        return "ineffective", "what arrived is what was said"
    if not parts or not _joined(str(_sent(event))).startswith(_joined(*parts)):
        return "contradicted", "what arrived are not parts of what was said"
    return WITNESSED


def _joined(*parts: str) -> str:
    return "".join("".join(parts).split())


def _said_otherwise(event: Exchange | HandOver, firing: Firing, record: TrialRecord) -> Finding:
    """Something arrived, and it is not just what was said."""
    if not _arrived(event):
        return "contradicted", "nothing arrived"
    return ("ineffective", "what arrived is what was said") if _arrived(event) == [_sent(event)] else WITNESSED


def _said_twice(event: Exchange | HandOver, firing: Firing, record: TrialRecord) -> Finding:
    """What was said arrived more than once."""
    times = _arrived(event).count(_sent(event))
    return WITNESSED if times > 1 else ("contradicted", f"it arrived {times} times")


def _arrived_late(event: Exchange | HandOver, firing: Firing, record: TrialRecord) -> Finding:
    """What was said arrived, after the delay of the receipt."""
    delay_s = firing.receipt.get("delay_s")
    if isinstance(delay_s, bool) or not isinstance(delay_s, int | float) or delay_s <= 0:
        return "ineffective", "there was no delay"
    if isinstance(event, HandOver) and event.abandoned:
        return WITNESSED if event.end_s - event.at_s > SLACK_S else ("ineffective", "the sender did not wait at all")
    if event.end_s - event.at_s < delay_s - SLACK_S:
        return "contradicted", f"it took {event.end_s - event.at_s:g} s and not {delay_s:g} s"
    return WITNESSED if _sent(event) in _arrived(event) else ("contradicted", "it did not arrive")


def _arrived(event: Exchange | HandOver) -> list[object]:
    return list(event.heard if isinstance(event, Exchange) else event.received)


def _sent(event: Exchange | HandOver) -> object:
    return event.said if isinstance(event, Exchange) else event.sent


PASSING: dict[str, Callable[[Exchange | HandOver, Firing, TrialRecord], Finding]] = {
    "kept_away": _kept_away,
    "put_off": _put_off,
    "said_besides": _said_besides,
    "said_in_parts": _said_in_parts,
    "said_otherwise": _said_otherwise,
    "said_twice": _said_twice,
    "arrived_late": _arrived_late,
    **continuity.PASSING,
}
