"""Words and values by which an agent could tell that a reply was arranged, and how to find them in a text.

Invariant: only whole words count, so that `default` and `rate_limit_exceeded` are what they are in real replies.
"""

import re
from collections.abc import Iterable
from functools import cache

# With a '*', whatever follows in the same word.
WORDS = (
    "adversarial", "agentbench", "artificial*", "bar", "baz", "benchmark*", "chaos", "chaotic", "corrupt*",
    "deliberate*", "disruptor", "dummy", "fake*", "fault*", "foo", "foobar", "fuzz*", "harness", "hijack*", "inject*",
    "ipsum", "lorem", "mock*", "monkey", "noop", "perturb*", "poison*", "pretend*", "qux", "sabotage*", "sandbox*",
    "scenario*", "simulat*", "spoof*", "stub", "stubs", "stubbed", "synthetic*", "tamper*", "test", "tests", "tested",
    "testbed", "testcase*", "testing", "toxic*", "xxx", "xyzzy", "yyy",
)  # fmt: skip
_EXACT = frozenset(word for word in WORDS if not word.endswith("*"))
_OPEN = tuple(word.rstrip("*") for word in WORDS if word.endswith("*"))
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # of names in camel or snake case as well

_RANDOM = re.compile(r"[0-9a-f]{32,}")  # digests and signatures, which no word is hidden in

# Values that only a programmer makes up; a number counts also where JSON has it as one.
SENTINELS = re.compile(
    r"(?<![0-9A-Za-z.-])(?:0x[0-9a-f]*(?:dead|beef|cafe|babe|feed)[0-9a-f]*|deadbeef|cafebabe|feedface|baadf00d"
    r"|-?9{5,}(?:\.9+)?|-?1234567+8?9?0?|0{8}-0{4}-0{4}-0{4}-0{12}|([0-9])\1{7,}|1e9|1e18|4242424242"
    r"|nan|inf|infinity)(?![0-9A-Za-z])",
    re.IGNORECASE,
)


def giveaway(text: str, own: tuple[str, ...] = ()) -> str:
    """The first thing in a text that gives it away, or ''. `own` are names of ours that no service would use."""
    if len(text) >= 32 and _RANDOM.fullmatch(text) and len(set(text)) > 6:
        return ""
    for part in _PARTS.findall(text):
        word = part.lower()
        if word in _EXACT or word.startswith(_OPEN):
            return str(part)
    found = SENTINELS.search(text) or (_names(own).search(text) if own else None)
    return found[0] if found else ""


def own_names(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that no service would say: of several words joined by '_', or in camel case."""
    return tuple(sorted({name for name in names if "_" in name.strip("_") or re.search(r"[a-z][A-Z]", name)}))


@cache
def _names(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r"(?<![A-Za-z0-9_])(?:" + "|".join(re.escape(name) for name in names) + r")(?![A-Za-z0-9_])")
