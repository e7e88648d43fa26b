"""What the text of an error says an agent could do about it.

Invariant: a hint is taken from the words that the agent was told, and names nothing that they do not.
"""

import re
from collections.abc import Container, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentbench.agents._memory import Action, Call
from agentbench.agents._outcome import Outcome

_RENEW = re.compile(r"token_expired.*?\bCall '(\w+)'", re.DOTALL)
_RENAMED = re.compile(r"\bwas renamed to '([\w-]+)'")
_MISSING = re.compile(r"(\w+): Field required")
_STRANGE = re.compile(r"(\w+): Extra inputs are not permitted")


@dataclass(slots=True)
class Lessons:
    """What an agent has learned in a trial: other names of tools and of their parameters; `known` are its tools."""

    known: Container[str] = ()
    tools: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, dict[str, str]] = field(default_factory=dict)

    def applied(self, tool: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The call as it has to be made now."""
        names = self.parameters.get(tool, {})
        return self.tools.get(tool, tool), {names.get(name, name): value for name, value in arguments.items()}

    def learn(self, tool: str, arguments: Mapping[str, Any], error: str) -> bool:
        """Take what an error says of a call of `tool`; returns whether the call is worth making anew."""
        renamed = _RENAMED.search(error)
        if renamed and self.tools.get(tool) != renamed[1]:
            self.tools[tool] = renamed[1]
            return True
        missing, strange = set(_MISSING.findall(error)), set(_STRANGE.findall(error))
        if len(missing) == len(strange) == 1 and strange <= arguments.keys() and not missing & arguments.keys():
            self.parameters.setdefault(tool, {})[strange.pop()] = missing.pop()
            return True
        return False

    def heeding(self, tool: str, arguments: Mapping[str, Any]) -> Generator[Action, Outcome | None, Outcome]:
        """Call a tool, and once more when the error says what would help and that was done."""
        outcome = yield from called(*self.applied(tool, arguments))
        by = "" if outcome.ok else renewal(outcome.text)
        if by in self.known and by != tool:
            renewed = yield from called(by, {})
            again = renewed.ok
        else:
            again = not outcome.ok and self.learn(tool, arguments, outcome.text)
        return (yield from called(*self.applied(tool, arguments))) if again else outcome


def called(tool: str, arguments: dict[str, Any]) -> Generator[Action, Outcome | None, Outcome]:
    """Call a tool; a graph that lost the reply leaves the agent in the dark."""
    outcome = yield Call(tool, arguments)
    return outcome or Outcome(ok=False)


def renewal(error: str) -> str:
    """The tool that renews an expired credential, '' when the error names none."""
    found = _RENEW.search(error)
    return found[1] if found else ""
