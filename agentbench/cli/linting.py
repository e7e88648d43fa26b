"""`validate --faults`: the lint's table, and a line for each thing that gives a fault away."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from agentbench import plugins, realism
from agentbench.cli.console import put, put_json, say
from agentbench.realism import Report, Violation


def lint_faults(names: Sequence[str], as_json: bool) -> int:
    """Lint the named faults, or all; the exit code is 1 when something is wrong."""
    environments = [plugins.environment(each) for each in plugins.names("environments")]
    for name in names:
        plugins.fault_class(name)  # before the work: a name that is wrong is said at once
    report = realism.lint(list(dict.fromkeys(names)) or plugins.names("faults"), environments)
    if as_json:
        put_json({"ok": report.ok, **msgspec.to_builtins(report)})
    else:
        for line in _table(report):
            put(line)
        for line in violations(report):
            put(f"WRONG  {line}")
        for name, reason in report.skipped.items():
            say(f"not linted: {name}: {reason}")
    return 0 if report.ok else 1


def _table(report: Report) -> Iterator[str]:
    width = max([len(each.name) for each in report.faults], default=5)
    head = ("claims", "variants", "replies", "changed", "as it was", "wrong")
    yield f"{'fault':{width}}  {head[0]:9}  " + "  ".join(f"{each:>9}" for each in head[1:])
    for each in report.faults:
        counts = (each.variants, each.replies, each.changed, each.unchanged, each.wrong)
        yield f"{each.name:{width}}  {each.plausible or 'malformed':9}  " + "  ".join(f"{n:9,}" for n in counts)
    yield f"{report.tools} tools in {report.situations} situations; {len(report.violations)} violations"


def violations(report: Report) -> Iterator[str]:
    """A line for each kind of violation; where it is the same on other tools, these are only counted."""
    alike: dict[tuple[str, ...], list[Violation]] = {}
    for each in report.violations:
        place = re.sub(r"\.[0-9]+", ".N", each.where)
        alike.setdefault((each.fault, str(each.parameters), each.kind, place, each.what), []).append(each)
    for first, *others in alike.values():
        written = ", ".join(f"{name}: {'null' if value is None else value}" for name, value in first.parameters.items())
        fault = f"{first.fault} {{{written}}}" if written else first.fault
        tool = f"{first.environment}.{first.tool}" if first.tool != "*" else "every tool"
        more = len({(each.environment, each.tool) for each in others} - {(first.environment, first.tool)})
        beyond = f" (and {more} more tool{'s' if more > 1 else ''})" if more else ""
        yield f"{fault} × {tool}{beyond}: {first.where or 'reply'}: {first.kind}: {first.what}"
