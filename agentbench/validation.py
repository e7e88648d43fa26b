"""Checks a scenario against its environment: tools, arguments, tables and SQL, each mistake with `file:line`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apsw

from agentbench import documents, goals, plugins, reach, scenario
from agentbench.documents import Document
from agentbench.environment import Environment
from agentbench.errors import UsageError, UsageErrors
from agentbench.scenario import Check, Scenario, Step
from agentbench.world import World

Place = tuple[str | int, ...]


def load(path: Path) -> Scenario:
    """A scenario that is right by itself and in its environment; raises `UsageError(s)` that name every mistake."""
    document, content, problems = scenario.examine(path)
    if content is None:
        raise UsageErrors(problems)
    try:
        environment = plugins.environment(content.environment)
    except UsageError as error:
        raise UsageErrors([*problems, document.error(error.problem, "environment", remedy=error.remedy)]) from None
    problems = [*problems, *_tools(document, content, environment), *_faults(document, content, environment)]
    problems.extend(_promises(document, content, environment))
    try:
        template = environment.template(content.given.seed, content.given.sql)
    except apsw.Error as error:
        problems.append(_sql_error(document, error, "given", "sql"))
        template = environment.template(content.given.seed)
    world = World(template, epoch=environment.epoch)
    problems.extend(_sql(document, content, world))
    problems.extend(_predicates(document, content, world))
    problems.extend(_tables(document, content, world))
    if not problems:
        problems.extend(_variants(document, content, environment, world))
    if problems:
        raise UsageErrors(sorted(problems, key=lambda each: int(each.where.rpartition(":")[2])))
    return content


def _tools(document: Document, content: Scenario, environment: Environment) -> Iterator[UsageError]:
    known = list(environment.tools)
    for place, name in _tool_names(content):
        if name not in environment.tools:
            yield document.error(f"there is no tool '{name}' in '{environment.name}'", *place,
                                 remedy=documents.closest(name, known))  # fmt: skip
    for place, tool_name, arguments in _arguments(content):
        if tool_name not in environment.tools:
            continue
        parameters: Mapping[str, Any] = environment.tools[tool_name].spec.parameters
        properties = parameters.get("properties", {})
        for argument in arguments:
            if argument not in properties:
                yield document.error(f"'{tool_name}' has no parameter '{argument}'", *place, argument,
                                     remedy=documents.closest(argument, list(properties)))  # fmt: skip
        for name in parameters.get("required", ()):
            if name not in arguments and place[0] == "reference":  # a check names only the arguments it looks at
                yield document.error(f"'{tool_name}' needs the parameter '{name}'", *place, remedy=f"add '{name}: …'")


def _steps(steps: list[Step], *place: str | int) -> Iterator[tuple[Place, Step]]:
    for index, step in enumerate(steps):
        yield (*place, index), step
        yield from _steps(step.fallback, *place, index, "fallback")


def _tool_names(content: Scenario) -> Iterator[tuple[Place, str]]:
    for place, step in _steps(content.reference, "reference"):
        if step.call is not None:
            yield (*place, "call"), step.call
        if step.verify is not None:
            yield (*place, "verify", "call"), step.verify.call
    for place, check in _checks(content):
        if check.called is not None:
            yield (*place, "called", "tool"), check.called.tool
    for index, item in enumerate(content.script):
        if item.world is not None and item.world.after.tool is not None:
            yield ("script", index, "world", "after", "tool"), item.world.after.tool


def _arguments(content: Scenario) -> Iterator[tuple[Place, str, Mapping[str, Any]]]:
    for place, step in _steps(content.reference, "reference"):
        if step.call is not None:
            yield (*place, "with"), step.call, step.with_
        if step.verify is not None:
            yield (*place, "verify", "with"), step.verify.call, step.verify.with_
    for place, check in _checks(content):
        if check.called is not None:
            yield (*place, "called", "with"), check.called.tool, check.called.with_


def _checks(content: Scenario) -> Iterator[tuple[Place, Check]]:
    for section in ("checks", "milestones", "never"):
        for name, check in getattr(content, section).items():
            yield (section, name), check


def _faults(document: Document, content: Scenario, environment: Environment) -> Iterator[UsageError]:
    if content.faultload is None:
        return
    tools = {name: tool.spec for name, tool in environment.tools.items()}
    for index, injection in enumerate(content.faultload.scheduled()):
        place = ("faultload", "injections", index)
        try:
            plugins.check_injection(document, injection, *place)
        except UsageError as error:
            yield error
            continue
        wrong = reach.misplaced(injection, {environment.name: list(tools.values())})
        if wrong is not None and not (content.faultload.seen_in and wrong.place == ("at",)):
            yield document.error(wrong.problem, *place, *wrong.place, remedy=wrong.remedy)
            continue
        problem, _, remedy = reach.unreachable(content, injection, tools).partition("; ")
        if problem and not content.faultload.seen_in:
            yield document.error(f"this never strikes: {problem}", *place, "at", remedy=remedy)


def _predicates(document: Document, content: Scenario, world: World) -> Iterator[UsageError]:
    for index, injection in enumerate(content.faultload.scheduled() if content.faultload else ()):
        problem, remedy = reach.unaskable(injection, world)
        if problem:
            if not remedy:
                problem, _, remedy = problem.rpartition("; ")
            yield document.error(problem, "faultload", "injections", index, remedy=remedy)


def _promises(document: Document, content: Scenario, environment: Environment) -> Iterator[UsageError]:
    """What no sweep can keep: tools and faults that there are not, and tools that the reference never calls."""
    called = sorted({name for place, name in _tool_names(content) if place[0] == "reference"})
    for index, promise in enumerate(content.promises):
        place = ("promises", index)
        if promise.tool not in environment.tools:
            yield document.error(f"there is no tool '{promise.tool}' in '{environment.name}'", *place, "tool",
                                 remedy=documents.closest(promise.tool, list(environment.tools)))  # fmt: skip
        elif promise.tool not in called:
            yield document.error(f"no sweep can reach '{promise.tool}': the reference solution never calls it", *place,
                                 "tool", remedy=documents.closest(promise.tool, called))  # fmt: skip
        if promise.fault is not None:
            try:
                strikes = plugins.channel_of(plugins.fault_class(promise.fault))
            except UsageError as error:
                yield document.error(error.problem, *place, "fault", remedy=error.remedy)
                continue
            if strikes != "call":
                yield document.error(f"'{promise.fault}' strikes a {strikes}, and a sweep tries faults at tool calls",
                                     *place, "fault", remedy="promise a fault of a tool call")  # fmt: skip


def _variants(document: Document, content: Scenario, environment: Environment, world: World) -> Iterator[UsageError]:
    for name, variant in content.variants.items():
        place = ("variants", name)
        if variant.turn not in goals.heard(content) or goals.begins(content.reference, variant.turn) is None:
            said = ", ".join(str(number) for number in goals.heard(content))
            yield document.error(f"the reference solution never gets to a line {variant.turn}", *place, "turn",
                                 remedy=f"the lines are {said}; each but the first follows a 'reply'")  # fmt: skip
            continue
        made = goals.varied(content, name)
        for path, tool in _tool_names(made):
            if tool not in environment.tools:
                yield document.error(f"there is no tool '{tool}' in '{environment.name}'", *place, path[0],
                                     remedy=documents.closest(tool, list(environment.tools)))  # fmt: skip
        named = {*made.outcomes.success, *(each for rung in made.outcomes.degraded for each in rung.has + rung.missing)}
        for unknown in sorted(named - set(made.checks)):
            yield document.error(f"there is no check '{unknown}'", *place, "outcomes",
                                 remedy=documents.closest(unknown, list(made.checks)))  # fmt: skip
        for (section, check_name), check in _checks(made):
            try:
                if check.sql is not None:
                    world.ask(check.sql)
            except apsw.AuthError:
                yield document.error(f"'{check_name}': a check may only read", *place, str(section),
                                     remedy="write a SELECT without side effects")  # fmt: skip
            except apsw.Error as error:
                yield _sql_error(document, error, *place)


def _sql(document: Document, content: Scenario, world: World) -> Iterator[UsageError]:
    for place, check in _checks(content):
        if check.sql is None:
            continue
        try:
            world.ask(check.sql)
        except apsw.AuthError:
            yield document.error("a check may only read", *place, "sql", remedy="write a SELECT without side effects")
        except apsw.Error as error:
            yield _sql_error(document, error, *place, "sql")
    for index, item in enumerate(content.script):
        if item.world is None:
            continue
        world.db.execute("SAVEPOINT trying")
        try:
            world.alter(item.world.sql)
        except apsw.Error as error:
            yield _sql_error(document, error, "script", index, "world", "sql")
        finally:
            world.db.execute("ROLLBACK TO trying; RELEASE trying")


def _sql_error(document: Document, error: apsw.Error, *place: str | int) -> UsageError:
    match error:
        case apsw.InterruptError():
            return document.error("SQL: this takes too long", *place, remedy="a recursive query needs an end")
        case apsw.AuthError():
            problem = "SQL: it may change this world and nothing else"
            return document.error(problem, *place, remedy="leave out ATTACH, PRAGMA, VACUUM and transactions")
    function = str(error).removeprefix("not authorized to use function: ")
    if function != str(error):
        return document.error(f"SQL: the function '{function}' is not allowed", *place,
                              remedy="leave it out: every trial must see the same world")  # fmt: skip
    return document.error(f"SQL: {error}", *place, remedy="see the environment's schema.sql")


def _tables(document: Document, content: Scenario, world: World) -> Iterator[UsageError]:
    tables = [str(row[0]) for row in world.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()]
    for table, writes in content.writes.items():
        if table not in tables:
            known = [each for each in tables if not each.startswith("_")]
            remedy = documents.closest(table, known)
            yield document.error(f"there is no table '{table}'", "writes", table, remedy=remedy)
            continue
        columns = [row[1] for row in world.db.execute(f'PRAGMA table_info("{table}")')]
        for part in ("key", "columns"):
            for index, name in enumerate(getattr(writes, part)):
                if name not in columns:
                    yield document.error(f"the table '{table}' has no column '{name}'", "writes", table, part, index,
                                         remedy=documents.closest(name, columns))  # fmt: skip
