"""A travel world for tests, with a clock that the test moves and short ways to call its tools."""

from typing import Any

from agentbench import plugins
from agentbench.calls import ToolCall, ToolResult
from agentbench.world import World

TRAVEL = plugins.environment("travel")
STAY = {"check_in": "2026-03-17", "check_out": "2026-03-19"}


class Desk:
    """A world with a clock that the test moves, and short ways to call its tools."""

    def __init__(self, sql: str | None = None) -> None:
        self.now_s = 0.0
        self.world = World(TRAVEL.template(0, sql), epoch=TRAVEL.epoch, clock=lambda: self.now_s, seed="test")
        self._calls = 0

    def answer(self, tool: str, **arguments: Any) -> ToolResult:
        self._calls += 1
        call = ToolCall(id=f"c{self._calls}", tool=tool, arguments=arguments)
        return TRAVEL.execute(self.world, call, author=f"call:{call.id}", at_s=self.now_s)

    def ask(self, tool: str, **arguments: Any) -> Any:
        result = self.answer(tool, **arguments)
        assert result.ok, result.body
        return result.body

    def refused(self, tool: str, **arguments: Any) -> tuple[int | None, str]:
        """Status and code of a refusal, which must have left nothing behind."""
        before = self.world.digest(), len(self.world.effects)
        result = self.answer(tool, **arguments)
        assert (self.world.digest(), len(self.world.effects)) == before
        return result.status, result.body["error"]["code"]

    def room(self, traveller: str = "TRV-103") -> dict[str, Any]:
        """A room of three stars in Munich for two nights, held."""
        booking: dict[str, Any] = self.ask("book_hotel", room_id="RM-047S", traveller_id=traveller, **STAY)
        return booking
