"""Giveaways: words and values that only a testbed would say, and real text that is not mistaken for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.giveaways import WORDS, giveaway, own_names

OWN = own_names(["lost_reply", "outage", "LostReply", "Outage", "rate_limit", "agentbench"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("This error was injected.", "injected"),
        ("INJECTED_TIMEOUT", "INJECTED"),
        ("isInjected", "Injected"),
        ("x-fault-id", "fault"),
        ("HTTPFault", "Fault"),
        ("simulated_outage", "simulated"),
        ("Lorem ipsum", "Lorem"),
        ("foo", "foo"),
        ("a test reply", "test"),
        ("CORRUPTED", "CORRUPTED"),
        ("999999", "999999"),
        ("-99999", "-99999"),
        ("EUR 99999.99", "99999.99"),
        ("0xDEADBEEF", "0xDEADBEEF"),
        ("123456789", "123456789"),
        ("NaN", "NaN"),
        ("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"),
        ("raised by lost_reply", "lost_reply"),
        ("LostReply", "LostReply"),
    ],
)
def test_what_gives_it_away_is_found(text: str, found: str) -> None:
    """The word or value itself is told, whatever the case and the style of names."""
    assert giveaway(text, OWN) == found


@pytest.mark.parametrize(
    "text",
    [
        "default", "latest", "contest", "rate_limit_exceeded", "502 Bad Gateway", "There is an outage.",
        "socket hang up", "Barcelona", "EUR 9.99", "-999", "DE20100500000123454407", "TRF-9C41A7E2", "99", "9999",
        "2026-03-02T09:00:00Z", "+49 30 5550142", "Infinite Coffee", "stubborn", "JÃ¶rg", "req_5f2c1d", "",
    ],
)  # fmt: skip
def test_real_text_is_left_alone(text: str) -> None:
    """Words that only begin or end like one, amounts, ids and what services really say are no giveaways."""
    assert giveaway(text, OWN) == ""


@given(st.sampled_from(WORDS), st.sampled_from(["{}", "the {} one", "x-{}", "is_{}", "{}_id", "{}s!"]))
def test_every_word_is_found_in_every_style(word: str, frame: str) -> None:
    """By itself, in a sentence, in a header and in a key; only an exact word ends where it ends."""
    text = frame.format(word.rstrip("*"))
    if frame == "{}s!" and not word.endswith("*"):
        return
    assert giveaway(text)
    assert giveaway(text.upper())


@given(st.integers(0, 2**256 - 1))
def test_digests_hold_no_words(number: int) -> None:
    """Sixty-four hexadecimal digits are a checksum, whatever they spell, unless all are alike."""
    text = f"{number:064x}"
    assert giveaway(text) == "" or len(set(text)) <= 6


def test_own_names_are_those_that_nobody_else_says() -> None:
    """Names of one ordinary word say nothing; those of several words, or in camel case, do."""
    assert OWN == ("LostReply", "lost_reply", "rate_limit")
