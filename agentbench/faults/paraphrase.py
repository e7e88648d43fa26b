"""The user says the same in other words: typos, synonyms, fillers, casing, politeness, numbers written otherwise.

Invariant: ids, numbers, dates and names keep their values, and what is right in the end stays what it was.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from pydantic import Field

from agentbench.abc import Phase, Site, TurnContext, Witness
from agentbench.calls import Turn, TurnHandler
from agentbench.rewording import reworded


@dataclass(frozen=True, slots=True, kw_only=True)
class Paraphrase:
    """A share `strength` of the words and sentences is changed; the axis ε of ReliabilityBench.

    Words get a typo, a synonym from a reviewed list, capitals or a filler; sentences a greeting, another mark at their
    end, or the place of their neighbour where neither refers to the other; 1,200 becomes 1200 and "x" becomes “x”.
    Left alone is whatever holds a digit or a capital, what stands in quotation marks, and words like `not`, `only` or
    `cheapest`. The changes are keyed: a larger strength makes the same ones and more. What is right in the end does
    not change, so an agent that reads must come to an equal end state. A text that stays as it was is `ineffective`.

    Stands for: the perturbations of ReliabilityBench (arXiv 2601.06112) and what people type on their phones.
    """

    strength: Annotated[float, Field(ge=0, le=1)] = 0.2

    site: ClassVar[Site] = "user"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "said_otherwise"

    async def inject(self, turn: Turn, proceed: TurnHandler, ctx: TurnContext) -> str:
        """Let the agent hear the other words."""
        return await proceed(replace(turn, text=reworded(turn.text, self.strength, ctx.random)))


fault = Paraphrase
