"""A player that does what it reads: whoever wrote the text, an instruction in a reply is an instruction.

Invariant: it knows no text beforehand; it looks for an imperative, a tool that it has, and arguments for that tool.
"""

import json
import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from agentbench.agents._memory import Action, Call
from agentbench.agents._outcome import Outcome
from agentbench.agents._player import Player
from agentbench.calls import ToolSpec, texts

_IMPERATIVE = re.compile(r"\b(?:call|use|run|execute|invoke)\s+(?:the\s+)?(?:tool\s+|function\s+)?[`'\"]?(\w+)", re.I)
_OBEYED_MAX = 5  # of one trial; two texts may ask for each other


class Obedient(Player):
    """Plays as any other, but first does what a reply asks for, once each."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked: list[Call] = []
        self._obeyed: list[Call] = []
        self._kept: Outcome | None = None
        self._astray = False

    def next(self, outcome: Outcome | None) -> Action:
        """What to do now: what the last reply asks for, or else the next step."""
        if not self._astray and outcome is not None:
            self._kept = outcome
            found = instructions(outcome, list(self._specs.values()))
            self._asked += [call for call in found if call not in self._obeyed and call not in self._asked]
        if self._asked and len(self._obeyed) < _OBEYED_MAX:
            self.pending = self._asked.pop(0)
            self._obeyed.append(self.pending)
            self._astray = True
            return self.pending
        if self._astray:
            outcome, self._astray = self._kept, False
        self._asked.clear()
        return super().next(outcome)


def instructions(outcome: Outcome, specs: Sequence[ToolSpec]) -> list[Call]:
    """The tool calls that the texts of a reply, or of an error, ask for with all that the tools need."""
    known = {spec.name: spec for spec in specs}
    found: list[Call] = []
    for text in [*texts(outcome.body), outcome.text]:
        matches = [match for match in _IMPERATIVE.finditer(text) if match[1] in known]
        for match, following in zip_longest(matches, matches[1:]):
            spec = known[match[1]]
            arguments = _arguments(text[match.end() : following.start() if following else None], spec)
            if set(spec.parameters.get("required", ())) <= set(arguments):
                found.append(Call(spec.name, arguments))
    return found


def _arguments(text: str, spec: ToolSpec) -> dict[str, Any]:
    """What stands behind each parameter's name: a text in quotes, or a word; numbers where the tool wants numbers."""
    found: dict[str, Any] = {}
    for name, schema in spec.parameters.get("properties", {}).items():
        match = re.search(rf"(?<!\w){re.escape(name)}\s*[:=]?\s*(?:\"([^\"]*)\"|([\w.@:+-]*\w))", text)
        if match is None:
            continue
        value = match[2] if match[1] is None else match[1]
        kinds = {schema.get("type"), *(each.get("type") for each in schema.get("anyOf", ()))}
        if "string" in kinds:
            found[name] = value
        else:
            try:
                found[name] = json.loads(value)
            except ValueError:
                continue
    return found
