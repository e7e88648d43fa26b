"""Witnesses of what is done to the world beside a reply, and of replies that only others on record can prove wrong.

Invariant: whose rows there are, when they came and what other calls were told decide, never the receipt alone.
"""

from collections.abc import Callable
from typing import Any

from agentbench.record import Effect
from agentbench.scene import SLACK_S, WITNESSED, Finding, Scene, equal, unless_excused

_NOTHING = "the call committed nothing"


def _partly_committed(scene: Scene) -> Finding:
    """Of the rows that the call made some were taken back, by this injection and by nothing else, and some stand."""
    undone = {_inverse(effect) for effect in scene.foreign}
    lost = [effect for effect in scene.changes if _identity(effect) in undone]
    if not scene.changes:
        return unless_excused(scene, "the call was not executed") if not scene.executions else ("ineffective", _NOTHING)
    if not lost:
        return "ineffective", "every row that the call made stands"
    if len(lost) == len(scene.changes):
        return "contradicted", "no row that the call made stands"
    return WITNESSED


def _misapplied(scene: Scene) -> Finding:
    """What was executed has other arguments than what was asked, changed the world, and was told as if right."""
    if not scene.write or (scene.executions and all(each.arguments == scene.call.asked for each in scene.executions)):
        return "ineffective", "the call was executed as it was asked"
    strayed = [each for each in scene.executions if each.reply.ok and each.arguments != scene.call.asked]
    made = {place for each in strayed for place in each.effects}
    author = f"fault:{scene.firing.injection}"
    if not any(scene.record.ledger[place].author == author for place in made if place < len(scene.record.ledger)):
        return unless_excused(scene, "nothing was changed for other arguments than were asked")
    if scene.rows:
        return "contradicted", "what was asked was done as well"
    if not scene.call.told.ok:
        return unless_excused(scene, "the agent was not told that it worked")
    return WITNESSED


def _visible_later(scene: Scene) -> Finding:
    """The agent was told that it worked, and the call was executed only afterwards, as long as the receipt says."""
    if not scene.write:
        return "ineffective", "a read has no effect that could be late"
    if scene.executions and scene.executions[0].at_s < scene.call.end_s:
        return "ineffective", "the call was executed before it was answered"
    if not scene.call.told.ok:
        return unless_excused(scene, "the agent was not told that it worked")
    if not scene.executions:
        killed = scene.record.ending.kind == "killed"
        return ("ineffective", "the trial was killed before") if killed else ("contradicted", "it was never executed")
    late_s = scene.executions[0].end_s - scene.call.end_s
    due_s = scene.firing.receipt.get("delay_s")
    over = scene.executions[0].end_s >= scene.record.end_s - SLACK_S
    if isinstance(due_s, int | float) and late_s < due_s - SLACK_S and not over:
        return "contradicted", f"it was executed after {late_s:g} s and not after {due_s:g} s"
    return WITNESSED


def _swapped(scene: Scene) -> Finding:
    """Another call that was in flight at the same time was told what this one was answered, and the other way round."""
    if not scene.executions:
        return unless_excused(scene, "the call was not executed")
    if scene.passed_on:
        return "ineffective", "the call was told its own answer"
    own = scene.executions[-1].reply
    for other in scene.record.calls:
        struck = any(firing.injection == scene.firing.injection for firing in other.fired)
        done = [each for each in other.done if not each.replica]
        together = other.at_s <= scene.call.end_s and scene.call.at_s <= other.end_s
        if other.id == scene.call.id or not (struck and done and together):
            continue
        if equal(scene.call.told, done[-1].reply) and equal(other.told, own):
            return WITNESSED
    return unless_excused(scene, "no other call was told its answer")


def _conflicting(scene: Scene) -> Finding:
    """The true answer agrees with what another tool told before of the same record, and what was told does not."""
    if not scene.executions:
        return unless_excused(scene, "there is no execution to compare with")
    if scene.passed_on or not scene.call.told.ok:
        return "ineffective", "the reply was left as it was, or came to nothing"
    true, told = _facts(scene.executions[-1].reply.body), _facts(scene.call.told.body)
    for other in scene.record.calls:
        if other.tool == scene.call.tool or other.end_s > scene.call.end_s or not other.told.ok:
            continue
        said = _facts(other.told.body)
        if any(fact in true and said[fact] == true[fact] != told.get(fact, true[fact]) for fact in said):
            return WITNESSED
    return "contradicted", "no other tool had told anything that this reply contradicts"


def _facts(value: Any) -> dict[tuple[str, str], Any]:
    """What a reply says of records: for each object with an id, its other plain values."""
    found: dict[tuple[str, str], Any] = {}
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            plain = {name: part for name, part in value.items() if not isinstance(part, dict | list) and name != "id"}
            found |= {(value["id"], name): part for name, part in plain.items()}
        value = list(value.values())
    for part in value if isinstance(value, list) else ():
        found |= _facts(part)
    return found


def _identity(effect: Effect) -> str:
    return repr((effect.table, effect.op, sorted(effect.key.items()), effect.before, effect.after))


def _inverse(effect: Effect) -> str:
    """The identity of the effect that this one takes back."""
    op = {"insert": "delete", "delete": "insert", "update": "update"}[effect.op]
    return repr((effect.table, op, sorted(effect.key.items()), effect.after, effect.before))


WITNESSES: dict[str, Callable[[Scene], Finding]] = {
    "partly_committed": _partly_committed,
    "misapplied": _misapplied,
    "visible_later": _visible_later,
    "swapped": _swapped,
    "conflicting": _conflicting,
}
