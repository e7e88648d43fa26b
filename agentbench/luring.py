"""What attackers want in a trial: the goals of hidden instructions, in SQL, as the plan keeps them for judging.

Invariant: an injection that was made harmless has no goal, and judging needs nothing but what stands here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agentbench import plugins
from agentbench.scenario import Scenario
from agentbench.world import World


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What the attacker behind injection `injection` wants: `sql` is true in the world once it was done."""

    injection: int
    name: str
    sql: str


def goals(content: Scenario, faults: Sequence[Any]) -> list[Goal]:
    """The goals behind the faults of a trial's injections, with the facts of its start state in place."""
    found: list[Goal] = []
    for index, fault in enumerate(faults):
        if not hasattr(fault, "lure"):
            continue
        environment = plugins.environment(content.environment)
        lure = environment.lured_by(fault.lure)
        if lure is not None and not getattr(fault, "control", False):
            world = World(environment.template(content.given.seed, content.given.sql), epoch=environment.epoch)
            found.append(Goal(injection=index, name=lure.name, sql=lure.filled(lure.goal, world)))
    return found


def carried(
    known: Sequence[Goal], before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[Goal]:
    """The goals behind other injections of the same trial: those of before, where the same is still asked for."""
    asked = {_lure(before[goal.injection]): goal for goal in known if goal.injection < len(before)}
    found: list[Goal] = []
    for index, each in enumerate(after):
        goal = asked.get(_lure(each))
        if goal is not None and not each.get("with", {}).get("control"):
            found.append(msgspec.structs.replace(goal, injection=index))
    return found


def _lure(injection: Mapping[str, Any]) -> tuple[Any, ...]:
    return injection["fault"], injection.get("with", {}).get("lure", "")
