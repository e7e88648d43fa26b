"""Text that would steer a terminal or deceive a reader is written out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.report.visible import visible, visible_data


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]8;;http://evil\x07link", "␛]8;;http://evil␇link"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("a\u2066b\u2069c", "a\\u2066b\\u2069c"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("\x7f\x85\u2028", "␡\\u0085\\u2028"),
        ("a\x00b", "a␀b"),
        ("\U000e0041", "\\U000e0041"),
        ("Zürich 東京 🙂\u00a0", "Zürich 東京 🙂\u00a0"),
        ("two\nlines\tand\r", "two␊lines␉and␍"),
    ],
)
def test_written_out(text: str, shown: str) -> None:
    """Unseen characters get a visible form, and everything else stays as it is."""
    assert visible(text) == shown


def test_lines_are_kept_where_asked_for() -> None:
    """Line breaks and tabs survive in running text, a carriage return does not."""
    assert visible("a\n\tb\r", lines=True) == "a\n\tb␍"


@given(st.text())
def test_output_is_always_harmless(text: str) -> None:
    """No control, format or surrogate character comes through, whatever goes in; doing it twice changes nothing."""
    once = visible(text)
    assert visible(once) == once
    assert all(char.isprintable() or char.isspace() for char in once)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in once)
    assert once.encode().decode() == once


def test_data_is_made_visible_throughout() -> None:
    """Keys and values at any depth are covered, and other values stay."""
    data = {"a\x1b": ["\u202e", {"k": ("x\ny", 1, None, True)}]}
    assert visible_data(data) == {"a␛": ["\\u202e", {"k": ["x\ny", 1, None, True]}]}
