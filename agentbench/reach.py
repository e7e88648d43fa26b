"""Whether an injection can strike at all in a scenario, told from the reference solution before anything runs.

Invariant: what is called unreachable cannot strike an agent that solves the scenario as the reference does; whatever
depends on the agent's pace is taken to be reachable.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import apsw

from agentbench import plugins
from agentbench.calls import ToolSpec
from agentbench.faultload import Injection
from agentbench.scenario import Scenario
from agentbench.world import World


def unreachable(content: Scenario, injection: Injection, tools: Mapping[str, ToolSpec]) -> str:
    """Why it never strikes, with what could, or '' when it may."""
    fault = plugins.fault_class(injection.fault)
    strikes = plugins.channel_of(fault)
    window = injection.at.window
    if window is not None and window.from_s is not None and window.from_s >= content.limits.time_s:
        return f"its window begins when the trial is over; the limit is {content.limits.time_s:g} s"
    if strikes == "turn":
        lines = len(content.users)
        if _needed(injection) > lines:
            return f"the user speaks {_times(lines)}; write 'turn: {lines}' or less"
        return ""
    return _calls_short(content, injection, tools) if strikes == "call" else ""


def unaskable(injection: Injection, world: World) -> tuple[str, bool]:
    """What is wrong with the injection's predicates in this world ('' if nothing), and whether one tries to write."""
    until = getattr(injection.lasts, "until", None)
    for sql in (injection.at.when, until.sql if until else None):
        if sql is None:
            continue
        try:
            world.ask(sql)
        except apsw.AuthError:
            return f"the predicate '{sql}' tries to write or to reach outside", True
        except apsw.Error as error:
            return f"the predicate '{sql}' cannot be asked: {error}", False
    return "", False


def _needed(injection: Injection) -> int:
    return injection.at.from_ or injection.at.every or injection.at.nth


def _calls_short(content: Scenario, injection: Injection, tools: Mapping[str, ToolSpec]) -> str:
    """What the reference solution's calls lack for it."""
    at, quiet = injection.at, injection.quiet
    calls = [step.call for step in content.reference if step.call is not None and step.call in tools]
    made: Counter[str] = Counter()
    seen = 0
    for number, call in enumerate(calls):
        ready = at.after is None or made[at.after.tool] >= at.after.call
        noisy = quiet is None or quiet.calls is None or number < quiet.calls
        if ready and noisy and at.matches(tools[call]):
            seen += 1
        made[call] += 1
    if seen >= _needed(injection):
        return ""
    if at.after is not None and made[at.after.tool] < at.after.call:
        return f"the reference solution calls '{at.after.tool}' {_times(made[at.after.tool])}; {_known(calls)}"
    needed = f"{seen} of the {_needed(injection)} calls that it needs"
    when = " then" if at.after is not None or quiet is not None else ""
    return f"the reference solution makes {needed}{when}; {_known(calls)}"


def _known(calls: Sequence[str]) -> str:
    return f"it calls {', '.join(dict.fromkeys(calls))}" if calls else "it makes no call"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
