"""What a worker keeps between trials: environments, templates, doors, connected agents, one event loop.

Invariant: nothing here belongs to a trial; what it makes once is the same for all of them.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from agentbench import clock, collector, goals, plugins, scenario
from agentbench.abc import AgentContext, AnyFault, Session
from agentbench.calls import Variation
from agentbench.environment import Environment
from agentbench.errors import UsageError
from agentbench.faultload import Injection
from agentbench.gateway import Door
from agentbench.record import plain
from agentbench.scenario import Scenario
from agentbench.world import Copies

DETAIL_MAX = 500
Opener = Callable[[AgentContext], Session]
Made = tuple[Injection, AnyFault, dict[str, bool]]


class Stage:
    """What a worker keeps between trials: environments, templates, doors, opened agents, one event loop."""

    def __init__(self, mode: clock.Mode) -> None:
        self.mode = mode
        self.loop = clock.new_loop(mode)
        self.collector = collector.installed()
        self._environments: dict[str, Environment] = {}
        self._injections: dict[tuple[str, bytes], list[Made]] = {}
        self._variations: dict[tuple[str, int], dict[str, Variation]] = {}
        self._doors: dict[str, Door] = {}
        self._templates: dict[str, bytes] = {}
        self._copies: dict[str, Copies] = {}
        self._scenarios: dict[str, Scenario] = {}
        self._openers: dict[tuple[str, str], Opener] = {}

    def scenario(self, name: str, content: Mapping[str, Any]) -> Scenario:
        """The scenario of an order, parsed once."""
        if name not in self._scenarios:
            self._scenarios[name] = scenario.parse(content)
        return self._scenarios[name]

    def environment(self, name: str) -> Environment:
        """An environment, found once."""
        if name not in self._environments:
            self._environments[name] = plugins.environment(name)
        return self._environments[name]

    def injections(self, data: Sequence[Mapping[str, Any]], environment: str) -> list[Made]:
        """The injections of a trial with their faults, and what is known of the tools that they look at; made once."""
        key = environment, msgspec.json.encode(data)
        if key not in self._injections:
            made = [Injection.model_validate(each) for each in data]
            self._injections[key] = [(each, plugins.fault(each.fault, each.with_), {}) for each in made]
        return self._injections[key]

    def variations(self, name: str, content: Scenario, turn: int) -> dict[str, Variation]:
        """What the user may say instead of a line of a scenario, worked out once."""
        if (name, turn) not in self._variations:
            self._variations[name, turn] = goals.variations(content, turn)
        return self._variations[name, turn]

    def template(self, name: str, content: Scenario, environment: Environment) -> bytes:
        """The bytes of the scenario's start state, made once."""
        if name not in self._templates:
            self._templates[name] = environment.template(content.given.seed, content.given.sql)
        return self._templates[name]

    def copies(self, name: str, template: bytes) -> Copies:
        """The copies of a scenario's start state."""
        return self._copies.setdefault(name, Copies(template))

    def door(self, environment: Environment) -> Door:
        """The tools of an environment, as this stage's agents hold them."""
        return self._doors.setdefault(environment.name, Door(environment))

    def opener(self, ref: str, door: Door, environment: Environment) -> Opener:
        """The agent, connected once to these tools; raises `UsageError` when it cannot be loaded or connected."""
        key = (ref, environment.name)
        if key not in self._openers:
            target = plugins.agent(ref)
            _, adapter = plugins.adapter_for(target, ref)
            asyncio.set_event_loop(self.loop)
            try:
                self._openers[key] = adapter.connect(target, door)
            except (UsageError, KeyboardInterrupt):
                raise
            except BaseException as error:
                raise UsageError(f"the agent cannot be made ready: {described(error)}", where=ref) from error
        return self._openers[key]

    def close(self) -> None:
        """Close the loop without waiting for threads that an agent left behind."""
        self.loop.close()


def described(error: BaseException) -> str:
    """Type and message of an exception, however hostile its `__str__` is."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - an agent's exception may raise anything when it is shown
        text = "(its message cannot be shown)"
    name = type(error).__name__
    cleaned = str(plain(text[: 10 * DETAIL_MAX]))
    return f"{name}: {cleaned}"[:DETAIL_MAX] if cleaned else name
