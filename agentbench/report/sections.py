"""The sections of the HTML report as plain data for its template.

Invariant: numbers come from `Measured` or are counts; what is divided here is the width of a bar.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from agentbench.judgement import OUTCOMES, Measure, Measured
from agentbench.plan import CONTROL, Plan, PlannedScenario
from agentbench.report import figures, tally
from agentbench.report.figures import HEADLINE, OUTCOME_LABELS, OUTCOME_LETTERS, Figure, Footnotes, Measures
from agentbench.report.stamp import Stamp
from agentbench.report.tally import Cell, Row

CELL_STEPS = ((1.0, "all"), (0.75, "most"), (0.5, "half"), (0.000001, "few"), (0.0, "zero"))


def context(plan: Plan, measured: Measured, trials: Sequence[Row], stamp: Stamp) -> dict[str, Any]:
    """Everything the template shows, not yet made visible."""
    agents = tally.agents(plan, trials)
    found = figures.Measures(measured.measures)
    names = {each.name for each in measured.measures if each.scenario is None and each.fault is None}
    return {
        "stamp": {
            "run": stamp.run, "settings": stamp.settings, "trials": stamp.trials,
            "faults": stamp.faults, "warnings": stamp.warnings,
        },
        "summary": str(plan.profile.get("summary", "")),
        "agents": agents,
        "scenario_count": len(plan.scenarios),
        "overview": _overview(agents, found, names),
        "outcomes": _outcomes(agents, trials),
        "legend": _legend(trials),
        "matrix": _matrix(plan, agents, trials),
        "skipped": [[each.scenario, each.faultload, each.reason] for each in plan.skipped],
        "by_faultload": _by_faultload(agents, found, measured.measures),
        "others": _others(agents, found, measured.measures),
        "scenarios": [_scenario(name, each) for name, each in plan.scenarios.items()],
        "trial_count": len(trials),
    }  # fmt: skip


def _legend(trials: Sequence[Row]) -> list[dict[str, str]]:
    """The outcomes, and what else a trial can be when some trial is."""
    found = [{"name": str(each), "letter": OUTCOME_LETTERS[each], "label": OUTCOME_LABELS[each]} for each in OUTCOMES]
    counts = tally.standings(trials)
    found += [{"name": "invalid", "letter": "!", "label": "invalid"}] if counts["invalid"] else []
    found += [{"name": "missing", "letter": "?", "label": "missing"}] if counts["missing"] else []
    return found


def _overview(agents: Sequence[str], measures: Measures, names: Collection[str]) -> dict[str, Any]:
    """The headline measures that at least one agent has, one line per agent."""
    shown = [each for each in HEADLINE if each.name in names]
    notes = Footnotes()
    lines = [
        {"agent": agent, "cells": [_cell(measures.of(each.name, agent), each, notes) for each in shown]}
        for agent in agents
    ]
    return {
        "columns": [{"label": each.label, "means": each.means, "better": each.better} for each in shown],
        "lines": lines,
        "notes": notes.reasons,
    }


def _others(agents: Sequence[str], measures: Measures, every: Iterable[Measure]) -> dict[str, Any]:
    """Measures of agents that are no headline, one line per measure."""
    known = {each.name for each in HEADLINE}
    own = [each for each in every if each.scenario is None and each.fault is None and each.name not in known]
    notes = Footnotes()
    lines = [
        {
            "name": figures.figure(name).label,
            "cells": [_cell(measures.of(name, agent), figures.figure(name), notes) for agent in agents],
        }
        for name in dict.fromkeys(each.name for each in own)
    ]
    return {"lines": lines, "notes": notes.reasons}


def _by_faultload(agents: Sequence[str], measures: Measures, every: Iterable[Measure]) -> list[dict[str, Any]]:
    """One table per headline measure that is given faultload by faultload, recovery first."""
    own = [each for each in every if each.fault is not None and each.scenario is None]
    found = []
    for shown in sorted(HEADLINE, key=lambda each: each.name != "recovery_rate"):
        faultloads = list(dict.fromkeys(each.fault for each in own if each.name == shown.name))
        if not faultloads:
            continue
        notes = Footnotes()
        lines = [
            {
                "name": name,
                "cells": [_cell(measures.of(shown.name, agent, fault=name), shown, notes) for agent in agents],
            }
            for name in faultloads
        ]
        found.append({"label": shown.label, "means": shown.means, "lines": lines, "notes": notes.reasons})
    return found


def _cell(measure: Measure, shown: Figure, notes: Footnotes) -> dict[str, Any]:
    undefined = measure.value is None
    reason = figures.reason(measure) if undefined else ""
    return {
        "label": shown.label,
        "number": figures.number(measure),
        "interval": figures.interval(measure),
        "n": measure.n,
        "method": measure.method,
        "reason": reason,
        "note": notes.mark(reason) if undefined else 0,
        "bar": None if undefined or shown.unit == "plain" else _bar(measure, signed=shown.unit == "points"),
    }


def _bar(measure: Measure, *, signed: bool) -> dict[str, Any]:
    """Where the dot and the line of the interval lie, from 0 to 100; a signed measure has its zero in the middle."""

    def place(value: float) -> float:
        share = (value + 1) / 2 if signed else value
        return round(min(1.0, max(0.0, share)) * 100, 2)

    value = measure.value or 0.0
    low, high = (value if bound is None else bound for bound in (measure.low, measure.high))
    return {"dot": place(value), "low": place(low), "width": round(place(high) - place(low), 2), "signed": signed}


def _outcomes(agents: Sequence[str], trials: Sequence[Row]) -> list[dict[str, Any]]:
    """Per agent a bar of its control trials and one of its faulted trials."""
    found = []
    for agent in agents:
        own = [row for row in trials if row.agent == agent]
        bars = []
        for label, part in (
            ("clean", [row for row in own if row.control]),
            ("faulted", [row for row in own if not row.control]),
        ):
            if part:
                bars.append({"label": label, "n": len(part), "parts": _parts(tally.standings(part), len(part))})
        found.append({"agent": agent, "bars": bars})
    return found


def _parts(counts: Mapping[tally.Standing, int], total: int) -> list[dict[str, Any]]:
    found, x = [], 0.0
    for standing, count in counts.items():
        if count:
            width = count / total * 100
            label = standing.replace("_", " ")
            found.append({"name": standing, "label": label, "count": count, "x": round(x, 3), "width": round(width, 3)})
            x += width
    return found


def _matrix(plan: Plan, agents: Sequence[str], trials: Sequence[Row]) -> list[dict[str, Any]]:
    """One line per faultload: what it injects, whether it told agents apart, and its cell for each agent."""
    cells = tally.cells(trials)
    same = tally.uninformative(trials)
    found = []
    for faultload in tally.faultloads(trials):
        own = [row for row in trials if row.faultload == faultload]
        scenarios = {row.scenario for row in own}
        alike = [each for each in scenarios if (each, faultload) in same]
        planned = next((row.planned for row in own if row.planned), None)
        found.append(
            {
                "name": faultload,
                "control": faultload == CONTROL,
                "injections": [injection(each) for each in planned.injections] if planned else [],
                "landed": sum(bool(row.judgement and row.judgement.landed) for row in own),
                "trials": len(own),
                "alike": len(alike),
                "scenarios": len(scenarios),
                "cells": [_matrix_cell(agent, cells.get((faultload, agent))) for agent in agents],
            }
        )
    return found


def _matrix_cell(agent: str, cell: Cell | None) -> dict[str, Any]:
    if cell is None:
        return {"agent": agent, "planned": False}
    good, of = cell.success + cell.graceful, cell.satisfiable + cell.barred
    return {
        "agent": agent,
        "planned": True,
        "success": cell.success,
        "satisfiable": cell.satisfiable,
        "graceful": cell.graceful,
        "barred": cell.barred,
        "invalid": cell.invalid,
        "missing": cell.missing,
        "step": next(name for least, name in CELL_STEPS if good / of >= least) if of else "empty",
        "worst": cell.worst,
        "letter": OUTCOME_LETTERS.get(cell.worst, "") if cell.worst in OUTCOME_LETTERS else "",
        "below": ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in cell.below.most_common()),
    }


def injection(planned: Mapping[str, Any]) -> str:
    """An injection in one line, such as `lost_reply (as timeout, after_s 30) at tool transfer, call 1`."""
    text = str(planned.get("fault", "?"))
    if parameters := _pairs(planned.get("with")):
        text += f" ({parameters})"
    if place := _pairs(planned.get("at")):
        text += f" at {place}"
    lasts = planned.get("lasts")
    if isinstance(lasts, Mapping):
        text += f", for {_pairs(lasts)}"
    elif lasts:
        text += f", {lasts}"
    return text


def _pairs(value: Any) -> str:
    """The items of a mapping as they would stand in YAML, or '' for anything else."""
    words = {None: "none", True: "yes", False: "no"}
    if not isinstance(value, Mapping):
        return ""
    return ", ".join(
        f"{name} {words[item] if item is None or isinstance(item, bool) else item}" for name, item in value.items()
    )


def _scenario(name: str, planned: PlannedScenario) -> dict[str, Any]:
    content = planned.content
    return {
        "name": name,
        "path": planned.path,
        "why": str(content.get("why", "")),
        "environment": str(content.get("environment", "")),
        "difficulty": str(content.get("difficulty", "medium")),
        "task": _task(content.get("script")),
    }


def _task(script: Any) -> str:
    """What the user says first."""
    for item in script if isinstance(script, list) else []:
        user = item.get("user") if isinstance(item, Mapping) else None
        if isinstance(user, Mapping):
            user = user.get("say")
        if user:
            return str(user)
    return ""
