"""Other words for the same: nothing that counts is lost, and more strength only adds changes."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbench import plugins, scenario, seeds
from agentbench.rewording import FILLERS, KEPT, OPENINGS, SYNONYMS, reworded

LINES = [line.say for path in plugins.scenarios().values() for line in scenario.load(path).users]
SEEDS = st.integers(0, 10_000)
STRENGTHS = st.floats(0, 1)


def values(text: str) -> Counter[str]:
    """Everything in a text that holds a digit, by value."""
    found = re.findall(r"[^\s\"“”!?;:()]*\d[^\s\"“”!?;:()]*", text)
    return Counter(re.sub(r"(?<=\d),(?=\d{3})", "", each).rstrip(".,") for each in found)


def names(text: str) -> Counter[str]:
    """The capitalised words within sentences, and whatever stands in quotation marks."""
    quoted = re.findall(r"[\"“]([^\"”]*)[\"”]", text)
    inner = re.findall(r"(?<=[a-z,] )[A-Z][a-z]+\b", re.sub(r"[\"“][^\"”]*[\"”]", "", text))
    return Counter([*quoted, *inner])


@settings(deadline=None)
@given(st.sampled_from(LINES), STRENGTHS, SEEDS)
def test_ids_numbers_and_names_keep_their_values(text, strength, seed):
    """Whatever holds a digit is still there with its value; so are names, and what stands in quotation marks."""
    said = reworded(text, strength, seeds.derive(seed))
    assert values(said) == values(text)
    assert not names(text) - names(said) - Counter(re.findall(r"[A-Z]\w+", said))


AMOUNT = st.integers(0, 10**9).map(lambda number: f"{number:,}")
ID = st.from_regex(r"[A-Z]{2,4}-[0-9]{2,6}", fullmatch=True)
DATE = st.dates().map(str)


@settings(deadline=None)
@given(st.lists(AMOUNT | ID | DATE, min_size=1, max_size=6), STRENGTHS, SEEDS)
def test_any_value_survives(found, strength, seed):
    """Amounts, ids and dates that no scenario has keep their values too."""
    text = f"Please pay {' and perhaps also '.join(found)} from the account."
    assert values(reworded(text, strength, seeds.derive(seed))) == values(text)


@settings(deadline=None)
@given(st.sampled_from(LINES), STRENGTHS, STRENGTHS, SEEDS)
def test_more_strength_only_adds_changes(text, one, other, seed):
    """Each place that a strength changes a larger one changes in the same way."""
    weak, strong = sorted((one, other))
    plain = text.split()
    touched = changes(plain, reworded(text, weak, seeds.derive(seed)))
    assert not touched - changes(plain, reworded(text, strong, seeds.derive(seed)))


def changes(plain: list[str], said: str) -> Counter[str]:
    """The words of the text that were taken away; what was only added does not count."""
    added = "|".join(map(re.escape, [*(f", {filler}" for filler in FILLERS), *OPENINGS]))
    left = [word.strip(",.!") for word in re.sub(added, "", said).split()]
    return Counter(word.strip(",.!") for word in plain) - Counter(left)


@pytest.mark.parametrize("text", LINES)
def test_nothing_changes_without_strength_and_much_with_all_of_it(text):
    """At 0 the text stays to the letter; at 1 hardly a sentence does."""
    assert reworded(text, 0, seeds.derive("x")) == " ".join(text.split())
    assert reworded(text, 1, seeds.derive("x")) != text


def test_share_of_the_words_that_change_follows_the_strength():
    """Over all lines of the bundled scenarios more words change the larger it is, in about the proportion."""
    shares = []
    for strength in (0.1, 0.2, 0.4):
        touched = sum(changes(text.split(), reworded(text, strength, seeds.derive(text))).total() for text in LINES)
        shares.append(touched / sum(len(text.split()) for text in LINES))
    assert 0.02 < shares[0] < shares[1] < shares[2] < 0.4


def test_lists_are_sound():
    """No word on which the meaning hangs is exchanged, and no synonym is such a word."""
    assert not KEPT & set(SYNONYMS)
    assert all(re.fullmatch(r"[a-z ]+", each) for each in SYNONYMS.values())


def test_neighbours_change_places_only_where_none_refers_to_another():
    """Two independent requests may be exchanged; an order of steps may not."""
    free = "Pay Kim the rent. Write to Lena."
    bound = "Pay Kim the rent. Then write to Lena."
    for number in range(30):
        said = reworded(bound, 1, seeds.derive(number))
        assert said.index("Kim") < said.index("Lena")
    swapped = [reworded(free, 1, seeds.derive(number)) for number in range(30)]
    assert all(said.index("Kim") > said.index("Lena") for said in swapped)
