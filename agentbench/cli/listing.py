"""`list`: everything that can be named on the command line or in a file, read from the plugins themselves."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import click

from agentbench import plugins
from agentbench.cli.console import put, put_json

KINDS = ("faults", "agents", "environments", "scenarios", "profiles", "sandboxes", "adapters", "measures")


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects as JSON.")
def list_command(kind: str, as_json: bool) -> None:
    """List faults, agents, environments, scenarios, profiles, sandboxes, adapters or measures."""
    entries = entries_of(kind)
    if as_json:
        put_json(entries)
        return
    width = max((len(entry["name"]) for entry in entries), default=0)
    for entry in entries:
        put(f"{entry['name']:<{width}}  {entry['summary']}")


def entries_of(kind: str) -> list[dict[str, Any]]:
    """One object for each plugin of a kind, with at least `name` and `summary`."""
    special: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "faults": _faults,
        "scenarios": _scenarios,
        "measures": _measures,
        "environments": _environments,
        "profiles": _profiles,
    }
    if kind in special:
        return special[kind]()
    return [{"name": name, "summary": plugins.summary(kind, name)} for name in plugins.names(kind)]  # type: ignore[arg-type]


def _faults() -> list[dict[str, Any]]:
    return [fault_entry(name) for name in plugins.names("faults")]


def fault_entry(name: str) -> dict[str, Any]:
    """What a fault says of itself."""
    made = plugins.fault_class(name)
    module = inspect.getmodule(made)
    kinds = get_type_hints(made)
    return {
        "name": name,
        "summary": (inspect.getdoc(module) or "").split("\n")[0],
        "site": made.site,
        "phase": made.phase,
        "explicit": made.explicit,
        "witness": made.witness,
        "plausible": _claim(made),
        "parameters": [
            {
                "name": field.name.rstrip("_"),  # `as_` in Python is `as` in YAML
                "type": _type_name(kinds[field.name]),
                "default": None if field.default is dataclasses.MISSING else field.default,
                "required": field.default is dataclasses.MISSING,
            }
            for field in dataclasses.fields(made)  # type: ignore[arg-type]
        ],
    }


def _claim(made: Any) -> str | None:
    """What its replies claim to be."""
    claim = getattr(made, "plausible", None)
    return "depends on its parameters" if isinstance(claim, property) else claim


def _type_name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


def _scenarios() -> list[dict[str, Any]]:
    from agentbench import scenario

    found = []
    for name, path in plugins.scenarios().items():
        content = scenario.load(path)
        found.append(
            {"name": name, "summary": content.why, "environment": content.environment, "difficulty": content.difficulty}
        )
    return found


def _environments() -> list[dict[str, Any]]:
    found = []
    for name in plugins.names("environments"):
        environment = plugins.environment(name)
        found.append({"name": name, "summary": environment.summary, "tools": list(environment.tools)})
    return found


def _profiles() -> list[dict[str, Any]]:
    found = []
    for name in plugins.names("profiles"):
        profile = plugins.profile(name)
        faultloads = [{"name": each.name, "summary": each.summary} for each in profile.faultloads]
        found.append(
            {"name": name, "summary": profile.summary, "version": profile.version, "hash": profile.hash,
             "faultloads": faultloads}
        )  # fmt: skip
    return found


def _measures() -> list[dict[str, Any]]:
    from agentbench import metrics

    return [{"name": name, "summary": metric.summary} for name, metric in metrics.METRICS.items()]
