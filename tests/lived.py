"""Lets reference agents live through one injection in a bundled scenario: planned, executed and judged as in a run."""

from functools import cache
from typing import Any

import msgspec

from agentbench import plan as plans
from agentbench import plugins
from agentbench.abc import Order
from agentbench.faultload import Faultload, Profile
from agentbench.judgement import Judgement
from agentbench.outcomes import judge
from agentbench.record import TrialRecord
from agentbench.scenario import parse
from agentbench.stage import Stage
from agentbench.trial import Attempt

Lived = tuple[TrialRecord, Judgement]


def planned(scenario: str, agent: str, *injections: dict[str, Any]) -> plans.Plan:
    """The plan of one agent in one scenario under these injections, and of its control."""
    load = Faultload.model_validate({"name": "this", "injections": list(injections)})
    return plans.make(
        scenarios={scenario: plugins.scenarios()[scenario]},
        agents=[plans.PlannedAgent(name=agent, ref=agent)],
        profile=Profile(name="these", faultloads=[load, Faultload.model_validate(_IDLE)]),
        trials=1,
        seed=7,
        clock="virtual",
        sandbox="inprocess",
    )


def lived(scenario: str, agent: str, *injections: dict[str, Any]) -> Lived:
    """The record and the judgement of one agent's trial."""
    plan = planned(scenario, agent, *injections)
    (trial,) = [each for each in plan.trials if each.faultload == "this"]
    content = plan.scenarios[scenario]
    order = Order(
        trial=msgspec.to_builtins(trial),
        scenario=content.content,
        agent={"name": agent, "ref": agent},
        attempt=1,
        clock="virtual",
        deadline_s=60.0,
    )
    record = Attempt(_stage(), order, sandbox="none").run()
    parsed = parse(content.content)
    template = plugins.environment(parsed.environment).template(parsed.given.seed, parsed.given.sql)
    return record, judge(record, trial, parsed, content.tools, template)


def skipped(scenario: str, *injections: dict[str, Any]) -> str:
    """Why the injections are not planned in this scenario, '' where they are."""
    return next((each.reason for each in planned(scenario, "naive", *injections).skipped), "")


# A second faultload, as a profile whose only one never strikes is refused.
_IDLE = {"name": "idle", "injections": [{"fault": "noop"}]}


@cache
def _stage() -> Stage:
    return Stage("virtual")
