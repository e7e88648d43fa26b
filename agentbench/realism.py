"""Lints faults: whether what they make of real replies could be real, cell by cell, fault by tool, through the gateway.

Invariant: a reply is held to what the fault declares of itself and the tool of its answers, never to a fault's name.
"""

import asyncio
import dataclasses
import http
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec

from agentbench import clock, plugins
from agentbench.abc import Fault
from agentbench.answers import error_problem
from agentbench.calls import ToolError, ToolResult, failure_exception
from agentbench.environment import Environment
from agentbench.errors import TestbedError
from agentbench.faultload import Injection
from agentbench.gateway import Gateway
from agentbench.giveaways import giveaway, own_names
from agentbench.injector import Strike
from agentbench.record import Call, plain
from agentbench.situations import Situation, situations
from agentbench.trial import NoJournal

Kind: TypeAlias = Literal["schema", "marker", "unchanged", "undeclared", "broken"]

MODULES = ("agentbench", "faultload", "injection_id", "fault_id")  # of ours that are no plugin's name
# Witnesses of faults whose reply must be another one than the tool's; the others show in the world or the clock.
RETELLING = frozenset({"reply_changed", "not_executed", "committed_unanswered"})
# Statuses beyond those of the standard: an overloaded model API, and Cloudflare's.
STATUSES = frozenset(int(each) for each in http.HTTPStatus if each >= 400) | {529, *range(520, 528)}
PAGES = frozenset({403, 413, 414, 429, 500, 502, 503, 504, *range(520, 528)})  # told by a proxy, as a page for people
# What RFC 9110 has a reply of this status carry.
NEEDED = {401: "WWW-Authenticate", 405: "Allow", 407: "Proxy-Authenticate", 426: "Upgrade"}


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong: of which fault with which parameters, on which tool, where in the reply, and what."""

    fault: str
    parameters: dict[str, Any]
    environment: str
    tool: str
    kind: Kind
    where: str
    what: str


class Linted(msgspec.Struct, kw_only=True):
    """A fault with the counts of its replies: `changed` and right, left `unchanged`, and `wrong`."""

    name: str
    plausible: str | None
    variants: int
    replies: int = 0
    changed: int = 0
    unchanged: int = 0
    wrong: int = 0


class Report(msgspec.Struct, kw_only=True):
    """What the lint found. `skipped` says of faults and tools why they, or a part of the checks, were left out."""

    faults: list[Linted]
    tools: int
    situations: int
    violations: list[Violation]
    skipped: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.violations


def lint(names: Sequence[str], environments: Sequence[Environment]) -> Report:
    """Let each of these faults loose on each tool of the environments; raises `UsageError` for what does not load."""
    skipped: dict[str, str] = {}
    met = [each for environment in environments for each in situations(environment)]
    for environment in environments:
        reached = {each.tool for each in met if each.environment is environment}
        for name, tool in environment.tools.items():
            if tool.answer.schema is None:
                skipped[f"{environment.name}.{name}"] = "it declares no shape of its answers"
            if name not in reached:
                skipped[f"{environment.name}.{name}"] = "no call of it is known"
    report = Report(faults=[], tools=sum(len(each.tools) for each in environments), situations=len(met),
                    violations=[], skipped=skipped)  # fmt: skip
    own = own_names([*plugins.names("faults"), *(plugins.fault_class(each).__name__ for each in names), *MODULES])
    with _Bench(met, own) as bench:
        report.violations.extend(bench.of_tools())
        for name in names:
            kind = plugins.fault_class(name)
            channel = plugins.channel_of(kind)
            if channel != "call":
                skipped[name] = f"it strikes at a {channel}, not at a tool call"
                continue
            made, wrong = bench.of_fault(name)
            report.faults.append(made)
            report.violations.extend(wrong)
    return report


def variants(name: str) -> list[dict[str, Any]]:
    """The parameters that a fault is tried with: none, and each value of each `Literal`, null and flag by itself."""
    made = plugins.fault_class(name)
    kinds = get_type_hints(made, include_extras=True)
    found: list[dict[str, Any]] = [{}]
    for field in dataclasses.fields(made):  # type: ignore[arg-type]
        for value in _choices(kinds[field.name]):
            if value != field.default or type(value) is not type(field.default):
                found.append({field.name.rstrip("_"): value})
    return found


def _choices(kind: Any) -> list[Any]:
    if get_origin(kind) is Annotated:
        return _choices(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    if get_origin(kind) in {Union, types.UnionType}:
        return [choice for part in get_args(kind) for choice in _choices(part)]
    return [None] if kind is type(None) else [True, False] if kind is bool else []


# -- one reply -----------------------------------------------------------------------------------------


class _Clock:
    """The clock of one call that is made at `at_s` of its trial."""

    def __init__(self, loop: clock.TrialLoop, at_s: float) -> None:
        self._loop = loop
        self._offset_s = at_s - loop.time()

    def now_s(self) -> float:
        """The trial's clock."""
        return self._loop.time() + self._offset_s

    async def sleep(self, seconds: float) -> None:
        """Wait in it."""
        await asyncio.sleep(max(0.0, seconds))


