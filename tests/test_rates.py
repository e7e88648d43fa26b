"""Known answers of the injector: how often a probability lands, and that a larger one only adds to what is hit."""

import asyncio
from functools import cache
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from agentbench import plugins, stats
from agentbench.faultload import Injection
from agentbench.gateway import Gateway
from agentbench.injector import Strike
from agentbench.record import Call
from agentbench.world import World
from tests.faults.test_landings import ENVIRONMENT, TEMPLATE, Clock

CALLS = 5000
RATES = (0.05, 0.1, 0.2, 0.5)

# The weights of ReliabilityBench's appendix B: the failure rate per call, and the share of each kind.
PUBLISHED = {
    "lambda-10": (0.075, {"timeout": 0.4, "latency": 0.3, "empty_reply": 0.3}),
    "lambda-20": (
        0.175,
        {"timeout": 0.25, "rate_limit": 0.25, "truncate": 0.20, "schema_drift": 0.15, "stale": 0.15},
    ),
    "lambda-30": (
        0.275,
        {"timeout": 0.15, "reset": 0.15, "rate_limit": 0.15, "truncate": 0.15, "schema_drift": 0.20, "cascade": 0.20},
    ),
}


def played(injections: list[dict[str, Any]]) -> tuple[list[Strike], list[Call]]:
    """What becomes of 5,000 different calls through a gateway with these injections."""
    strikes = [Strike(index, Injection.model_validate(each), ("seed",)) for index, each in enumerate(injections)]
    world = World(TEMPLATE, epoch=ENVIRONMENT.epoch, seed="rates")
    gateway = Gateway(
        environment=ENVIRONMENT,
        world=world,
        template=TEMPLATE,
        clock=Clock(),
        strikes=strikes,
        limits={"tool_calls": CALLS + 1, "tokens": 10},
        journal=SimpleNamespace(event=lambda _: None, effects=lambda _: None),
        stop=lambda _limit: None,
        called=lambda _tool, _count: None,
    )

    async def play() -> None:
        for number in range(CALLS):
            await gateway.call("list_orders", {"buyer": f"buyer {number}"})

    asyncio.run(play())
    return strikes, [event for event in gateway.events if isinstance(event, Call)]


@cache
def hit(rate: float) -> frozenset[str]:
    """The buyers whose calls a fault of this probability strikes."""
    _, calls = played([{"fault": "noop", "at": {"probability": rate}}])
    return frozenset(call.asked["buyer"] for call in calls if call.fired)


@pytest.mark.parametrize("rate", RATES)
def test_probability_lands_as_often_as_it_says(rate: float) -> None:
    """Of 5,000 calls through the gateway a share is struck whose exact 99.9 % interval holds the probability."""
    low, high = stats.clopper_pearson(len(hit(rate)), CALLS, 0.999)
    assert low <= rate <= high


def test_larger_probability_strikes_the_same_calls_and_more() -> None:
    """The sets of struck calls are nested, without an exception."""
    sets = [hit(rate) for rate in RATES]
    assert all(smaller < larger for smaller, larger in pairwise(sets))


def published_name(injection: Injection) -> str:
    """How the table above calls an injection of the profile."""
    return str(injection.id or injection.with_.get("as", "") if injection.fault == "outage" else injection.fault)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_weights_land_with_their_shares(name: str) -> None:
    """Each kind of a ReliabilityBench faultload strikes with its share of the failure rate, within 99.9 %."""
    load = next(each for each in plugins.profile("reliabilitybench").faultloads if each.name == name)
    made = [each.model_dump(by_alias=True, exclude_defaults=True) for each in load.scheduled()]
    rate, shares = PUBLISHED[name]
    strikes, _ = played(made)
    counted = {published_name(each): strike for each, strike in zip(load.scheduled(), strikes, strict=True)}
    assert set(shares) <= set(counted)
    assert sum(shares.values()) == pytest.approx(1)
    for kind, share in shares.items():
        low, high = stats.clopper_pearson(counted[kind].schedule.strikes_made, CALLS, 0.999)
        assert low <= rate * share <= high, kind


def test_a_failure_that_cascades_takes_the_next_two_calls_with_it() -> None:
    """In the heavy profile two refused calls follow the first one that the cascade begins with."""
    load = next(each for each in plugins.profile("reliabilitybench").faultloads if each.name == "lambda-30")
    begins, follows = (
        index for index, each in enumerate(load.injections) if each.id == "cascade" or each.at.armed_by == "cascade"
    )
    made = [load.injections[index].model_dump(by_alias=True, exclude_defaults=True) for index in (begins, follows)]
    _, calls = played(made)
    first = next(place for place, call in enumerate(calls) if call.fired)
    assert [call.told.failure for call in calls[first : first + 4]][1:3] == ["refused", "refused"]
    assert sum(call.told.failure == "refused" for call in calls) == 2
