"""Hostile text made harmless to read: what would steer a terminal or turn text around is shown, never obeyed.

Invariant: of what comes out every character is printable, a blank, or (where asked for) a line break or tab.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any


def visible(text: str, *, lines: bool = False) -> str:
    """The text with control, bidi and other unseen characters written out, as `␛` or `\\u202e`.

    With `lines`, line breaks and tabs stay what they are.
    """
    if text.isprintable():
        return text
    return "".join(char if _harmless(char, lines) else _written_out(char) for char in text)


def visible_data(value: Any) -> Any:
    """A copy of JSON-like data in which every string, keys too, is visible text; line breaks stay."""
    match value:
        case str():
            return visible(value, lines=True)
        case Mapping():
            return {visible(str(name)): visible_data(item) for name, item in value.items()}
        case list() | tuple():
            return [visible_data(item) for item in value]
        case _:
            return value


def _harmless(char: str, lines: bool) -> bool:
    return char.isprintable() or (lines and char in "\n\t") or unicodedata.category(char) == "Zs"


def _written_out(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)  # the control pictures: ␛ for escape
    if code == 0x7F:
        return "␡"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
