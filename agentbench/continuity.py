"""The witnesses of faults that strike at what an agent keeps: its process, and its memory of the conversation.

Invariant: a death shows in the record's order of events, a loss of memory in what was read through the adapter on
both sides of the fault.
"""

from collections.abc import Callable
from itertools import pairwise

from agentbench.record import Call, Exchange, Firing, HandOver, Note, TrialRecord
from agentbench.scene import WITNESSED, Finding, Scene


def _restarted(scene: Scene) -> Finding:
    """The call was never answered, the agent was started again, and the world shows on which side of the effect."""
    if scene.call.told.failure != "abandoned" or not _died(scene.record, scene.call):
        return "contradicted", "the agent's process went on"
    when = scene.firing.receipt.get("when")
    if when == "before" and (scene.executions or scene.rows):
        return "contradicted", "the call was executed"
    if when == "after" and not scene.executions:
        reason = "the call was not executed"
        return ("ineffective", f"{reason}, as another fault acted on it") if scene.shared else ("contradicted", reason)
    return WITNESSED if when in ("before", "after") else ("contradicted", "the receipt does not say when")


def _died(record: TrialRecord, call: Call) -> bool:
    """Whether the agent is started again before anything else is entered after the call."""
    return any(
        isinstance(after, Note) and after.kind == "restarted"
        for event, after in pairwise(record.events)
        if event is call
    )


def _forgotten(event: Exchange | HandOver, firing: Firing, record: TrialRecord) -> Finding:
    """When the agent heard it, it remembered less than before: entries are gone, and none is new."""
    if not isinstance(event, Exchange):
        return "contradicted", "agents hand over nothing to forget"
    if event.remembered is None:
        return "ineffective", "the agent has heard nothing yet, or keeps its memory where no adapter reaches"
    if event.left is None:
        return "contradicted", "what was left of the agent's memory is not known"
    if event.left.digests == event.remembered.digests:
        return "ineffective", "the agent's memory was left as it was"
    before = iter(event.remembered.digests)
    if not all(digest in before for digest in event.left.digests):
        return "contradicted", "the agent remembers what it did not remember before"
    return WITNESSED


WITNESSES: dict[str, Callable[[Scene], Finding]] = {"restarted": _restarted}
PASSING: dict[str, Callable[[Exchange | HandOver, Firing, TrialRecord], Finding]] = {"forgotten": _forgotten}
