"""Which faults are put around a call, in what order, and what of it is kept."""

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from agentbench.calls import ToolCall, ToolResult, ToolSpec
from agentbench.errors import TestbedError
from agentbench.faultload import Injection
from agentbench.injector import Injector, Strike
from agentbench.record import Firing

SPEC = ToolSpec(name="pay", description="", parameters={}, effect="write")


class World:
    """A world that is asked one thing."""

    version = 0

    def ask(self, sql: str) -> Any:
        """Whether the question is the one."""
        return sql == "SELECT true"


class Clock:
    """Time that stands still."""

    def now_s(self) -> float:
        """The instant."""
        return 3.0

    async def sleep(self, seconds: float) -> None:
        """Return at once."""


@dataclass(frozen=True)
class Mark:
    """Writes its name around the answer."""

    name: str
    site: ClassVar = "tool"
    witness: ClassVar = "reply_changed"

    async def inject(self, call: Any, proceed: Any, ctx: Any) -> ToolResult:
        """Ask, and add the name."""
        ctx.receipt["name"] = self.name
        if self.name == "broken":
            raise KeyError("name")
        return ToolResult(body=f"{self.name}({(await proceed(call)).body})")


def injector(*injections: dict[str, Any]) -> Injector:
    """One with these injections, each with a fault that writes the injection's `fault`."""
    made = [Injection.model_validate(each) for each in injections]
    strikes = [Strike(index, each, ("key",), Mark(each.fault)) for index, each in enumerate(made)]
    enactor = SimpleNamespace(settle=lambda: None, replica=lambda *_: None, deeds=lambda *_: None)
    return Injector(strikes, world=World(), clock=Clock(), enactor=enactor)


def answers(made: Injector, count: int = 1) -> tuple[list[str], list[Firing]]:
    """What that many calls are answered, and all firings."""
    fired: list[Firing] = []

    async def pay(call: ToolCall) -> ToolResult:
        made.succeeded("pay")
        return ToolResult(body="paid")

    async def calls() -> list[str]:
        found = []
        for number in range(count):
            call = ToolCall(id=f"c{number}", tool="pay", arguments={}, key=f"k{number}")
            found.append((await made.around_call(call, SPEC, pay, [], fired)(call)).body)
        return found

    return asyncio.run(calls()), fired


def test_faults_on_one_call_stand_in_the_order_of_the_file():
    """The first injection is outermost, and each leaves its receipt under its own number."""
    said, fired = answers(injector({"fault": "one"}, {"fault": "two", "at": {"call": 2}}, {"fault": "three"}))
    assert said == ["one(three(paid))"]
    receipts = sorted((each.injection, each.fault, each.receipt["name"]) for each in fired)
    assert receipts == [(0, "one", "one"), (2, "three", "three")]


def test_fault_that_raises_is_the_testbeds_failure_and_leaves_a_firing():
    """What a fault raises never looks like an answer of the tool."""
    fired: list[Firing] = []
    made = injector({"fault": "broken"})
    call = ToolCall(id="c1", tool="pay", arguments={}, key="k")

    async def run() -> None:
        await made.around_call(call, SPEC, None, [], fired)(call)

    with pytest.raises(TestbedError, match="the fault 'broken' failed: KeyError"):
        asyncio.run(run())
    assert [each.fault for each in fired] == ["broken"]


def test_cascade_goes_on_at_the_next_call():
    """What is armed by a fault strikes after it, not on the same call."""
    first, second = {"fault": "one", "id": "first", "at": {"call": 2}}, {"fault": "two", "at": {"armed_by": "first"}}
    for order in ((first, second), (second, first)):
        assert answers(injector(*order), 4)[0] == ["paid", "one(paid)", "two(paid)", "paid"]


def test_conditions_see_successes_calls_and_the_world():
    """`after`, `quiet` and `when` are decided by what has happened in the trial."""
    assert answers(injector({"fault": "one", "at": {"after": {"tool": "pay", "call": 2}}}), 4)[0][2] == "one(paid)"
    quiet = {"fault": "one", "lasts": "permanent", "quiet": {"calls": 2}}
    assert answers(injector(quiet), 4)[0] == ["one(paid)", "one(paid)", "paid", "paid"]
    assert answers(injector({"fault": "one", "at": {"when": "SELECT true"}}))[0] == ["one(paid)"]
    assert answers(injector({"fault": "one", "at": {"when": "SELECT false"}}))[0] == ["paid"]
