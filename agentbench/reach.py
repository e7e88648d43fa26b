"""Whether an injection can strike at all in a scenario, told from the reference solution before anything runs.

Invariant: what is called unreachable cannot strike an agent that solves the scenario as the reference does; whatever
depends on the agent's pace is taken to be reachable.
"""

import json
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple, TypeAlias

import apsw

from agentbench import documents, goals, plugins
from agentbench.abc import AnyFault
from agentbench.calls import ToolSpec
from agentbench.environment import Environment
from agentbench.errors import UsageError
from agentbench.faultload import Injection
from agentbench.scenario import Scenario
from agentbench.world import World

Attainable: TypeAlias = Literal["success", "degraded", "honest_failure"]

# Witnesses that look for what a call did, or did not do, to the world.
EFFECTS = frozenset({"executed_twice", "committed_unanswered", "effect_missing", "partly_committed", "misapplied",
                     "visible_later"})  # fmt: skip
_INSTEAD = "'timeout', 'outage' or 'latency', which strike at reads as well"


class Misplaced(NamedTuple):
    """Where in the injection it is wrong, what is, and what to write instead."""

    place: tuple[str, ...]
    problem: str
    remedy: str


def unreachable(content: Scenario, injection: Injection, tools: Mapping[str, ToolSpec]) -> str:
    """Why it never strikes, with what could, or '' when it may."""
    fault = plugins.fault(injection.fault, injection.with_)
    strikes = plugins.channel_of(type(fault))
    met = plugins.environment(content.environment).met_by(fault)
    if met is not None:
        missed = _nothing_met(content, injection, met)
        if missed:
            return missed
        tools = {name: spec for name, spec in tools.items() if name in met}
    window = injection.at.window
    if window is not None and window.from_s is not None and window.from_s >= content.limits.time_s:
        return f"its window begins when the trial is over; the limit is {content.limits.time_s:g} s"
    idle = _idle(injection)
    if idle:
        return idle
    if strikes == "turn":
        return _turns_short(content, injection, getattr(fault, "strikes_at", "lines"))
    return _calls_short(content, injection, tools) if strikes == "call" else ""


def _idle(injection: Injection) -> str:
    """Why its own numbers keep it from ever striking, with what to write instead, or ''."""
    at, quiet = injection.at, injection.quiet
    if at.probability == 0:
        return "its probability is 0; write one above 0"
    if at.burst is not None and at.burst.otherwise == 0 and 0 in (at.burst.begins, at.burst.hits):
        return "no spell of its burst ever hits; write 'begins' and 'hits' above 0"
    if quiet is not None and 0 in (quiet.seconds, quiet.percent):
        return "all is quiet from the beginning on; let 'quiet' begin later"
    return ""


def aimed(injection: Injection, environment: Environment) -> Injection:
    """The injection as it is planned: where its fault can act on some tools only, it looks at these."""
    met = environment.met_by(plugins.fault(injection.fault, injection.with_))
    if met is None:
        return injection
    tools = [name for name in environment.tools if name in met and name in (injection.at.tools or environment.tools)]
    return injection.model_copy(update={"at": injection.at.model_copy(update={"tools": tools})})


