"""Makes a failing list smaller and a number simpler, and says by a sequential test whether a failure came back.

Invariant: pure. Nothing here executes a trial; whoever asks brings the question as a function.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import log
from typing import Literal, TypeAlias, TypeVar

Item = TypeVar("Item")
Verdict: TypeAlias = Literal["accept", "reject", "open"]

STEPS_MAX = 12  # halvings of the way between two numbers


def ddmin(items: Sequence[Item], fails: Callable[[list[Item]], bool]) -> list[Item]:
    """A sublist that fails and of which no item can be left out (1-minimal); `fails(items)` is taken as given.

    Delta debugging after Zeller and Hildebrandt (2002), with the empty list tried first. Asks at most n² + 3n + 1
    times; whatever `fails` raises passes through.
    """
    rest = list(items)
    if not rest or fails([]):
        return []
    parts = 2
    while len(rest) > 1:
        chunks = _split(rest, parts)
        smaller = next((chunk for chunk in chunks if fails(chunk)), None)
        if smaller is not None:
            rest, parts = smaller, 2
            continue
        # With two parts the complement of one is the other, which was asked just now.
        without = [_without(chunks, index) for index in range(len(chunks))] if parts > 2 else []
        smaller = next((others for others in without if fails(others)), None)
        if smaller is not None:
            rest, parts = smaller, max(parts - 1, 2)
        elif parts >= len(rest):
            break
        else:
            parts = min(2 * parts, len(rest))
    return rest


def _split(items: list[Item], parts: int) -> list[list[Item]]:
    """Cut into that many parts, whose lengths differ by one at most."""
    ends = [len(items) * number // parts for number in range(parts + 1)]
    return [items[start:end] for start, end in pairwise(ends)]


def _without(chunks: list[list[Item]], index: int) -> list[Item]:
    return [item for number, chunk in enumerate(chunks) if number != index for item in chunk]


def nearest(failing: float, passing: float, fails: Callable[[float], bool]) -> float:
    """A failing number as near to the passing one as halving the way finds it; whole numbers stay whole.

    Exact for whole numbers up to 2¹² apart if every number on the far side fails; else merely one that fails.
    """
    whole = isinstance(failing, int) and float(passing).is_integer()
    passing = int(passing) if whole else passing
    for _ in range(STEPS_MAX):
        middle = (failing + passing) // 2 if whole else float(f"{(failing + passing) / 2:.3g}")
        if middle in (failing, passing):
            break
        if fails(middle):
            failing = middle
        else:
            passing = middle
    # One step is left to the whole number that lies between, if the halves were rounded away from it.
    if whole and abs(failing - passing) == 2 and fails((failing + passing) // 2):
        failing = (failing + passing) // 2
    return failing


@dataclass(frozen=True, kw_only=True)
class Sequential:
    """Wald's sequential probability ratio test of "it fails at least with `p1`" against "at most with `p0`".

    `alpha` bounds the chance to accept what fails only with `p0`, `beta` that to reject what fails with `p1`; after
    `most` trials without a decision it rejects, so that no error of the first kind is added.
    """

    alpha: float = 0.05
    beta: float = 0.1
    p0: float = 0.3
    p1: float = 0.7
    most: int = 30

    def verdict(self, failed: int, passed: int) -> Verdict:
        """What so many trials that failed, and so many that did not, say."""
        ratio = failed * log(self.p1 / self.p0) + passed * log((1 - self.p1) / (1 - self.p0))
        # A bound that is met exactly is met, whatever the sum was rounded to.
        if ratio >= log((1 - self.beta) / self.alpha) - 1e-9:
            return "accept"
        if ratio <= log(self.beta / (1 - self.alpha)) + 1e-9 or failed + passed >= self.most:
            return "reject"
        return "open"

    def accepts(self, p: float) -> tuple[float, float]:
        """The exact chance to accept what fails with `p`, and how many trials it takes on average."""
        states = {(0, 0): 1.0}
        accepted = trials = 0.0
        while states:
            following: dict[tuple[int, int], float] = {}
            for (failed, passed), chance in states.items():
                trials += chance
                for state, share in (((failed + 1, passed), p), ((failed, passed + 1), 1 - p)):
                    verdict = self.verdict(*state)
                    if verdict == "accept":
                        accepted += chance * share
                    elif verdict == "open":
                        following[state] = following.get(state, 0.0) + chance * share
            states = following
        return accepted, trials

    @cached_property
    def error(self) -> float:
        """The exact chance to accept what fails only with `p0`."""
        return self.accepts(self.p0)[0]
