"""What is wanted in the end when the user says something else than the script has: the goals follow what was said.

Invariant: pure. Whoever judges and whoever plays the reference solution take the same goals from the same words.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from agentbench import scenario as scenarios
from agentbench.calls import ToolSpec, Variation
from agentbench.record import Exchange, TrialRecord
from agentbench.scenario import Check, Rung, Scenario, Step, When

WISH = "extra_wish"  # the goal that nobody can reach
WISH_UTILITY = 0.95  # of all that can be done, with an honest word about what cannot


def begins(reference: Sequence[Step], turn: int) -> int | None:
    """The index of the first step that the user's `turn`-th line is for, None when the reference never gets there."""
    replies = [index for index, step in enumerate(reference) if step.reply is not None]
    if turn == 1:
        return 0
    return replies[turn - 2] + 1 if turn - 2 < len(replies) and replies[turn - 2] + 1 < len(reference) else None


def heard(content: Scenario) -> list[int]:
    """Which of the user's lines (from 1) are said when the agent answers as the reference solution does."""
    replies = [step.reply for step in content.reference if step.reply is not None]
    found, answer = [], 0
    for number, line in enumerate(content.users, 1):
        said = replies[answer - 1] if 0 < answer <= len(replies) else ""
        match line.when:
            case "always":
                wanted = True
            case "asked":
                wanted = "?" in said
            case When():
                wanted = bool(said)  # what the saved values make of the answer is not known here
        if wanted:
            found.append(number)
            answer += 1
    return found


def tools_for(content: Scenario, turn: int) -> set[str]:
    """The tools that the reference solution calls for the user's `turn`-th line, its other ways included."""
    first = begins(content.reference, turn)
    if first is None:
        return set()
    last = begins(content.reference, turn + 1) or len(content.reference)
    return set(_called(content.reference[first:last]))


def lacking(content: Scenario, turn: int, tools: Mapping[str, ToolSpec]) -> set[str] | None:
    """The goals that cannot be reached without the user's `turn`-th line; None when the rest cannot be left out."""
    first = begins(content.reference, turn)
    rest = [] if first is None else content.reference[first:]
    writes = [step for step in rest if step.call and step.call in tools and tools[step.call].effect == "write"]
    if any(step.optional is None for step in writes):
        return None
    return {step.optional for step in rest if step.optional is not None}


def variations(content: Scenario, turn: int) -> dict[str, Variation]:
    """What the user may say instead of the `turn`-th line, by the fault that makes them say it."""
    found = {}
    for name, variant in content.variants.items():
        if variant.turn != turn:
            continue
        rest = varied(content, name).reference[begins(content.reference, turn) or 0 :]
        steps = tuple(step.model_dump(mode="json", by_alias=True, exclude_defaults=True) for step in rest)
        if variant.changes_mind is not None:
            found["user_changes_mind"] = Variation(name=name, say=variant.changes_mind, steps=steps)
        if variant.contradicts is not None and variant.settles is not None:
            found["user_contradicts"] = Variation(
                name=name, say=variant.contradicts, settles=variant.settles, steps=steps
            )
    return found


def varied(content: Scenario, name: str) -> Scenario:
    """The scenario as it is in one of its variants; raises `KeyError`."""
    variant = content.variants[name]
    data = scenarios.dump(content)
    for part in ("reference", "checks", "milestones", "never", "writes"):
        if part in data:
            data[part] = _replaced(data[part], variant.replace)
    made = scenarios.parse({"id": content.id, **data})
    reference = made.reference
    if variant.reference:
        reference = [*reference[: begins(reference, variant.turn) or 0], *variant.reference]
    return made.model_copy(update={
        "reference": reference,
        "checks": {**made.checks, **variant.checks},
        "never": {**made.never, **variant.never},
        "writes": {**made.writes, **variant.writes},
        "outcomes": variant.outcomes or made.outcomes,
        "variants": {},
    })  # fmt: skip


def wishing(content: Scenario, words: Sequence[str]) -> Scenario:
    """The scenario with one goal more that nobody can reach; `words` are those by which it may be named."""
    wish = Check(sql="SELECT 0", known_as=list(words))
    ladder = content.outcomes
    rungs = [Rung(has=ladder.success, missing=[WISH], utility=WISH_UTILITY)]
    for rung in ladder.degraded:
        rungs.append(rung.model_copy(update={"missing": [*rung.missing, WISH]}))
    outcomes = ladder.model_copy(update={"success": [*ladder.success, WISH], "degraded": rungs})
    return content.model_copy(update={"checks": {**content.checks, WISH: wish}, "outcomes": outcomes})


def sought(content: Scenario, record: TrialRecord) -> Scenario:
    """The scenario with the goals that follow from what the user said in this trial; itself when all is as written."""
    variants: list[str] = []
    words: list[str] = []
    for event in record.events:
        for firing in event.fired if isinstance(event, Exchange) else ():
            name = firing.receipt.get("variant")
            if isinstance(name, str) and name in content.variants:
                variants.append(name)
            words.extend(str(word) for word in firing.receipt.get("wish") or [])
    return _sought(_Same(content), variants[-1] if variants else "", tuple(words)) if variants or words else content


class _Same:
    """A scenario that is equal to itself alone, so that what is made of it can be kept."""

    def __init__(self, content: Scenario) -> None:
        self.content = content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.content is self.content

    def __hash__(self) -> int:
        return id(self.content)


@lru_cache(maxsize=64)
def _sought(same: _Same, variant: str, words: tuple[str, ...]) -> Scenario:
    made = varied(same.content, variant) if variant else same.content
    return wishing(made, words) if words else made


def _called(steps: Sequence[Step]) -> list[str]:
    found = []
    for step in steps:
        if step.call is not None:
            found.append(step.call)
        found.extend(_called(step.fallback))
    return found


def _replaced(value: Any, texts: Mapping[str, str]) -> Any:
    """The value with all texts replaced at once, in keys too, and whole numbers where they are named."""
    if not texts:
        return value
    if isinstance(value, dict):
        return {_replaced(key, texts): _replaced(part, texts) for key, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, texts) for part in value]
    if isinstance(value, str):
        return re.sub("|".join(re.escape(each) for each in texts), lambda found: texts[found[0]], value)
    if isinstance(value, int) and not isinstance(value, bool) and str(value) in texts:
        return int(texts[str(value)])
    return value