def misplaced(injection: Injection, tools: Mapping[str, Sequence[ToolSpec]]) -> Misplaced | None:
    """What is wrong with where it looks, told from the tools of these environments alone; None when nothing is."""
    specs = [spec for found in tools.values() for spec in found]
    names = list(dict.fromkeys(spec.name for spec in specs))
    where = " and ".join(f"'{name}'" for name in tools)
    until = getattr(injection.lasts, "until", None)
    awaited = [(("at", "after", "tool"), injection.at.after), (("lasts", "until", "tool"), until)]
    for place, named in awaited:
        if named is not None and named.tool is not None and named.tool not in names:
            problem = f"there is no tool '{named.tool}' in {where}"
            return Misplaced(place, problem, documents.closest(named.tool, names))
    fault = plugins.fault_class(injection.fault)
    if plugins.channel_of(fault) != "call":
        return None
    if not any(fnmatchcase(name, injection.at.tool) for name in names):
        problem = f"there is no tool '{injection.at.tool}' in {where}"
        return Misplaced(("at", "tool"), problem, documents.closest(injection.at.tool, names))
    matching = [spec for spec in specs if injection.at.matches(spec)]
    if not matching:
        problem = f"no tool of {where} is looked at by this injection"
        return Misplaced(("at",), problem, "take 'effect' or 'idempotent' away, or write another tool")
    strikes_effects = fault.phase == "after" or fault.witness in EFFECTS
    if strikes_effects and all(spec.effect == "read" for spec in matching):
        problem = f"'{injection.fault}' strikes at what a call changes, and all that it looks at only reads"
        writes = [f"'{spec.name}'" for spec in specs if spec.effect == "write"]
        aim = f"aim it at a write, such as {' or '.join(writes[:2])}, or " if writes else ""
        return Misplaced(("at",), problem, f"{aim}take {_INSTEAD}")
    return None


def unaskable(injection: Injection, world: World) -> tuple[str, str]:
    """What is wrong with the injection's SQL in this world ('' if nothing), and what to write where none could take it.

    Without that, what is wrong ends with a hint behind "; ". Predicates may only read; the statements of a fault that
    changes the world may change this world alone.
    """
    until = getattr(injection.lasts, "until", None)
    for sql in (injection.at.when, until.sql if until else None):
        if sql is None:
            continue
        try:
            world.ask(sql)
            if not sql.strip("; \n"):
                return "a predicate is empty", "write a SELECT"
            if ";" in sql.rstrip("; \n"):  # in a text it is harmless, between two statements it is not
                world.ask(f"SELECT * FROM ({sql.rstrip('; ')}\n)")
        except apsw.AuthError:
            problem = f"the predicate '{sql}' tries to write or to reach outside"
            return problem, "write a SELECT without side effects"
        except apsw.Error as error:
            return f"the predicate '{sql}' cannot be asked: {error}; {_known_names(str(error), world)}", ""
    try:
        fault = plugins.fault(injection.fault, injection.with_)
    except UsageError:  # told with its line elsewhere
        return "", ""
    changes = getattr(fault, "sql", "") if fault.site == "state" else ""
    return _unchangeable(changes, world) if changes else ("", "")


def _known_names(error: str, world: World) -> str:
    """What to write for a table or column that there is not."""
    kind, _, name = error.removeprefix("no such ").partition(": ")
    columns = "SELECT json_group_array(DISTINCT c.name) FROM sqlite_schema t, pragma_table_info(t.name) c"
    tables = "SELECT json_group_array(name) FROM sqlite_schema WHERE type = 'table'"
    if kind not in ("column", "table"):
        return "write one SELECT that can be answered at once"
    found: Any = world.db.execute(columns if kind == "column" else tables).fetchone()
    return documents.closest(name.rpartition(".")[2], json.loads(found[0]))


def _unchangeable(sql: str, world: World) -> tuple[str, str]:
    world.db.execute("SAVEPOINT trying")
    try:
        world.alter(sql)
    except apsw.AuthError:
        problem = f"the statements '{sql}' reach outside this world"
        return problem, "leave out ATTACH, PRAGMA, VACUUM and transactions"
    except apsw.Error as error:
        denied = "not authorized to use function" in str(error)
        remedy = "leave it out: every trial must see the same world" if denied else ""
        hint = "" if denied else "; see the environment's schema.sql"
        return f"the world cannot be changed by '{sql}': {error}{hint}", remedy
    finally:
        world.db.execute("ROLLBACK TO trying; RELEASE trying")
    return "", ""


