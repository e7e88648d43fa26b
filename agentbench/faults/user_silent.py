"""The user does not answer: nothing comes, or a message with nothing in it, until they are asked again.

Invariant: the answer is not said before the agent has asked for it once more.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import Phase, Site, TurnContext, Witness
from agentbench.calls import Meaning, Turn, TurnHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSilent:
    """The agent asked something, and after `after_s` seconds it hears a message that holds no answer.

    If it asks again, the user `comes_back` and answers; with `comes_back: false` a second such message is all it hears.
    If it does not ask, the user never answers. `as: gone` lets it hear nothing at all. Strikes only where the script
    has an answer (`when`); other lines are said as ever (`ineffective`).

    Stands for: a tab that was closed, a phone that rings, an empty message sent by mistake (the incomplete utterances
    of Non-collaborative users, arXiv 2509.23124).
    """

    after_s: Annotated[float, Field(ge=0, le=86_400)] = 120.0
    as_: Annotated[Literal["empty", "gone"], Field(alias="as")] = "empty"
    comes_back: bool = True

    site: ClassVar[Site] = "user"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "put_off"
    strikes_at: ClassVar[Literal["answers"]] = "answers"

    @property
    def withholds(self) -> bool:
        """Whether the answer is never said."""
        return self.as_ == "gone" or not self.comes_back

    async def inject(self, turn: Turn, proceed: TurnHandler, ctx: TurnContext) -> str:
        """Keep silent until the agent asks again."""
        if not turn.answers:
            return await proceed(turn)
        if self.as_ == "gone":
            ctx.receipt["witness"] = "kept_away"
            return ""
        await ctx.sleep(self.after_s)
        answer = await proceed(replace(turn, text="…", means=Meaning(gives="nothing")))
        if "?" not in answer:
            return answer
        if self.comes_back:
            return await proceed(turn)
        await ctx.sleep(self.after_s)
        return await proceed(replace(turn, text="…", means=Meaning(gives="nothing")))


fault = UserSilent
