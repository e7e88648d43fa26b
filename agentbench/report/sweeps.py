"""The coverage map and the weak points of a sweep, as lines for a terminal and as one HTML page without scripts.

Invariant: the page loads nothing, runs nothing, and every text in it is visible text.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from agentbench.coverage import BY_HARM, STATES, Coverage, Place, Weakness
from agentbench.plan import Plan
from agentbench.report import html
from agentbench.report.figures import OUTCOME_LABELS, OUTCOME_LETTERS
from agentbench.report.visible import visible, visible_data

REASON_MAX = 160  # characters of a reason in the terminal
LINES_MAX = 12  # groups of weak points on a terminal
WEAK_MAX = 300  # weak points on the page; sweep.json has all
MARKS = {"ineffective": "=", "uninformative": "=", "invalid": "!", "not_tried": "?", "not_reachable": "."}
LEFT = {
    "rounds": "behind more faults than --rounds allows",
    "trials": "beyond --max-trials",
    "pairs": "pairs beyond --max-trials",
}


# -- terminal ------------------------------------------------------------------------------------------


def lines(coverage: Coverage, left: Mapping[str, int]) -> list[str]:
    """The whole sweep, in some forty lines."""
    found = [visible(each) for each in _facts(coverage, left)]
    return [*found, "", *_grid(coverage), "", *_weak_lines(coverage)]


def _facts(coverage: Coverage, left: Mapping[str, int]) -> Iterable[str]:
    control = ", ".join(f"{count} {outcome}" for outcome, count in coverage.control.items())
    yield f"sweep of {coverage.scenario} by {coverage.agent}; control trials: {control or 'none'}"
    if set(coverage.control) - {"success"}:
        yield "warning: the control is no success, so only what is worse than it counts as a weak point"
    for each in coverage.rounds:
        what = "pairs of survived faults" if each["pairs"] else f"{each['faults']} faults on the way"
        what = "one fault at a time" if each["faults"] == 1 else what
        yield f"{what}: {each['trials']:,} trials, {each['witnessed']:,} witnessed"
    counts = ", ".join(f"{count:,} {name}" for name, count in coverage.trials.items())
    yield f"trials: {counts}; {duration(coverage.virtual_s)} by their own clocks"
    if coverage.nondeterministic:
        yield f"warning: {coverage.nondeterministic:,} trials differ from their control before the fault; try --trials"
    places = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in coverage.states.items() if count)
    yield f"map: {len(coverage.map)} tools × faults: {places}"
    for reason, count in left.items():
        yield f"left out: {count:,} trials {LEFT[reason]}"
    for every in coverage.not_swept:
        yield f"not swept: {every.fault}: {every.reason}"


def _grid(coverage: Coverage) -> Iterable[str]:
    tools = reached_tools(coverage)
    places = {(each.tool, each.fault): each for each in coverage.map}
    width = max(len(each.label) for each in coverage.faults)
    heads = " ".join(f"{number + 1:>2}" for number in range(len(tools)))
    yield f"{'fault':<{width}}  phase   {heads}"
    for fault in coverage.faults:
        marks = " ".join(f"{mark(places[tool, fault.label]):>2}" for tool in tools)
        yield f"{visible(fault.label):<{width}}  {fault.phase:<6}  {marks}"
    yield "tools: " + ", ".join(f"{number + 1} {visible(tool)}" for number, tool in enumerate(tools))
    letters = ", ".join(f"{OUTCOME_LETTERS[each]} {OUTCOME_LABELS[each]}" for each in BY_HARM)
    yield f"the worst outcome under a witnessed fault: {letters}; = no effect, ! invalid, ? not tried, . not reachable"
    never = [tool for tool in dict.fromkeys(each.tool for each in coverage.map) if tool not in tools]
    if never:
        yield f"never called: {visible(', '.join(never))}"


def mark(place: Place) -> str:
    """One character for a place: the letter of the worst outcome, or what kept the fault from being witnessed."""
    if place.state != "witnessed":
        return MARKS[place.state]
    return OUTCOME_LETTERS[max((each for each in BY_HARM if each in place.outcomes), key=BY_HARM.index)]


def reached_tools(coverage: Coverage) -> list[str]:
    """The tools that were called, in the order in which they were first reached."""
    return list(dict.fromkeys(each.tool for each in coverage.calls))


def _weak_lines(coverage: Coverage) -> Iterable[str]:
    groups = grouped(coverage.weak_points)
    if not groups:
        yield "no weak point: under every witnessed fault the agent ended as well as could be had"
        return
    yield f"{len(coverage.weak_points):,} weak points, the most harmful first:"
    for group in groups[:LINES_MAX]:
        first = group[0]
        alike = f" (and {len(group) - 1} alike)" if len(group) > 1 else ""
        yield visible(f"  {OUTCOME_LABELS[first.outcome]}: {_what(first)}{alike}")
        yield visible(f"      {_short(first.reason)}")
        yield visible(f"      {first.trial}")
    if len(groups) > LINES_MAX:
        yield f"  … and {len(groups) - LINES_MAX} more kinds in sweep.html"


def _short(reason: str) -> str:
    """The reason in a line; what is left out is seen."""
    return reason if len(reason) <= REASON_MAX else f"{reason[:REASON_MAX].rstrip()}…"


def grouped(weak: Iterable[Weakness]) -> list[list[Weakness]]:
    """Weak points that differ only in the call, the duration or what else had gone wrong before, put together."""
    found: dict[tuple[str, ...], list[Weakness]] = {}
    for each in weak:
        key = each.outcome, each.kind, each.tool, each.fault, str(each.pair)
        found.setdefault(key, []).append(each)
    return list(found.values())


def _what(each: Weakness) -> str:
    through = each.trial.rpartition("/")[0].rpartition("/")[2].replace(",", " then ").replace("+", " and ")
    return through if each.pair or " then " in through else f"{each.fault} at {each.tool} {each.call}, {each.lasts}"


def duration(seconds: float) -> str:
    """Seconds in the unit in which a person would say them."""
    for unit, size in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


# -- page ----------------------------------------------------------------------------------------------


def page(plan: Plan, coverage: Coverage, *, run: str) -> str:
    """The text of `sweep.html`; `run` is what the command line calls the directory."""
    css = html.source("report.css") + html.source("sweep.css")
    policy = f"default-src 'none'; style-src '{html.allowed(css)}'; img-src data:; base-uri 'none'; form-action 'none'"
    tools = reached_tools(coverage)
    context = {
        "run": run,
        "title": f"{coverage.agent} × {coverage.scenario}",
        "settings": [
            ("faults", plan.profile.get("summary", "")), ("hash", plan.profile.get("hash", "")),
            ("seed", str(plan.seed)), ("sandbox", plan.sandbox), ("agentbench", plan.agentbench),
        ],
        "facts": list(_facts(coverage, {})),
        "states": [(state, state.replace("_", " "), coverage.states[state]) for state in STATES],
        "tools": [(tool, _effect(coverage, tool)) for tool in tools],
        "phases": _phases(coverage, tools),
        "legend": [(each, OUTCOME_LETTERS[each], OUTCOME_LABELS[each]) for each in BY_HARM],
        "never": [tool for tool in dict.fromkeys(each.tool for each in coverage.map) if tool not in tools],
        "groups": _groups(coverage, run),
        "shown": min(WEAK_MAX, len(coverage.weak_points)),
        "weak_count": len(coverage.weak_points),
        "calls": [(each.tool, each.call, each.through.replace(",", " then ")) for each in coverage.calls],
        "not_swept": [(each.fault, each.reason) for each in coverage.not_swept],
    }  # fmt: skip
    template = html.templates().get_template("sweep.html.j2")
    return template.render(**visible_data(context), css=Markup(css), csp=Markup(policy))


def _effect(coverage: Coverage, tool: str) -> str:
    return next((each.effect for each in coverage.map if each.tool == tool), "")


def _phases(coverage: Coverage, tools: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of the map, those of one phase together."""
    places = {(each.tool, each.fault): each for each in coverage.map}
    found = []
    for phase in dict.fromkeys(each.phase for each in coverage.faults):
        rows = [
            {
                "label": fault.label,
                "told": "explicit" if fault.explicit else "implicit",
                "parameters": ", ".join(f"{name}: {value}" for name, value in fault.parameters.items()),
                "cells": [_cell(places[tool, fault.label]) for tool in tools],
            }
            for fault in coverage.faults
            if fault.phase == phase
        ]
        found.append({"phase": phase, "rows": rows})
    return found