class _Gone(Exception):
    """The fault ended the agent: nobody is told anything."""


def _gone() -> None:
    raise _Gone


class _Bench:
    """Makes the calls of all situations, with and without a fault, in virtual time."""

    def __init__(self, met: Sequence[Situation], own: tuple[str, ...]) -> None:
        self._met = met
        self._own = own
        self._loop = clock.new_loop("virtual")

    def __enter__(self) -> "_Bench":
        self._true = [self._call(each, None)[0] for each in self._met]
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def of_tools(self) -> Iterator[Violation]:
        """What is wrong with the tools' own replies."""
        for situation, told in zip(self._met, self._true, strict=True):
            problem = _success(situation, told) if told.ok else _error(told)
            if problem:
                yield _violation("noop", {}, situation, "schema", problem)
            for where, text in _shown(told):
                if word := giveaway(text):
                    yield _violation("noop", {}, situation, "marker", (where, f"the tool's own reply says '{word}'"))

    def of_fault(self, name: str) -> tuple[Linted, list[Violation]]:
        """The fault in all its variants in all situations."""
        tried = variants(name)
        made = Linted(name=name, plausible=None, variants=len(tried))
        wrong: list[Violation] = []
        for parameters in tried:
            fault = plugins.fault(name, parameters)
            if not hasattr(fault, "plausible"):
                wrong.append(_of_all(name, parameters, "undeclared", "it does not say what its replies claim to be; "
                                     "give it 'plausible'"))  # fmt: skip
                continue
            made.plausible = made.plausible or fault.plausible
            changed = 0
            for situation, true in zip(self._met, self._true, strict=True):
                found, differs = self._cell(name, parameters, fault, situation, true)
                changed += differs
                made.replies += 1
                made.changed += differs and not found
                made.unchanged += not differs and not found
                made.wrong += bool(found)
                wrong.extend(found)
            if fault.witness in RETELLING and not changed and self._met:
                problem = f"none of {len(self._met)} replies is another one, but its witness is '{fault.witness}'"
                wrong.append(_of_all(name, parameters, "unchanged", problem))
        return made, wrong

    def _cell(
        self, name: str, parameters: dict[str, Any], fault: Fault, situation: Situation, true: ToolResult
    ) -> tuple[list[Violation], bool]:
        try:
            told, call = self._call(situation, (name, parameters, fault))
        except _Gone:
            return [], False
        except TestbedError as error:
            return [_violation(name, parameters, situation, "broken", ("", str(error)))], False
        found = []
        differs = _plain(told) != _plain(true)
        if differs and (problem := _implausible(fault, situation, told)):
            found.append(_violation(name, parameters, situation, "schema", problem))
        known = _known(true, situation, call)
        for where, text in _shown(told):
            if text not in known and (word := giveaway(text, self._own)):
                found.append(_violation(name, parameters, situation, "marker", (where, f"it says '{word}'")))
                break
        return found, differs

    def _call(
        self, situation: Situation, struck: tuple[str, dict[str, Any], Fault] | None
    ) -> tuple[ToolResult, Call | None]:
        strikes = []
        if struck is not None:
            name, parameters, fault = struck
            injection = Injection.model_validate({"fault": name, "with": parameters, "lasts": "permanent"})
            strikes.append(Strike(0, injection, ("realism", situation.tool), fault))
        self._loop.rewind()
        gateway = Gateway(
            environment=situation.environment,
            world=situation.opened(),
            template=situation.template,
            clock=_Clock(self._loop, situation.at_s),
            strikes=strikes,
            limits={"tool_calls": 1, "tokens": 1},
            journal=NoJournal(),
            stop=lambda limit: None,
            called=lambda tool, count: None,
            crash=_gone,
        )
        try:
            told = self._loop.run_until_complete(gateway.call(situation.tool, situation.arguments))
        except asyncio.CancelledError:
            raise TestbedError(str(gateway.broken or "the call was given up")) from None
        calls = [event for event in gateway.events if isinstance(event, Call)]
        return told, calls[-1] if calls else None


