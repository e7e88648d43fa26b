"""Lets a fault strike at one line of the user's, with an agent that answers as it is told to."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agentbench import plugins, seeds
from agentbench.abc import TurnContext
from agentbench.calls import Turn, Variation

SAID = "Pay Kim the rent. Then write to me. Do not touch SAV-1."


@dataclass
class Spoken:
    """What came of it."""

    heard: list[Turn] = field(default_factory=list)
    answer: str = ""
    receipt: dict[str, Any] = field(default_factory=dict)
    waited: list[float] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """What the agent heard."""
        return [turn.text for turn in self.heard]

    @property
    def gives(self) -> list[str]:
        """What a reader would take from each of it."""
        return [turn.means.gives for turn in self.heard]


def speak(
    fault: str,
    *answers: str,
    text: str = SAID,
    is_answer: bool = True,
    variations: Sequence[tuple[str, Variation]] = (),
    seed: str = "seed",
    **parameters: Any,
) -> Spoken:
    """The line under the fault; the agent gives these answers one after the other, the last one again and again."""
    spoken = Spoken()

    async def sleep(seconds: float) -> None:
        spoken.waited.append(seconds)

    async def hear(turn: Turn) -> str:
        spoken.heard.append(turn)
        return (answers or ("Done.",))[min(len(spoken.heard), len(answers) or 1) - 1]

    context = TurnContext(
        now_s=lambda: 0.0,
        sleep=sleep,
        generator=lambda: seeds.derive(seed),
        memory={},
        session=None,
        restart=lambda: None,
        variations=dict(variations),
    )
    made: Any = plugins.fault(fault, parameters)
    turn = Turn(text=text, number=2, answers=is_answer)
    spoken.answer = asyncio.run(made.inject(turn, hear, context))
    spoken.receipt = context.receipt
    return spoken
