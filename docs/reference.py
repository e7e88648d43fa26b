"""Writes the generated parts of these pages, from the code they describe: `python docs/reference.py`.

Invariant: a page is never edited between `<!-- generated: NAME -->` and `<!-- end -->`; a test compares.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import pydantic

from agentbench import faultload, metrics, plugins, scenario
from agentbench.cli import VERBS
from agentbench.cli.listing import entries_of

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))  # the neighbours of a page's script are no modules of a package

import catalogue  # noqa: E402

BLOCK = re.compile(r"(<!-- generated: (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)

SCENARIO_MODELS = [
    scenario.Scenario, scenario.Given, scenario.ScriptItem, scenario.UserLine, scenario.When, scenario.WorldChange,
    scenario.After, scenario.Step, scenario.Verify, scenario.Check, scenario.AnswerCheck, scenario.CallCheck,
    scenario.Writes, scenario.Ladder, scenario.Rung, scenario.Variant, scenario.Limits, scenario.Promise,
]  # fmt: skip
FAULTLOAD_MODELS = [
    faultload.Faultload,
    faultload.Injection,
    faultload.Where,
    faultload.Window,
    faultload.AfterCall,
    faultload.Burst,
    faultload.Lasts,
    faultload.Until,
    faultload.Quiet,
    faultload.Profile,
]


def models(wanted: Sequence[type[pydantic.BaseModel]]) -> str:
    """A section for each model: its docstring, and a table of its keys."""
    return "\n\n".join(_model(each) for each in wanted)


def plugin_table(kind: str) -> str:
    """A table of the plugins of a kind with what they say of themselves."""
    rows = [(f"`{entry['name']}`", entry["summary"]) for entry in entries_of(kind)]
    return _table(("name", "what it is"), rows)


def profiles() -> str:
    """Each profile with its faultloads."""
    parts = []
    for name in plugins.names("profiles"):
        profile = plugins.profile(name)
        rows = [
            (f"`{each.name}`", ", ".join(f"`{one.fault}`" for one in each.injections), each.summary)
            for each in profile.faultloads
        ]
        head = f"### Profile `{name}` (version {profile.version})\n\n{profile.summary}"
        parts.append(f"{head}\n\n{_table(('faultload', 'faults', 'what it stands for'), rows)}" if rows else head)
    return "\n\n".join(parts)


def measures() -> str:
    """A section for each measure, in its own words."""
    parts = []
    for name, each in metrics.METRICS.items():
        arm = {"control": "control trials", "faulted": "faulted trials", "both": "control and faulted trials"}[each.arm]
        parts.append(f"### `{name}`\n\nOver {arm}. {inspect.cleandoc(each.function.__doc__ or '')}")
    return "\n\n".join(parts)


def commands() -> str:
    """A section for each verb: usage, help and options."""
    parts = []
    for verb, module in VERBS.items():
        command: click.Command = getattr(importlib.import_module(f"agentbench.cli.{module}"), f"{verb}_command")
        with click.Context(command, info_name=f"agentbench {verb}", terminal_width=200) as context:
            usage = command.get_usage(context).removeprefix("Usage: ")
        text = inspect.cleandoc(command.help or "").replace("\b\n", "\n")
        parts.append(f"## `{verb}`\n\n    {usage}\n\n{_examples(text)}\n\n{_options(command)}")
    return "\n\n".join(parts)


PARTS: dict[str, Callable[[], str]] = {
    "scenario": lambda: models(SCENARIO_MODELS),
    "faultload": lambda: models(FAULTLOAD_MODELS),
    "profiles": profiles,
    "agents": lambda: plugin_table("agents"),
    "adapters": lambda: plugin_table("adapters"),
    "sandboxes": lambda: plugin_table("sandboxes"),
    "environments": lambda: plugin_table("environments"),
    "scenarios": lambda: plugin_table("scenarios"),
    "measures": measures,
    "commands": commands,
    "overview": catalogue.overview,
    "catalogue": catalogue.catalogue,
}


def written(text: str) -> str:
    """A page with its generated parts made anew; raises `KeyError` for a part that nobody makes."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{PARTS[found['name']]()}\n\n{found[3]}", text)


def _model(made: type[pydantic.BaseModel]) -> str:
    schema = made.model_json_schema(by_alias=True)
    if "$ref" in schema:  # a model that holds itself is described among the definitions
        schema = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    required = schema.get("required", [])
    rows = [
        (f"`{key}`", kind_of(value), "needed" if key in required else _default(value))
        for key, value in schema.get("properties", {}).items()
        if not (made is scenario.Scenario and key == "id")  # comes from the path, and nobody writes it
    ]
    doc = inspect.cleandoc(made.__doc__ or "")
    return f"### {made.__name__}\n\n{doc}\n\n{_table(('key', 'value', 'default'), rows)}"


def kind_of(schema: dict[str, Any]) -> str:
    """What may be written for a value, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if name not in ("Faultload",) else "[Faultload](faultloads.md#faultload)"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(kind_of(each) for each in schema["anyOf"] if each.get("type") != "null")
    match schema.get("type"):
        case "array":
            return f"list of {kind_of(schema['items'])}"
        case "object":
            inner = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), None)
            return f"name: {kind_of(inner)}" if isinstance(inner, dict) else "name: anything"
        case "boolean":
            return "`true` or `false`"
        case "string":
            return "text"
        case "integer" | "number" as kind:
            return f"{'whole number' if kind == 'integer' else 'number'}{_bounds(schema)}"
    return "anything"


def _bounds(schema: dict[str, Any]) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    found = [f"{sign} {schema[name]:g}" for name, sign in words.items() if name in schema]
    return f" {', '.join(found)}" if found else ""


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    if default in (None, {}, [], "") or isinstance(default, dict):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _examples(text: str) -> str:
    """Help text whose block of commands becomes a block of Markdown."""
    lines = ["    " + line if line.startswith("agentbench ") else line for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _metavar(option: click.Option) -> str:
    shown = option.make_metavar(click.Context(click.Command("any")))
    return shown.replace("INTEGER RANGE", "N").replace("INTEGER", "N").replace("FLOAT RANGE", "SECONDS")


def _options(command: click.Command) -> str:
    rows = [row for row in (_option(each) for each in command.params) if row]
    return _table(("option", "what it does"), rows) if rows else "No options."


def _option(each: click.Parameter) -> tuple[str, str] | None:
    if not isinstance(each, click.Option):
        return None
    names = ", ".join(f"`{name}`" for name in (*each.opts, *each.secondary_opts))
    value = "" if each.is_flag else f" {_metavar(each)}"
    extra = [f"Environment: `{each.envvar}`."] if each.envvar else []
    if each.show_default and each.default is not None:
        extra.append(f"Default: `{each.default}`.")
    return f"{names}{value}".replace("|", "\\|"), " ".join([each.help or "", *extra])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |".replace("<", "&lt;") for cells in lines)


if __name__ == "__main__":
    for page in [Path(name) for name in sys.argv[1:]] or sorted(DOCS.glob("*.md")):
        before = page.read_text("utf-8")
        if (after := written(before)) != before:
            page.write_text(after, "utf-8")
            sys.stderr.write(f"wrote {page}\n")