def _plain(told: ToolResult) -> tuple[Any, ...]:
    return told.status, plain(told.body), dict(told.headers), told.failure


def _violation(
    name: str, parameters: dict[str, Any], situation: Situation, kind: Kind, problem: tuple[str, str]
) -> Violation:
    return Violation(fault=name, parameters=parameters, environment=situation.environment.name, tool=situation.tool,
                     kind=kind, where=problem[0], what=problem[1])  # fmt: skip


def _of_all(name: str, parameters: dict[str, Any], kind: Kind, what: str) -> Violation:
    return Violation(fault=name, parameters=parameters, environment="*", tool="*", kind=kind, where="", what=what)


# -- what a reply is held to ---------------------------------------------------------------------------


def _implausible(fault: Fault, situation: Situation, told: ToolResult) -> tuple[str, str] | None:
    """Why a reply that the fault changed is not what the fault claims, as where and what."""
    if fault.site == "state":  # the tool itself answers, in a world that has changed
        return _success(situation, told) if told.ok else _error(told)
    if fault.plausible == "success":
        return _success(situation, told)
    return _error(told) if fault.plausible == "error" else None


def _success(situation: Situation, told: ToolResult) -> tuple[str, str] | None:
    if not told.ok:
        return "status", f"{told.failure or told.status} is no success"
    problem = situation.environment.tools[situation.tool].answer.problem(plain(told.body))
    if problem:
        return "body", problem
    if isinstance(told.body, dict | list) and "json" not in (_header(told, "Content-Type") or "json").lower():
        return "header Content-Type", f"'{_header(told, 'Content-Type')}' is not that of the body, which is JSON"
    return None


def _error(told: ToolResult) -> tuple[str, str] | None:
    if told.failure is not None:
        return None
    status = told.status or 0
    if status not in STATUSES:
        return "status", f"{status} is no error of any service"
    if status in NEEDED and _header(told, NEEDED[status]) is None:
        return "headers", f"{status} comes with {NEEDED[status]} (RFC 9110)"
    kind = (_header(told, "Content-Type") or "").lower()
    if isinstance(told.body, str):
        if not kind.startswith(("text/html", "text/plain")):
            return "header Content-Type", f"'{kind}' is not that of the body, which is a text"
        return None if status in PAGES else ("body", f"a page for people does not come with {status}")
    if kind and "json" not in kind:
        return "header Content-Type", f"'{kind}' is not that of the body, which is JSON"
    problem = error_problem(told.body)
    return ("body", problem) if problem else None


def _header(told: ToolResult, name: str) -> str | None:
    return next((value for key, value in told.headers.items() if key.lower() == name.lower()), None)


# -- what gives it away --------------------------------------------------------------------------------


def _shown(told: ToolResult) -> Iterator[tuple[str, str]]:
    """Every text that an agent or its client can see, and where."""
    yield from _leaves("body", told.body)
    for name, value in told.headers.items():
        yield f"header {name}", name
        yield f"header {name}", value
    if told.failure is not None:
        error = failure_exception(told.failure)
        yield "exception", f"{type(error).__name__}: {error}"
    elif not told.ok:
        yield "exception", str(ToolError(told.status or 0, "", told.headers))


def _leaves(where: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield f"{where}.{name}", str(name)
            yield from _leaves(f"{where}.{name}", part)
    elif isinstance(value, list | tuple):
        for place, part in enumerate(value):
            yield from _leaves(f"{where}.{place}", part)
    elif value is not None and not isinstance(value, bool):
        yield where, str(value)


def _known(true: ToolResult, situation: Situation, call: Call | None) -> set[str]:
    """The texts that are true of the world, or the agent's own: the true reply, the arguments, other executions."""
    sources: Iterable[Any] = [true.body, dict(situation.arguments)]
    done = call.done if call else []
    return {text for source in [*sources, *(each.reply.body for each in done)] for _, text in _leaves("", source)}
