"""One trial as lines of text: what was asked, what was done to the world, what was told, and what struck.

Invariant: pure; whoever prints the lines makes hostile text harmless.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from agentbench.record import (
    Answer,
    Call,
    Claim,
    Event,
    Exchange,
    Firing,
    HandOver,
    ModelCall,
    Note,
    Reply,
    TrialRecord,
    UserTurn,
    WorldEvent,
)

TEXT_MAX = 300
_INDENT = " " * 13


def event_lines(event: Event, record: TrialRecord, text_max: int = TEXT_MAX) -> Iterator[str]:
    """The lines of one event; JSON values are cut at `text_max` characters."""
    at = f"{event.at_s:>9.2f} s  "
    match event:
        case UserTurn():
            yield f"{at}user     {event.text}"
        case Answer():
            yield f"{at}answer   {event.text}"
        case Claim():
            yield f"{at}claim    {event.status}: {event.summary} missing={event.missing}"
        case ModelCall():
            tokens = f"{event.input_tokens}+{event.output_tokens} tokens"
            yield f"{at}model    {event.model} {tokens} {event.error or ''}".rstrip()
        case Note():
            yield f"{at}note     {event.kind}: {event.detail}".removesuffix(": ")
        case WorldEvent():
            yield f"{at}world    change {event.index}"
            yield from _effects(event.effects, record, text_max)
        case Exchange():
            yield f"{at}said     {event.said}"
            yield from _fired(event.fired, text_max)
            before, left = event.remembered, event.left
            if before is not None and left is not None and before != left:
                yield f"{_INDENT}memory   {len(before.entries)} entries before, {len(left.entries)} left"
            yield f"{_INDENT}heard    {' | '.join(event.heard) or '(nothing)'}"
        case HandOver():
            yield f"{at}sent     {event.channel} {_short(event.sent, text_max)}"
            yield from _fired(event.fired, text_max)
            gave_up = ", and the sender gave up" if event.abandoned else ""
            yield f"{_INDENT}arrived  {_short(event.received, text_max)}{gave_up}"
        case Call():
            yield f"{at}call     {event.id} {event.tool} {_short(event.asked, text_max)}"
            yield from _call(event, record, text_max)


def _call(call: Call, record: TrialRecord, text_max: int) -> Iterator[str]:
    yield from _fired(call.fired, text_max)
    by_faults = {f"fault:{each.injection}" for each in call.fired}
    own = {index for done in call.done for index in done.effects}
    yield from _effects(
        [
            index
            for index, effect in enumerate(record.ledger)
            if effect.author in by_faults and index not in own and call.at_s <= effect.at_s <= call.end_s
        ],
        record,
        text_max,
    )
    for done in call.done:
        where = "(on a copy) " if done.replica else ""
        other = "" if done.arguments == call.asked else f"with {_short(done.arguments, text_max)}: "
        yield f"{_INDENT}done     {where}{other}{_reply(done.reply, text_max)}"
        yield from _effects(done.effects, record, text_max)
    yield f"{_INDENT}told     {_reply(call.told, text_max)}"


def _fired(fired: list[Firing], text_max: int) -> Iterator[str]:
    for each in fired:
        yield f"{_INDENT}fault    {each.fault} {_short(each.receipt, text_max)}"


def _effects(indices: list[int], record: TrialRecord, text_max: int) -> Iterator[str]:
    for index in indices:
        effect = record.ledger[index]
        author = f"by {effect.author} " if effect.author.startswith("fault:") else ""
        changed = effect.after or effect.before
        yield (
            f"{_INDENT}ledger   {author}{effect.op} {effect.table} {_short(effect.key, text_max)} "
            f"{_short(changed, text_max)}"
        )


def _reply(reply: Reply, text_max: int) -> str:
    return reply.failure or f"{reply.status} {_short(reply.body, text_max)}"


def _short(value: Any, text_max: int) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= text_max else text[:text_max] + "…"
