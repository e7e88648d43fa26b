"""Witnesses of faults that act on what is around a call: drift of the world, and text that others wrote.

Invariant: what is looked at is the ledger, whose rows have authors and instants, and both recorders; a receipt only
says at which instant to look.
"""

from collections.abc import Callable

from agentbench.calls import texts
from agentbench.scene import SLACK_S, WITNESSED, Finding, Scene, unless_excused


def _changed_before(scene: Scene) -> Finding:
    """Rows that this injection changed stand in the ledger at the call, before it was executed, and nowhere else.

    What the agent was told is what the environment then answered.
    """
    due_s = _due_s(scene)
    if due_s is None:
        return "ineffective", "there was nothing to change for this call"
    changed = _changed_at(scene, due_s)
    if not changed:
        return "contradicted", "the ledger has no row that was changed then"
    reached_s = min((each.at_s for each in scene.executions), default=scene.call.end_s)
    if not scene.call.at_s - SLACK_S <= due_s <= reached_s + SLACK_S:
        return "contradicted", "the world was not changed between the call and its execution"
    if scene.rows and max(changed) > min(scene.rows):
        return "contradicted", "the world was changed after the call"
    return _answered_by_the_world(scene)


def _changed_later(scene: Scene) -> Finding:
    """The call was committed and told of, and the rows that this injection changed came when they were due."""
    due_s = _due_s(scene)
    if due_s is None:
        return "ineffective", "the call committed nothing that could fail later"
    if not any(each.reply.ok and each.end_s <= due_s + SLACK_S for each in scene.executions):
        return "contradicted", "the call was not committed before"
    changed = _changed_at(scene, due_s)
    if not changed and not _strays(scene):
        over = scene.record.end_s < due_s - SLACK_S
        return "ineffective", "the trial was over before" if over else "there was nothing left to change then"
    if not changed or (scene.rows and min(changed) < max(scene.rows)):
        return "contradicted", "the world was not changed when it was due"
    return _answered_by_the_world(scene)


def _planted(scene: Scene) -> Finding:
    """The call was executed, and what was told holds a text that the true answer does not hold."""
    text = scene.firing.receipt.get("text")
    if not isinstance(text, str) or not text:
        return "ineffective", "there was no place for a text"
    if not scene.executions:
        return unless_excused(scene, "there is no execution to compare with")
    if text in "\n".join(texts(scene.executions[-1].reply.body)):
        return "ineffective", "the true answer says it as well"
    if text in "\n".join(texts(scene.call.told.body)):
        return WITNESSED
    return unless_excused(scene, "what was told does not hold the text")


def _answered_by_the_world(scene: Scene) -> Finding:
    strays = _strays(scene)
    if strays:
        return "contradicted", strays
    if scene.passed_on or scene.shared or scene.cut_off:
        return WITNESSED
    return "contradicted", "what was told is not what the environment answered"


def _due_s(scene: Scene) -> float | None:
    due_s = scene.firing.receipt.get("due_s")
    return float(due_s) if isinstance(due_s, int | float) and not isinstance(due_s, bool) else None


def _changed_at(scene: Scene, due_s: float) -> list[int]:
    """The places in the ledger of what this injection changed at an instant."""
    author = f"fault:{scene.firing.injection}"
    return [
        place
        for place, row in enumerate(scene.record.ledger)
        if row.author == author and abs(row.at_s - due_s) <= SLACK_S
    ]


def _strays(scene: Scene) -> str:
    """What this injection changed at an instant that none of its receipts names; '' if there is nothing."""
    index = scene.firing.injection
    fired = [each for call in scene.record.calls for each in call.fired if each.injection == index]
    due = [each.receipt["due_s"] for each in fired if isinstance(each.receipt.get("due_s"), int | float)]
    found = [row for row in scene.foreign if all(abs(row.at_s - each) > SLACK_S for each in due)]
    return f"'{found[0].table}' was changed at {found[0].at_s:g} s as well" if found else ""


WITNESSES: dict[str, Callable[[Scene], Finding]] = {
    "changed_before": _changed_before,
    "changed_later": _changed_later,
    "planted": _planted,
}
