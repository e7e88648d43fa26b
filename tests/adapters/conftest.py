"""Tools that answer what a test tells them to, and the context of a trial that never ends."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from agentbench.calls import Meaning, ToolResult, ToolSpec


class Shop:
    """Tools and context of a trial: `get_price` (read), `buy` (write) and `report_outcome`."""

    host = "api.shop.example"

    def __init__(self) -> None:
        self.trial, self.seed = "t1", "seed"
        self.meaning = Meaning()
        self.resumes, self.transcript = False, []
        self.sent: list[tuple[str, Any]] = []
        self.requests: list[str | None] = []
        self._messages, self._fixed = 0, False
        self.reference: Sequence[Mapping[str, Any]] = [
            {"call": "get_price", "with": {"item": "lamp"}, "save": {"price": "price"}},
            {"call": "buy", "with": {"item": "lamp", "price": "$price"}},
            {"reply": "Bought for $price."},
        ]
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.models: list[dict[str, Any]] = []
        self.results: dict[str, ToolResult] = {"get_price": ToolResult(body={"price": 12})}
        item = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}
        self.specs = [
            ToolSpec(name="get_price", description="The price of an item.", parameters=item, effect="read"),
            ToolSpec(name="buy", description="Buy an item.", parameters=item, effect="write"),
            ToolSpec(name="report_outcome", description="Report.", parameters={"type": "object"}, effect="read"),
        ]

    async def call(self, name: str, arguments: Mapping[str, Any], *, call_id: str | None = None) -> ToolResult:
        self.calls.append((name, dict(arguments)))
        self.requests.append(call_id)
        return self.results.get(name, ToolResult(body={"ok": True}))

    def model_called(self, **facts: Any) -> None:
        self.models.append(facts)

    @property
    def message_number(self) -> int:
        """Another one each time that it is looked at, as it is once a turn, until it is set."""
        self._messages += not self._fixed
        return self._messages

    @message_number.setter
    def message_number(self, number: int) -> None:
        self._messages, self._fixed = number, True

    async def hand_over(self, channel: str, content: Any) -> list[Any]:
        self.sent.append((channel, content))
        return [content]

    def now_s(self) -> float:
        return 0.0


@pytest.fixture
def shop() -> Shop:
    """A shop with a lamp."""
    return Shop()


@pytest.fixture
def fail() -> Callable[..., ToolResult]:
    """An HTTP error with the body that APIs give it."""

    def fail(status: int, **headers: str) -> ToolResult:
        body = {"error": {"code": "trouble", "message": "Not now."}}
        return ToolResult(status=status, body=body, headers=headers)

    return fail
