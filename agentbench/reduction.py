"""What may be simpler about a faulted trial: its weather as single hits, and the parameters of each fault.

Invariant: only what fired in a record is read, whatever trigger let it fire; nothing here executes a trial.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import pydantic

from agentbench import plugins
from agentbench.errors import UsageError
from agentbench.faultload import Faultload, Injection
from agentbench.record import Call, TrialRecord
from agentbench.shrink import ddmin, nearest

Data: TypeAlias = dict[str, Any]  # an injection as the plan keeps it
Question: TypeAlias = Callable[[Data], bool]


def struck(record: TrialRecord, injections: list[Data]) -> list[list[Data]]:
    """For each injection, one for every call that it struck, each at the n-th call of that tool and transient.

    An injection that fired on anything else than tool calls, or not at all, stays whole.
    """
    elsewhere = {
        firing.injection
        for event in record.events
        if not isinstance(event, Call)
        for firing in getattr(event, "fired", ())
    }
    groups: list[list[Data]] = [[] for _ in injections]
    for call in sorted(record.calls, key=lambda each: (each.at_s, each.ordinal)):
        for firing in call.fired:
            if 0 <= firing.injection < len(injections) and firing.injection not in elsewhere:
                groups[firing.injection].append(_hit(injections[firing.injection], call))
    return [group or [dict(whole)] for group, whole in zip(groups, injections, strict=True)]


def _hit(injection: Data, call: Call) -> Data:
    kept: Data = {name: injection[name] for name in ("fault", "with") if name in injection}
    return {**kept, "at": {"tool": call.tool, "call": call.ordinal}}


def valid(injection: Data) -> bool:
    """Whether an injection, with its fault's parameters, could be written into a faultload."""
    try:
        made = Injection.model_validate(injection)
        plugins.fault(made.fault, made.with_)
    except (UsageError, pydantic.ValidationError):
        return False
    return True


def together(injections: Sequence[Data]) -> bool:
    """Whether injections could be written into one faultload: what one of them refers to is still there."""
    try:
        Faultload.model_validate({"injections": list(injections)})
    except pydantic.ValidationError:
        return False
    return True


def simplified(injection: Data, fails: Question) -> Data:
    """The injection with as few and as small parameters, and as short, as it fails with.

    Tried are: how long it lasts, its conditions one by one, then each parameter: left out, a number half-way to its
    default (or to 0), a list without some of its items. `fails` is asked only about what is valid.
    """

    def ask(changed: Data) -> bool:
        return valid(changed) and fails(changed)

    injection = _unconditional(_shortened(injection, ask), ask)
    for name in list(injection.get("with", {})):
        injection = _parameter(injection, name, ask)
    return injection


def _shortened(injection: Data, ask: Question) -> Data:
    lasts = injection.get("lasts", "transient")
    if lasts == "transient":
        return injection
    brief = {name: value for name, value in injection.items() if name != "lasts"}
    if ask(brief):
        return brief
    for unit, least in (("calls", 1), ("seconds", 0.0)):
        if isinstance(lasts, Mapping) and isinstance(lasts.get(unit), int | float):

            def lasting(value: float, unit: str = unit) -> Data:
                return {**brief, "lasts": {unit: value}}

            return lasting(nearest(lasts[unit], least, lambda value: ask(lasting(value))))
    return injection


def _unconditional(injection: Data, ask: Question) -> Data:
    for name in ("quiet", "max", "cooldown_s", "id"):
        bare = {key: value for key, value in injection.items() if key != name}
        injection = bare if name in injection and ask(bare) else injection
    for name in ("window", "after", "when", "armed_by", "effect", "idempotent"):
        at = injection.get("at", {})
        bare = {**injection, "at": {key: value for key, value in at.items() if key != name}}
        injection = bare if name in at and ask(bare) else injection
    return injection


def _parameter(injection: Data, name: str, ask: Question) -> Data:
    given: Data = injection["with"]
    value = given[name]

    def changed(other: Any) -> Data:
        return {**injection, "with": {**given, name: other}}

    without = _without(injection, name)
    if ask(without):
        return without
    if isinstance(value, list):
        return changed(ddmin(value, lambda some: ask(changed(some))))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return changed(nearest(value, _default(injection["fault"], name), lambda number: ask(changed(number))))
    return injection


def _without(injection: Data, name: str) -> Data:
    rest = {key: value for key, value in injection["with"].items() if key != name}
    bare = {key: value for key, value in injection.items() if key != "with"}
    return {**bare, "with": rest} if rest else bare


def _default(fault: str, name: str) -> float:
    """The number that a parameter is when nobody gives it; 0 where that is no number."""
    for field in dataclasses.fields(plugins.fault_class(fault)):  # type: ignore[arg-type]
        default = field.default
        if field.name.rstrip("_") == name and isinstance(default, int | float) and not isinstance(default, bool):
            return default
    return 0