def _nothing_met(content: Scenario, injection: Injection, met: Container[str]) -> str:
    """Why no call of the reference solution is one that the fault can act on in this environment, '' if one is."""
    if any(step.call in met for step in content.reference):
        return ""
    environment = plugins.environment(content.environment)
    fault = plugins.fault(injection.fault, injection.with_)
    calls = {step.call for step in content.reference}
    if not hasattr(fault, "drift"):
        named = getattr(fault, "lure", "")
        if environment.lured_by(named) is None:
            return f"'{environment.name}' has no lure '{named}'; it has: {', '.join(environment.lures) or 'none'}"
        could = f"others write into those of: {', '.join(environment.outsiders) or 'none'}"
        return f"no reply to the reference solution's calls has text that others than the user wrote; {could}"
    others = [name for name, tools in environment.drifts.items() if calls & set(tools)]
    could = f"drifts that its calls can meet: {', '.join(others)}" if others else "none of its calls has a drift"
    return f"'{environment.name}' has no drift '{injection.fault}' for a call of the reference solution; {could}"


def _needed(injection: Injection) -> int:
    return injection.at.from_ or injection.at.every or injection.at.nth


def _turns_short(content: Scenario, injection: Injection, strikes_at: str) -> str:
    """What the user's lines lack for it; `strikes_at` is `lines`, `answers`, or `variants` that are declared."""
    said = goals.heard(content)
    if _needed(injection) > len(said):
        return f"the user speaks {_times(len(said))}; write 'turn: {len(said)}' or less"
    if strikes_at == "answers":
        fit = [number for number in said if content.users[number - 1].when != "always"]
        wanted = "answers a question"
    elif strikes_at == "variants":
        fit = [number for number in said if injection.fault in goals.variations(content, number)]
        wanted = "has a variant for it"
    else:
        return ""
    turns = [said.index(number) + 1 for number in fit]
    if not turns:
        return f"no line of the user's {wanted}; choose another scenario, or write such a line"
    once = injection.lasts == "transient" and not any((injection.at.every, injection.at.from_, injection.at.burst))
    if once and injection.at.probability is None and injection.at.nth not in turns:
        return f"line {injection.at.nth} is none that {wanted}; write 'turn: {turns[0]}'"
    return ""


def best_said(content: Scenario, injection: Injection, made: AnyFault, tools: Mapping[str, ToolSpec]) -> Attainable:
    """The best outcome that can be reached although this injection makes the user say less, or want too much."""
    if getattr(made, "wishes", False):
        return "degraded"
    if not getattr(made, "withholds", False):
        return "success"
    said = goals.heard(content)
    turn = injection.at.nth
    lacking = goals.lacking(content, said[turn - 1], tools) if turn <= len(said) else set()
    if lacking is None:
        return "honest_failure"
    if not lacking:
        return "success"
    return "degraded" if any(lacking == set(rung.missing) for rung in content.outcomes.degraded) else "honest_failure"


def _calls_short(content: Scenario, injection: Injection, tools: Mapping[str, ToolSpec]) -> str:
    """What the reference solution's calls lack for it."""
    at, quiet = injection.at, injection.quiet
    calls = [step.call for step in content.reference if step.call is not None]
    made: Counter[str] = Counter()
    seen = 0
    for number, call in enumerate(calls):
        ready = at.after is None or made[at.after.tool] >= at.after.call
        noisy = quiet is None or quiet.calls is None or number < quiet.calls
        if ready and noisy and call in tools and at.matches(tools[call]):
            seen += 1
        made[call] += 1
    if seen >= _needed(injection):
        return ""
    calls = [call for call in calls if call in tools]
    if at.after is not None and made[at.after.tool] < at.after.call:
        return f"the reference solution calls '{at.after.tool}' {_times(made[at.after.tool])}; {_known(calls)}"
    needed = f"{seen} of the {_needed(injection)} calls that it needs"
    when = " then" if at.after is not None or quiet is not None else ""
    return f"the reference solution makes {needed}{when}; {_known(calls)}"


def _known(calls: Sequence[str]) -> str:
    return f"it calls {', '.join(dict.fromkeys(calls))}" if calls else "it makes no call"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
