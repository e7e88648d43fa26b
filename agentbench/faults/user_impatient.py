"""The user pushes instead of answering, and answers only when they are asked again.

Invariant: the answer is not said before the agent has asked for it once more.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import Phase, Site, TurnContext, Witness
from agentbench.calls import Meaning, Turn, TurnHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class UserImpatient:
    """The agent asked something, and hears `text` instead of an answer, up to `pushes` times.

    As soon as it asks again, the user answers. If it does not ask, the user pushes on, and in the end never answers.
    Strikes only where the script has an answer (`when`); other lines are said as ever (`ineffective`).

    Stands for: the impatient users of Non-collaborative users (arXiv 2509.23124), and every "just do it".
    """

    pushes: Annotated[int, Field(ge=1, le=5)] = 1
    text: str = "This takes far too long. Just get it done, now!"

    site: ClassVar[Site] = "user"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "put_off"
    strikes_at: ClassVar[Literal["answers"]] = "answers"

    async def inject(self, turn: Turn, proceed: TurnHandler, ctx: TurnContext) -> str:
        """Push, and answer when asked again."""
        if not turn.answers:
            return await proceed(turn)
        answer = ""
        for _ in range(self.pushes):
            answer = await proceed(replace(turn, text=self.text, means=Meaning(gives="nothing")))
            if "?" in answer:
                return await proceed(turn)
        return answer


fault = UserImpatient
