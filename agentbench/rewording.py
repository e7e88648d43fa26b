"""Says the same in other words: typos, synonyms, fillers, casing, politeness, punctuation, other ways to write numbers.

Invariant: every id, number, date and name keeps its value, and what a strength changes a larger one changes as well.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random

# Reviewed one by one: each may stand for the other in any sentence that somebody would write to an agent.
SYNONYMS: Mapping[str, str] = {
    "please": "kindly",
    "again": "once more",
    "twice": "two times",
    "exactly": "precisely",
    "believe": "think",
    "anybody": "anyone",
    "somebody": "someone",
    "everybody": "everyone",
    "needs": "requires",
    "need": "require",
    "begin": "start",
    "really": "truly",
    "meanwhile": "in the meantime",
    "instead": "rather",
    "because": "since",
    "perhaps": "maybe",
    "purchase": "buy",
    "obtain": "get",
    "assist": "help",
    "quickly": "fast",
    "large": "big",
    "still": "even now",
    "find": "locate",
    "also": "too",
    "whether": "if",
    "scheduled": "planned",
}

# Words that a slip could turn into another instruction; they are left alone.
KEPT = frozenset(
    [
        "not",
        "no",
        "never",
        "none",
        "neither",
        "only",
        "all",
        "both",
        "each",
        "any",
        "every",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "first",
        "second",
        "third",
        "last",
        "latest",
        "earliest",
        "before",
        "after",
        "until",
        "since",
        "later",
        "earlier",
        "next",
        "previous",
        "more",
        "less",
        "most",
        "least",
        "than",
        "and",
        "or",
        "but",
        "if",
        "then",
        "except",
        "without",
        "within",
        "up",
        "down",
        "from",
        "to",
        "in",
        "out",
        "on",
        "off",
        "cheapest",
        "nearest",
        "largest",
        "smallest",
        "economy",
        "business",
        "standard",
        "single",
        "double",
    ]
)

FILLERS = ("you know", "well", "let me think", "I mean")
OPENINGS = ("Hello there. ", "Good morning. ", "Hi! ", "I hope you are well. ")
LINKED = re.compile(
    r"\b(then|so|that|this|those|these|it|its|they|them|their|he|him|his|she|her|hers|if|yes|no|but|and|also|only|first|"
    r"last|later|next|again|instead|otherwise|before|after|when|once|same|one|other|there|wait)\b",
    re.IGNORECASE,
)

_WORD = re.compile(r"[a-z]+")
_THOUSANDS = re.compile(r"(?<![\w.,-])(\d{1,3}(?:,\d{3})+)(?![\d,])")
_QUOTED = re.compile(r'"[^"\n]*"')
_SENTENCE = re.compile(r'(?<=[.!?])\s+(?=["“A-ZÄÖÜ])')

Draw = Callable[[], float]


def reworded(text: str, strength: float, random: Random) -> str:
    """The text with a share of about `strength` (0 to 1) of its words and sentences changed.

    The draws do not depend on the strength: with an equal generator a larger one only adds changes.
    """
    greeted, which = random.random() < strength, int(random.random() * len(OPENINGS))
    plain = _SENTENCE.split(text)
    sentences = [_reworded(each, strength, random.random) for each in plain]
    said = " ".join(_reordered(plain, sentences, strength, random.random))
    return OPENINGS[which] + said if greeted else said


def _reworded(sentence: str, strength: float, draw: Draw) -> str:
    """One sentence. All that could be drawn is drawn, whether it is used or not."""
    parts = []
    place = 0
    for quoted in _QUOTED.finditer(sentence):
        parts.append(_words(sentence[place : quoted.start()], strength, draw))
        curly = draw() < strength
        parts.append(f"“{quoted[0][1:-1]}”" if curly else quoted[0])  # what is inside is a name, to the letter
        place = quoted.end()
    parts.append(_words(sentence[place:], strength, draw))
    said = "".join(parts)
    return said[:-1] + "!" if draw() < strength and said.endswith(".") else said


def _words(text: str, strength: float, draw: Draw) -> str:
    """A stretch without quotations: every token between blanks by itself."""
    return "".join(each if not each.strip() else _token(each, strength, draw) for each in re.split(r"(\s+)", text))


def _token(token: str, strength: float, draw: Draw) -> str:
    hit, kind, where = draw() < strength, draw(), draw()
    if not hit:
        return token
    if any(sign.isdigit() for sign in token):
        return _THOUSANDS.sub(lambda found: found[1].replace(",", ""), token)
    word = token.rstrip(".,;:!?")
    if not _WORD.fullmatch(word) or word in KEPT:
        return token  # a name, an id, an address, or a word on which the meaning hangs
    tail = token[len(word) :]
    changed = _changed(word, kind, where)
    return changed + (tail or "," if "," in changed else tail)


def _changed(word: str, kind: float, where: float) -> str:
    """A plain word, changed in one way."""
    if word in SYNONYMS and kind < 0.7:
        return SYNONYMS[word]
    if kind < 0.6 and len(word) > 4:
        at = 1 + int(where * (len(word) - 3))  # the first and the last letter stay: so it can be read
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind < 0.8:
        return word.upper()
    return f"{word}, {FILLERS[int(where * len(FILLERS))]}"


def _reordered(plain: Sequence[str], said: Sequence[str], strength: float, draw: Draw) -> list[str]:
    """Neighbours change places where neither refers to another sentence; pair by pair."""
    found = list(said)
    for first in range(0, len(said) - 1, 2):
        hit = draw() < strength
        if hit and not any(LINKED.search(each) for each in plain[first : first + 2]):
            found[first], found[first + 1] = found[first + 1], found[first]
    return found
