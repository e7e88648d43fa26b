"""The one way to a terminal: results to standard output, everything else to standard error, hostile text made visible.

Invariant: no control character, escape sequence or bidirectional override of an agent's reaches the terminal.
"""

import sys
from typing import Any

import msgspec

_KEEP = {"\n", "\t"}


def fail(message: str, code: int) -> int:
    """Say what is wrong, one line for each problem, and return the exit code."""
    for line in message.splitlines() or [""]:
        sys.stderr.write(f"error: {clean(line)}\n")
    return code


def say(text: str = "") -> None:
    """A line of progress or remark, on standard error."""
    sys.stderr.write(clean(text) + "\n")


def say_rendered(line: str) -> None:
    """A line on standard error whose parts are clean already, and which may hold colours of our own."""
    sys.stderr.write(line + "\n")


def put(text: str) -> None:
    """A line of result, on standard output."""
    sys.stdout.write(clean(text) + "\n")


def put_json(value: Any) -> None:
    """One JSON document, on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def clean(text: str) -> str:
    """The text with control and bidirectional characters replaced by what they are called."""
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    code = ord(character)
    hidden = (code < 32 and character not in _KEEP) or 127 <= code < 160 or 0x202A <= code <= 0x202E
    if hidden or 0x2066 <= code <= 0x2069 or 0xD800 <= code <= 0xDFFF or code in (0x200E, 0x200F, 0x2028, 0x2029):
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    return character