def _cell(place: Place) -> dict[str, Any]:
    worst = max((each for each in BY_HARM if each in place.outcomes), key=BY_HARM.index, default="")
    return {
        "state": place.state,
        "label": place.state.replace("_", " "),
        "reason": place.reason,
        "worst": worst,
        "outcomes": [(each, OUTCOME_LETTERS[each], place.outcomes[each]) for each in BY_HARM if each in place.outcomes],
        "calls": ", ".join(str(call) for call in place.calls),
        "trials": place.trials,
        "witnessed": place.witnessed,
        "weak": place.weak,
    }


def _groups(coverage: Coverage, run: str) -> list[dict[str, Any]]:
    found = []
    for group in grouped(coverage.weak_points[:WEAK_MAX]):
        first = group[0]
        found.append(
            {
                "outcome": first.outcome,
                "letter": OUTCOME_LETTERS[first.outcome],
                "label": OUTCOME_LABELS[first.outcome] + (f", {first.kind}" if first.kind else ""),
                "what": _what(first),
                "alike": len(group) - 1,
                "reason": first.reason,
                "points": [
                    {
                        "what": _what(each), "reason": each.reason, "attainable": each.attainable.replace("_", " "),
                        "before": each.before.replace("_", " "), "pairing": each.pairing, "yaml": each.injections,
                        "show": f"agentbench show {quoted(run)} {quoted(each.trial)}",
                        "replay": f"agentbench replay {quoted(run)} {quoted(each.trial)}",
                    }
                    for each in group
                ],
            }
        )  # fmt: skip
    return found


def quoted(word: str) -> str:
    """A word for a shell, as a person may paste it."""
    import shlex

    return shlex.quote(word)
