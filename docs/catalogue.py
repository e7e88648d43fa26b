"""The catalogue of faults, from the code: what each says of itself, its parameters, and a trial in which it lands.

Invariant: the examples are the pairs that the tests assert (`tests/faults/pairs*.yaml`), played anew each time.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pydantic
import yaml

from agentbench import plan, plugins, witness
from agentbench.abc import Order
from agentbench.checks import Examiner
from agentbench.faultload import Faultload, Injection, Profile
from agentbench.judgement import Judgement
from agentbench.outcomes import judge_by
from agentbench.plan import PlannedAgent
from agentbench.record import Event, ModelCall, TrialRecord
from agentbench.report.lines import event_lines
from agentbench.scenario import parse
from agentbench.stage import Stage
from agentbench.trial import Attempt

PAIRS = Path(__file__).parent.parent / "tests" / "faults"
SITES = {
    "tool": "Tool calls",
    "reply": "Replies",
    "effect": "Effects",
    "state": "State of the world",
    "content": "Content",
    "user": "The user",
    "context": "The agent's context",
    "handover": "Several agents",
}
PHASES = {
    "none": "nothing changes",
    "before": "before the effect",
    "after": "after the effect",
    "reply": "in the reply",
}
INJECTION = ("fault", "with", "at", "lasts")
EVENTS_MAX, LINES_MAX, WIDTH = 7, 16, 132
SEED = 7


def sites() -> list[tuple[str, list[str]]]:
    """The sites in order, each with its faults."""
    by_site: dict[str, list[str]] = {site: [] for site in SITES}
    for name in plugins.names("faults"):
        by_site[plugins.fault_class(name).site].append(name)
    return [(site, names) for site, names in by_site.items() if names]


def overview() -> str:
    """A table for each site: every fault with its phase, its witness and what it is."""
    parts = []
    for site, names in sites():
        rows = ["| fault | what happens | when | the agent is told | witness |", "|---|---|---|---|---|"]
        for name in names:
            made = plugins.fault_class(name)
            told = "yes" if made.explicit else "no"
            rows.append(
                f"| [`{name}`](#{name}) | {_summary(name)} | {PHASES[made.phase]} | {told} | `{made.witness}` |"
            )
        parts.append(f"### {SITES[site]}\n\n" + "\n".join(rows))
    return "\n\n".join(parts)


def catalogue() -> str:
    """A section for each fault, site by site."""
    pairs = _pairs()
    stage = Stage("virtual")
    try:
        return "\n\n".join(_section(name, pairs.get(name), stage) for _, names in sites() for name in names)
    finally:
        stage.close()


def _pairs() -> dict[str, Mapping[str, Any]]:
    """The first pair of each fault."""
    found: dict[str, Mapping[str, Any]] = {}
    for path in sorted(PAIRS.glob("pairs*.yaml")):
        for each in yaml.safe_load(path.read_text("utf-8")) or []:
            if each["fault"] not in found or "falls" not in found[each["fault"]]:
                found[each["fault"]] = each
    return found


def _summary(name: str) -> str:
    module = inspect.getmodule(plugins.fault_class(name))
    first = (inspect.getdoc(module) or "").split("\n\n")[0]
    return " ".join(first.split()).replace("|", "\\|")


def _section(name: str, pair: Mapping[str, Any] | None, stage: Stage) -> str:
    made = plugins.fault_class(name)
    told = "The agent is told of a failure" if made.explicit else "The agent is told nothing"
    facts = (
        f"Site `{made.site}`, {PHASES[made.phase]}. {told}. Witness `{made.witness}`: {_witness_words(made.witness)}"
    )
    parts = [f"## {name}", inspect.cleandoc(made.__doc__ or ""), facts]
    if rows := list(_parameters(made)):
        parts.append("\n".join(["| parameter | value | default |", "|---|---|---|", *rows]))
    parts.extend(_example(pair, stage) if pair else ())
    return "\n\n".join(parts)


def _witness_words(kind: str) -> str:
    found = witness.CALLS.get(kind) or witness.PASSING.get(kind)
    text = (inspect.getdoc(found) or "").split("\n\n")[0] if found else ""
    text = " ".join(text.split())
    return text[:1].lower() + text[1:]


def _parameters(made: Any) -> Iterator[str]:
    schema = pydantic.TypeAdapter(made).json_schema(by_alias=True)
    from reference import kind_of  # the page's own words for JSON Schema

    for key, value in schema.get("properties", {}).items():
        default = "needed" if key in schema.get("required", []) else f"`{_shown(value.get('default'))}`"
        yield f"| `{key}` | {kind_of(value)} | {default} |".replace("<", "&lt;")


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode().strip('"') if not isinstance(value, str) else value


# -- worked examples -------------------------------------------------------------------------------------


def _example(pair: Mapping[str, Any], stage: Stage) -> Iterator[str]:
    written = {key: pair[key] for key in INJECTION if key in pair}
    if "falls" in pair:
        shown, (record, judged) = pair["falls"], _played(pair["falls"], pair["scenario"], written, stage)
        _, other = _played(pair["survives"], pair["scenario"], written, stage)
        yield (
            f"In `{pair['scenario']}`, `{shown}` ends {_ending(judged)} under this injection, and `{pair['survives']}` "
            f"{_ending(other)}:"
        )
    else:
        shown = pair.get("example", "careful")
        record, judged = _played(shown, pair.get("scenario", "bank.rent_and_receipt"), written, stage)
        reason = " ".join(str(pair["uninformative"]).split()).rstrip(".")
        yield f"No two reference agents are told apart by it: {reason}. `{shown}` ends {_ending(judged)}:"
    yield (
        "```yaml\n" + yaml.safe_dump([written], sort_keys=False, default_flow_style=None, width=110).rstrip() + "\n```"
    )
    yield "```text\n" + "\n".join(_timeline(record)) + "\n```"


def _ending(judged: Judgement) -> str:
    return f"`{judged.outcome}`" if judged.valid else "invalid"


def _timeline(record: TrialRecord) -> list[str]:
    """What happened from the first struck event on."""
    events = [event for event in record.events if not isinstance(event, ModelCall)]
    first = next((place for place, event in enumerate(events) if _struck(event)), 0)
    lines: list[str] = []
    for event in events[first : first + EVENTS_MAX]:
        lines.extend(_one_line(line) for line in event_lines(event, record, text_max=90))
    more = len(events) > first + EVENTS_MAX or len(lines) > LINES_MAX
    return lines[:LINES_MAX] + (["             …"] if more else [])


def _struck(event: Event) -> bool:
    return any(firing.fault != witness.NOOP for firing in getattr(event, "fired", ()))


def _one_line(line: str) -> str:
    line = re.sub(r"\s*[\r\n]+\s*", " ⏎ ", line).replace("```", "'''")
    return line if len(line) <= WIDTH else line[:WIDTH] + "…"


@cache
def _planned(agent: str, scenario: str, injection: str) -> tuple[plan.Trial, plan.PlannedScenario]:
    load = Faultload(name="example", injections=[Injection.model_validate(msgspec.json.decode(injection))])
    made = plan.make(
        scenarios={scenario: plugins.scenarios()[scenario]}, agents=[PlannedAgent(name=agent, ref=agent)],
        profile=Profile(name="example", faultloads=[load]), trials=1, seed=SEED, clock="virtual", sandbox="inprocess",
    )  # fmt: skip
    return next(each for each in made.trials if each.control), made.scenarios[scenario]


def _played(agent: str, scenario: str, written: Mapping[str, Any], stage: Stage) -> tuple[TrialRecord, Judgement]:
    trial, entry = _planned(agent, scenario, msgspec.json.encode(written).decode())
    order = Order(trial=msgspec.to_builtins(trial), scenario=entry.content, agent={"name": agent, "ref": agent},
                  attempt=1, clock="virtual", deadline_s=60.0)  # fmt: skip
    record = Attempt(stage, order, sandbox="inprocess").run()
    content = parse(entry.content)
    template = plugins.environment(content.environment).template(content.given.seed, content.given.sql)
    return record, judge_by(Examiner(content, entry.tools, template), record, trial)
