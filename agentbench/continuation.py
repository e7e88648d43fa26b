"""Re-builds a trial call by call and lets a careful player continue from any point of it, under the same injections.

Invariant: the world is the one that the recorded calls make again through the gateway; where they do not, it is said.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from agentbench import plugins, scenario
from agentbench.abc import AgentContext, Order, Session
from agentbench.environment import Environment
from agentbench.gateway import Door
from agentbench.record import Call, TrialRecord
from agentbench.scenario import Scenario
from agentbench.stage import Opener, Stage
from agentbench.trial import Attempt

TAKEOVER = "agentbench.agents._successor:Takeover"
CALLS_MAX = 1000  # what a scenario may allow


class Continuations:
    """Continues one recorded trial, as often as is asked; `order` is the one by which it was executed.

    Runs in this process and in virtual time. `count` says how many continuations were executed.
    """

    def __init__(self, order: Order, before: TrialRecord) -> None:
        self.count = 0
        self._before = before
        self._order = order
        self._stage = _Stage(self._session)
        self._after, self._trusting = 0, False

    def after(self, calls: int, *, trusting: bool) -> TrialRecord:
        """The record of the first `calls` calls and what a careful player did then.

        Its limits count from where it takes over, so that only the state of the world decides. A `trusting` one takes
        a write that nobody can look up, and whose fate is not known, for done.
        """
        self.count += 1
        self._after, self._trusting = calls, trusting
        done = self._before.calls[:calls]
        until_s = max((call.end_s for call in done), default=0.0)
        limits: dict[str, Any] = dict(self._order.scenario.get("limits", {}))
        limits["tool_calls"] = min(CALLS_MAX, limits.get("tool_calls", 40) + calls)
        limits["time_s"] = min(86_400.0, limits.get("time_s", 900.0) + until_s)
        order = dataclasses.replace(self._order, scenario={**self._order.scenario, "limits": limits}, clock="virtual")
        return Attempt(self._stage, order, sandbox="inprocess").run()

    def close(self) -> None:
        """Close the event loop."""
        self._stage.close()

    def _session(self, door: Door, context: AgentContext) -> Session:
        made: Session = plugins.attribute(TAKEOVER)(door, context, self._before, self._after, trusting=self._trusting)
        return made

    @property
    def impossible(self) -> str:
        """Why no call of this trial can be made again by another agent, or ''."""
        for injection in self._order.trial["injections"]:
            if plugins.fault_class(injection["fault"]).site == "context":
                return f"'{injection['fault']}' strikes the agent itself, and nobody else can go on from there"
        return ""

    def rebuilt(self, record: TrialRecord, calls: int) -> str:
        """Why the first `calls` calls of a continuation are not the recorded ones, or ''."""
        pairs = zip(self._before.calls[:calls], record.calls[:calls], strict=False)
        for before, again in pairs:
            if _facts(before) != _facts(again):
                return f"made again, the call {before.id} ({before.tool}) does not come out as it did"
        if len(record.calls) < calls:
            return f"only {len(record.calls)} of {calls} calls could be made again"
        return ""


class _Stage(Stage):
    """A stage whose every agent is the session that it is given; the limits of a scenario may differ each time."""

    def __init__(self, session: Callable[[Door, AgentContext], Session]) -> None:
        super().__init__("virtual")
        self._session = session

    def scenario(self, name: str, content: Mapping[str, Any]) -> Scenario:
        """The scenario of this very order."""
        self._scenarios[name] = scenario.parse(content)
        return self._scenarios[name]

    def opener(self, ref: str, door: Door, environment: Environment) -> Opener:
        """Open the session instead of the agent."""
        return lambda context: self._session(door, context)


def _facts(call: Call) -> Any:
    """What a call did and told, without what hangs on when the clock was read."""
    done = [(each.arguments, each.reply, each.replica, len(each.effects)) for each in call.done]
    return call.tool, call.ordinal, call.asked, done, call.told, [each.fault for each in call.fired]
