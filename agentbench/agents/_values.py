"""The values that a player has found so far, and how they get into arguments, texts and expressions.

Invariant: `$name` is replaced only when some step saves that name; any other dollar sign is text.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import jmespath
import jmespath.exceptions

_NAME = re.compile(r"\$(?:\{([a-zA-Z_]\w*)\}|([a-zA-Z_]\w*))")
_compiled = lru_cache(maxsize=1024)(jmespath.compile)


class Unbound(Exception):
    """A value that no earlier step could find."""


class Values:
    """What was saved under the names that a reference solution uses.

    With `lenient`, a value that was not found is used as null; without, using it in arguments raises `Unbound`.
    """

    def __init__(self, reference: Sequence[Mapping[str, Any]], *, lenient: bool) -> None:
        self._names = frozenset(_names(reference))
        self._lenient = lenient
        self._saved: dict[str, Any] = {}

    def learn(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """Know the names that further steps save."""
        self._names |= frozenset(_names(steps))

    def search(self, expression: str, body: Any) -> Any:
        """What a JMESPath, in which saved names are filled in, finds in a reply; None if the shape is another."""
        filled = _NAME.sub(self._quoted, expression) if "$" in expression else expression
        try:
            return _compiled(filled).search(body)
        except (jmespath.exceptions.JMESPathError, TypeError):  # it compares text with a number, and fails
            return None

    def holds(self, expression: str, body: Any | None = None, *, of_saved: bool = False) -> bool:
        """Whether a JMESPath over a reply, or over the saved values, finds something that is not empty or false."""
        return bool(self.search(expression, self._saved if of_saved else body))

    def found(self, save: Mapping[str, str], body: Any) -> dict[str, Any]:
        """What a step's `save` finds in a reply."""
        return {name: self.search(expression, body) for name, expression in save.items()}

    def keep(self, values: Mapping[str, Any]) -> None:
        """Save values."""
        self._saved.update(values)

    def fill(self, value: Any) -> Any:
        """Arguments with the saved values in place; `$name` alone keeps the value's type."""
        if isinstance(value, str):
            if "$" not in value:
                return value
            whole = _NAME.fullmatch(value)
            if whole and _name(whole) in self._names:
                return self._bound(_name(whole))
            return self._embed(value, self._bound)
        if isinstance(value, Mapping):
            return {name: self.fill(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(part) for part in value]
        return value

    def text(self, template: str) -> str:
        """A text with the saved values in place; what was not found is called unknown."""
        return self._embed(template, self._saved.get)

    def _embed(self, template: str, value_of: Callable[[str], Any]) -> str:
        def shown(match: re.Match[str]) -> str:
            return _shown(value_of(_name(match))) if _name(match) in self._names else match[0]

        return _NAME.sub(shown, template)

    def _quoted(self, match: re.Match[str]) -> str:
        if _name(match) not in self._names:
            return match[0]
        return _shown(self._saved.get(_name(match))).replace("'", "\\'")

    def _bound(self, name: str) -> Any:
        if name not in self._saved and not self._lenient:
            raise Unbound(name)
        return self._saved.get(name)


def _name(match: re.Match[str]) -> str:
    return match[1] or match[2]


def _shown(value: Any) -> str:
    if value is None:
        return "unknown"
    return value if isinstance(value, str) else json.dumps(value)


def _names(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for step in steps:
        yield from step.get("save", {})
        yield from _names(step.get("fallback", ()))
