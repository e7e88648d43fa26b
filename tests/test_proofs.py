"""Deliberately broken injectors of every kind are found out: none of them counts as landed.

docs/proofs.md is about this file.
"""

from collections.abc import Callable
from typing import Any

import pytest

from agentbench import injector, plugins
from agentbench.judgement import Judgement
from agentbench.schedule import Schedule
from tests.lived import lived

SCENARIO = "bank.rent_and_receipt"
# One fault for each kind of witness of a call, struck where it has something to act on.
KINDS: dict[str, dict[str, Any]] = {
    "not_executed": {"fault": "outage", "at": {"tool": "transfer"}},
    "committed_unanswered": {"fault": "lost_reply", "at": {"tool": "transfer"}},
    "delayed": {"fault": "latency", "with": {"delay_s": 20}, "at": {"tool": "transfer"}},
    "executed_twice": {"fault": "duplicate_delivery", "at": {"tool": "transfer"}},
    "reply_changed": {"fault": "truncate", "at": {"tool": "list_payees"}},
    "effect_missing": {"fault": "silent_noop", "at": {"tool": "transfer"}},
    "partly_committed": {"fault": "partial_effect", "at": {"tool": "transfer"}},
    "misapplied": {"fault": "wrong_row", "at": {"tool": "transfer"}},
    "visible_later": {"fault": "delayed_effect", "at": {"tool": "transfer"}},
    "changed_before": {
        "fault": "world_change",
        "with": {"sql": "UPDATE payee SET status = 'blocked' WHERE name = 'Kim Lee'"},
        "at": {"tool": "transfer"},
    },
    "planted": {"fault": "hidden_instruction", "scenario": "bank.three_invoices"},
    "changed_later": {"fault": "job_fails", "at": {"tool": "transfer"}},
    "restarted": {"fault": "crash", "at": {"tool": "transfer"}},
}
# Whoever adds a kind of witness for calls says here what proves it, or in which test it is proven.
ELSEWHERE = {
    "unchanged": "the null object of a control; test_witness",
    "swapped": "needs two calls in flight at once; test_aftermath and tests/faults/test_swapped_replies",
    "conflicting": "needs a second source that was read before; test_aftermath",
}


def play(injection: dict[str, Any]) -> Judgement:
    """One trial of the oracle under the injection."""
    given = dict(injection)
    _, judged = lived(given.pop("scenario", SCENARIO), "oracle", given)
    return judged


def proven(judged: Judgement) -> bool:
    """Whether it is a valid trial whose injection landed: what all measures are computed over."""
    return judged.valid and judged.landed


async def swallows(self: Any, call: Any, proceed: Any, ctx: Any) -> Any:
    """Raises inside, swallows it, and lets the call pass, with a receipt as if it had worked."""
    try:
        raise RuntimeError("a defect")
    except RuntimeError:
        ctx.receipt["delay_s"] = 20.0
        return await proceed(call)


async def raises(self: Any, call: Any, proceed: Any, ctx: Any) -> Any:
    """Raises, and is not caught by itself."""
    raise RuntimeError("a defect")


def elsewhere(schedule: Schedule, occasion: Any, sight: Any) -> bool:
    """Strikes at the first call of all if that is not what was planned."""
    return bool(occasion.channel == "call" and sight.made() == 0 and not schedule.injection.at.matches(occasion.spec))


def again_and_again(schedule: Schedule, occasion: Any, sight: Any) -> bool:
    """Strikes at every call, and not at the one that was meant alone."""
    return occasion.channel == "call"


def never(schedule: Schedule, occasion: Any, sight: Any) -> bool:
    """Keeps silent where it was due."""
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_sound_injectors_count(kind):
    """The same injections with the faults as they are: witnessed, in a valid trial."""
    assert plugins.fault_class(KINDS[kind]["fault"]).witness == kind
    judged = play(KINDS[kind])
    assert proven(judged), judged


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("inject", [swallows, raises], ids=lambda each: each.__name__)
def test_fault_that_fails_inside_does_not_count(kind, inject, monkeypatch):
    """Whether it swallows its own exception or not, the trial is invalid or the injection ineffective."""
    monkeypatch.setattr(plugins.fault_class(KINDS[kind]["fault"]), "inject", inject)
    judged = play(KINDS[kind])
    assert not proven(judged)
    assert not judged.valid or [each.state for each in judged.landings] == ["ineffective"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strikes", [elsewhere, again_and_again, never], ids=lambda each: each.__name__)
def test_fault_at_the_wrong_place_does_not_count(kind, strikes: Callable[..., bool], monkeypatch):
    """On another call than it was due at, on more of them, or on none: the trial is invalid."""
    # The gateway's schedule is broken; the timetable by which it is judged is not.
    monkeypatch.setattr(injector, "Schedule", type("Broken", (Schedule,), {"strikes": strikes}))
    judged = play(KINDS[kind])
    assert not proven(judged)
    assert "due at this call" in judged.invalid_reason


def test_every_kind_of_witness_has_its_broken_injectors():
    """A new kind of witness of calls comes with its proof."""
    called = [name for name in plugins.names("faults") if plugins.channel_of(plugins.fault_class(name)) == "call"]
    assert {plugins.fault_class(name).witness for name in called} == set(KINDS) | set(ELSEWHERE)
