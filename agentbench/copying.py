"""Copies of anything that an agent or a tool may hand over, so that a record can hold it.

Invariant: a copy is JSON-able and bounded, whatever it is made of, and making it runs no code that may do harm.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

# Bounds of one value that an agent or a tool hands over; far above what a real call or page holds.
DEPTH_MAX = 40
TEXT_MAX = 64 * 1024  # characters of one text
TEXT_TOTAL_MAX = 4_000_000
VALUES_MAX = 100_000
FLAT_MAX = 20  # entries of a dictionary that is copied without counting


def copied(value: Any) -> Any:
    """A deep copy of a JSON value, at the speed of the codec; what is not JSON goes through `plain`."""
    try:
        return msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return plain(value)


def plain(value: Any) -> Any:
    """A JSON-able copy of anything an agent may hand over, so that hostile values can be kept.

    Mappings, sequences and scalars stay; non-finite floats, huge integers, lone surrogates and other objects
    become text. What is too deep, too long or too much is cut, with a mark where it was.
    """
    if type(value) is str and len(value) <= TEXT_MAX and value.isascii():
        return value
    flat = _flat(value)
    return _Copy().of(value, 0) if flat is None else flat


def examine(value: Any) -> tuple[Any, str]:
    """The plain copy, and what about the value is not JSON or too large ('' when the copy is the value)."""
    flat = _flat(value)
    if flat is not None:
        return flat, ""
    copy = _Copy()
    return copy.of(value, 0), copy.problem


def _flat(value: Any) -> dict[str, Any] | None:
    """A copy of what most calls hold, a small dictionary of plain ASCII texts and numbers; None for anything else."""
    if type(value) is not dict or len(value) > FLAT_MAX:
        return None
    for name, item in value.items():
        kind = type(item)
        if type(name) is not str or len(name) > TEXT_MAX or not name.isascii():
            return None
        if kind is str:
            if len(item) > TEXT_MAX or not item.isascii():
                return None
        elif kind is int:
            if not -(2**63) <= item < 2**63:
                return None
        elif item is not None and kind is not bool:
            return None
    return dict(value)


class _Copy:
    """Makes one plain copy; all of it together is bounded, so that a small value cannot unfold into a huge one."""

    def __init__(self) -> None:
        self.problem = ""
        self._values = VALUES_MAX
        self._text = TEXT_TOTAL_MAX

    def of(self, value: Any, depth: int) -> Any:
        self._values -= 1
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return self._string(value)
        try:
            return self._other(value, depth)
        except Exception:  # noqa: BLE001 - trust boundary: an agent's own type may raise in any of its methods
            return self._instead(f"<{kind.__name__}>", f"it holds a {kind.__name__}, which cannot be read")

    def _other(self, value: Any, depth: int) -> Any:
        if isinstance(value, int):
            return self._integer(int.__index__(value))
        if isinstance(value, float):
            number = float.__float__(value)
            return number if number - number == 0 else self._instead(repr(number), f"{number!r} is not a JSON number")
        if isinstance(value, str):
            return self._string(str.__str__(value))
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            if depth >= DEPTH_MAX:
                return self._instead("<nested too deeply>", f"it is nested more than {DEPTH_MAX} levels deep")
            if isinstance(value, Mapping):
                return self._mapping(value, depth)
            copied = self._sequence(value, depth)
            return copied if isinstance(value, list | tuple) else sorted(copied, key=repr)
        name = type(value).__name__
        return self._instead(f"<{name}>", f"it holds a {name}, which is not JSON")

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        copied: dict[str, Any] = {}
        for name, item in value.items():
            if self._values <= 0:
                copied["<more>"] = self._instead("<too many values>", f"it holds more than {VALUES_MAX:,} values")
                break
            key = self.of(name, depth + 1)
            copied[key if isinstance(key, str) else str(key)[:TEXT_MAX]] = self.of(item, depth + 1)
        return copied

    def _sequence(self, value: Iterable[Any], depth: int) -> list[Any]:
        copied: list[Any] = []
        for item in value:
            if self._values <= 0:
                copied.append(self._instead("<too many values>", f"it holds more than {VALUES_MAX:,} values"))
                break
            copied.append(self.of(item, depth + 1))
        return copied

    def _integer(self, value: int) -> Any:
        if -(2**63) <= value < 2**63:
            return value
        shown = f"{value:.6e}" if abs(value) < 10**300 else "<huge integer>"
        return self._instead(shown, "it holds an integer of more than 64 bits")

    def _string(self, value: str) -> str:
        allowed = min(TEXT_MAX, max(self._text, 0))
        if len(value) > allowed:
            more = len(value) - allowed
            value = f"{value[:allowed]}<{more} more characters>"
            self.problem = self.problem or f"it holds a text of more than {allowed:,} characters"
        self._text -= len(value)
        if value.isascii():
            return value
        clean = value.encode("utf-8", "backslashreplace").decode("utf-8")
        if clean != value:
            self.problem = self.problem or "it holds text that is not Unicode"
        return clean

    def _instead(self, shown: str, problem: str) -> str:
        self.problem = self.problem or problem
        return shown
