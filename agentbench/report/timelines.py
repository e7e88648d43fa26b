"""Which trials get their timeline into the file, and each timeline as compact JSON-able data.

Invariant: trials that fell short come first, and the sum of what is embedded stays within the budget.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from agentbench import record
from agentbench.record import (
    Answer,
    Call,
    Claim,
    Effect,
    Event,
    Exchange,
    Execution,
    Firing,
    HandOver,
    ModelCall,
    Note,
    Reply,
    TrialRecord,
    UserTurn,
    WorldEvent,
)  # fmt: skip
from agentbench.report import tally
from agentbench.report.tally import Row
from agentbench.report.visible import visible_data

SHARE_FOR_FAILURES = 0.85  # of the budget; the rest is kept for controls and one trial of each cell
MISFITS_MAX = 25  # trials that no longer fit, before the rest is not even tried
TEXT_MAX, ITEMS_MAX, EVENTS_MAX = 4_000, 60, 600
TIMELINE_BYTES_MAX = 400_000
MARKUP_BYTES = 90  # around one timeline in the page
# Lists that the page reads item by item: cut short they would tell another story, so they are kept or not shown.
_STRUCTURE = {"events", "done", "effects", "fired", "checks", "milestones", "harms", "landings", "injections"}


def encoded(data: Any) -> str:
    """JSON that can stand in a `<script>` element: nothing in it can end the element or a line of script."""
    text = msgspec.json.encode(data).decode()
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def embed(trials: Sequence[Row], record_of: Callable[[str], TrialRecord | None], budget: int) -> dict[str, str]:
    """Trial id → timeline as JSON that is safe in a `<script>`, at most `budget` bytes of it in all."""
    found: dict[str, str] = {}
    left = _fill(found, _fell_short(trials), record_of, int(budget * SHARE_FOR_FAILURES))
    _fill(found, _samples(trials), record_of, left + budget - int(budget * SHARE_FOR_FAILURES))
    return found


def _fill(
    found: dict[str, str], wanted: Iterable[Row], record_of: Callable[[str], TrialRecord | None], left: int
) -> int:
    """Embed until the bytes are used up; returns how many are left."""
    misfits = 0
    for row in wanted:
        if row.id in found:
            continue
        if left <= 0 or misfits >= MISFITS_MAX:
            break
        one = record_of(row.id)
        if one is None:
            continue
        text = _packed(row, one)
        size = len(text.encode()) + MARKUP_BYTES if text is not None else 0
        if text is None or size > left:
            misfits += 1
            continue
        found[row.id] = text
        left -= size
    return left


def _fell_short(trials: Iterable[Row]) -> list[Row]:
    """Worst first; within one outcome each agent and faultload in turn, so that one cell cannot crowd out others."""
    taken: dict[tuple[str, str, str], int] = {}
    keyed = []
    for index, row in enumerate(trials):
        if row.reached or row.standing == "missing":
            continue
        cell = (row.standing, row.agent, row.faultload)
        taken[cell] = taken.get(cell, 0) + 1
        keyed.append((tally.WORST_FIRST.index(row.standing), taken[cell], index, row))
    return [each[3] for each in sorted(keyed, key=lambda each: each[:3])]


def _samples(trials: Iterable[Row]) -> Iterator[Row]:
    """One trial of each agent and faultload, controls first, then whatever else there is room for."""
    remaining = [row for row in trials if row.standing != "missing"]
    seen: set[tuple[str, str]] = set()
    first: list[Row] = []
    rest: list[Row] = []
    for row in sorted(remaining, key=lambda row: not row.control):
        (rest if (row.agent, row.faultload) in seen else first).append(row)
        seen.add((row.agent, row.faultload))
    yield from first
    yield from rest


def _packed(row: Row, one: TrialRecord) -> str | None:
    """The timeline with its texts as long as there is room for, or None when it is too big at any length."""
    data = timeline(row, one)
    for text_max, items_max in ((TEXT_MAX, ITEMS_MAX), (600, 20), (120, 5)):
        text = encoded(visible_data(_shortened(data, text_max, items_max)))
        if len(text) <= TIMELINE_BYTES_MAX:
            return text
    return None


def timeline(row: Row, one: TrialRecord) -> dict[str, Any]:
    """Everything that is shown of one trial: its judgement, what was planned, and its events in order."""
    landings = {each.index: each.state for each in row.judgement.landings} if row.judgement else {}
    events = [_event(event, one, landings) for event in one.events[:EVENTS_MAX]]
    if row.control:
        # The null fault of a control passes through every call; marking each of them would say that something struck.
        for event in events:
            event.pop("fired", None)
    used = {index for event in one.events for index in _effects_of(event)}
    events.extend(
        {"t": "effect", "at": effect.at_s, "effects": [_effect(effect)]}
        for index, effect in enumerate(one.ledger)
        if index not in used
    )
    events.sort(key=lambda event: float(event["at"]))
    return {
        "judgement": msgspec.to_builtins(row.judgement) if row.judgement else None,
        "injections": row.planned.injections if row.planned else [],
        "control": row.planned.control if row.planned else None,
        "seed": one.seed,
        "clock": one.clock,
        "sandbox": one.sandbox,
        "attempt": one.attempt,
        "ending": {"kind": one.ending.kind, "detail": one.ending.detail},
        "end": one.end_s,
        "cut": max(0, len(one.events) - EVENTS_MAX),
        "events": events,
    }


def _event(event: Event, one: TrialRecord, landings: Mapping[int, str]) -> dict[str, Any]:
    match event:
        case UserTurn() | Answer():
            kind = "user" if isinstance(event, UserTurn) else "answer"
            return {"t": kind, "at": event.at_s, "turn": event.turn, "text": event.text}
        case Call():
            return _call(event, one, landings)
        case WorldEvent():
            return {"t": "world", "at": event.at_s, "index": event.index, "effects": _effects(event.effects, one)}
        case ModelCall():
            return {"t": "model", "at": event.at_s, "end": event.end_s, "model": event.model,
                    "in": event.input_tokens, "out": event.output_tokens, "error": event.error}  # fmt: skip
        case Claim():
            return {"t": "claim", "at": event.at_s, "status": event.status, "summary": event.summary,
                    "missing": event.missing}  # fmt: skip
        case Note():
            return {"t": "note", "at": event.at_s, "kind": event.kind, "detail": event.detail}
        case Exchange():
            return {"t": "exchange", "at": event.at_s, "end": event.end_s, "number": event.number, "said": event.said,
                    "heard": event.heard, "memory": _memory(event), "fired": _fired(event.fired, landings)}  # fmt: skip
        case HandOver():
            return {"t": "handover", "at": event.at_s, "end": event.end_s, "channel": event.channel,
                    "number": event.number, "sent": event.sent, "received": event.received,
                    "abandoned": event.abandoned, "fired": _fired(event.fired, landings)}  # fmt: skip


def _memory(exchange: Exchange) -> list[dict[str, Any]]:
    """What the agent remembered before the faults, and which of it was left; empty where nothing was lost."""
    before, left = exchange.remembered, exchange.left
    if before is None or left is None or before.digests == left.digests:
        return []
    rest = list(left.digests)
    found = []
    for entry, digest in zip(before.entries, before.digests, strict=True):
        kept = digest in rest
        if kept:
            rest.remove(digest)
        found.append({"role": entry.role, "text": entry.text or ", ".join(entry.calls), "left": kept})
    return found


def _call(call: Call, one: TrialRecord, landings: Mapping[int, str]) -> dict[str, Any]:
    answers = {record.reply_digest(each.reply) for each in call.done}
    return {
        "t": "call",
        "id": call.id,
        "at": call.at_s,
        "end": call.end_s,
        "tool": call.tool,
        "ordinal": call.ordinal,
        "asked": call.asked,
        "done": [_execution(each, call, one) for each in call.done],
        "told": _reply(call.told),
        # Said as a fact about two replies, not as a verdict: the environment answered one thing, the agent got another.
        "differs": bool(answers) and record.reply_digest(call.told) not in answers,
        "fired": _fired(call.fired, landings),
    }


def _fired(fired: Iterable[Firing], landings: Mapping[int, str]) -> list[dict[str, Any]]:
    return [
        {"fault": each.fault, "injection": each.injection, "at": each.at_s, "receipt": each.receipt,
         "state": landings.get(each.injection, "")}
        for each in fired
    ]  # fmt: skip


def _execution(execution: Execution, call: Call, one: TrialRecord) -> dict[str, Any]:
    same = record.reply_digest(execution.reply) == record.reply_digest(call.told)
    return {
        "at": execution.at_s,
        "end": execution.end_s,
        "arguments": None if execution.arguments == call.asked else execution.arguments,
        # A reply that was passed on unchanged is shown once, as what the agent was told.
        "reply": None if same else _reply(execution.reply),
        "status": execution.reply.failure or execution.reply.status,
        "effects": _effects(execution.effects, one),
        "replica": execution.replica,
    }


def _reply(reply: Reply) -> dict[str, Any]:
    return {"ok": reply.ok, "status": reply.status, "failure": reply.failure, "body": reply.body,
            "headers": reply.headers}  # fmt: skip


def _effects_of(event: Event) -> list[int]:
    if isinstance(event, Call):
        return [index for each in event.done for index in each.effects]
    return event.effects if isinstance(event, WorldEvent) else []


def _effects(indices: Iterable[int], one: TrialRecord) -> list[dict[str, Any]]:
    return [_effect(one.ledger[index]) for index in indices if 0 <= index < len(one.ledger)]


def _effect(effect: Effect) -> dict[str, Any]:
    return {"op": effect.op, "table": effect.table, "key": effect.key, "author": effect.author,
            "before": effect.before, "after": effect.after}  # fmt: skip


def _shortened(value: Any, text_max: int, items_max: int, *, whole: bool = False) -> Any:
    """The data with long texts, and long lists unless `whole`, cut, and the cut said in place."""
    match value:
        case str() if len(value) > text_max:
            return f"{value[:text_max]} … ({len(value) - text_max} more characters)"
        case dict():
            names = list(value)
            kept = {
                _shortened(str(name), text_max, items_max): _shortened(
                    value[name], text_max, items_max, whole=name in _STRUCTURE
                )
                for name in names[:items_max]
            }
            return kept | ({"…": f"{len(names) - items_max} more"} if len(names) > items_max else {})
        case list():
            shown = value if whole else value[:items_max]
            rest = [f"… ({len(value) - items_max} more)"] if len(shown) < len(value) else []
            return [_shortened(item, text_max, items_max) for item in shown] + rest
        case _:
            return value
