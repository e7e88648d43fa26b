"""A bank of a few tools in memory, whose replies can be spoilt, and a clock that nobody waits for."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from agentbench import plugins
from agentbench.calls import Meaning, ToolResult, ToolSpec

Spoil = Callable[[Callable[[], ToolResult]], ToolResult]


def _spec(name: str, effect: Any = "read", key: str | None = None) -> ToolSpec:
    return ToolSpec(name=name, description=name, parameters={"type": "object"}, effect=effect, idempotency_key=key)


def _page(items: list[Any]) -> ToolResult:
    return ToolResult(body={"items": items, "next_cursor": None, "total": len(items)})


class Bank:
    """Tools and context of one trial at once; `spoil(tool, how, calls)` changes what some calls come to."""

    host = "api.bank.example"

    def __init__(self, reference: Sequence[Mapping[str, Any]], *, keys: bool) -> None:
        self.reference = reference
        self.trial, self.seed = "t1", "seed"
        self.meaning = Meaning()
        self.resumes, self.transcript = False, []
        self._messages, self.same_number = 0, False
        self.transfers: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.models: list[dict[str, Any]] = []
        self.claims: list[dict[str, Any]] = []
        self.waited: list[float] = []
        self._counts: Counter[str] = Counter()
        self._spoilt: list[tuple[str, Spoil, set[int] | None]] = []
        self._keys: dict[str, ToolResult] = {}
        key = "idempotency_key" if keys else None
        self.specs = [
            _spec("list_payees"),
            _spec("transfer", "write", key),
            _spec("list_transfers"),
            _spec("send_message", "write"),
            _spec("wire", "write"),
            _spec("report_outcome"),
        ]

    def spoil(self, tool: str, how: Spoil, *calls: int) -> "Bank":
        """Make these calls of a tool (from 1; all when none is named) come to something else."""
        self._spoilt.append((tool, how, set(calls) or None))
        return self

    async def call(self, name: str, arguments: Mapping[str, Any], *, call_id: str | None = None) -> ToolResult:
        given = dict(arguments)
        self.calls.append((name, given))
        self._counts[name] += 1
        for tool, how, numbers in self._spoilt:
            if tool == name and (numbers is None or self._counts[name] in numbers):
                return how(lambda: self._do(name, given))
        return self._do(name, given)

    def model_called(self, **facts: Any) -> None:
        self.models.append(facts)

    @property
    def message_number(self) -> int:
        """Another one each time that it is looked at, as it is once a turn."""
        self._messages += not (self.same_number and self._messages)
        return self._messages

    def now_s(self) -> float:
        return sum(self.waited)

    def tried(self, tool: str) -> list[dict[str, Any]]:
        """The arguments of every call of a tool."""
        return [arguments for name, arguments in self.calls if name == tool]

    def _do(self, name: str, given: dict[str, Any]) -> ToolResult:
        match name:
            case "report_outcome":
                self.claims.append(given)
                return ToolResult(body={"recorded": True})
            case "list_payees":
                payees = [{"id": "P-1", "name": "Kim Yu"}, {"id": "P-2", "name": "Kim Lee"}]
                return _page(payees)
            case "list_transfers":
                return _page([each for each in self.transfers if each["memo"] == given["memo"]])
            case "transfer" | "wire":
                return self._transfer(name, given)
            case "send_message":
                self.messages.append(given)
                return ToolResult(body={"id": "M-1"})
        return ToolResult(status=404, body={"error": {"code": "unknown_tool", "message": name}})

    def _transfer(self, name: str, given: dict[str, Any]) -> ToolResult:
        if not given.get("payee"):
            return ToolResult(status=422, body={"error": {"code": "validation_error", "message": "payee: missing"}})
        key = given.get("idempotency_key")
        if key in self._keys:
            return self._keys[key]
        self.transfers.append({**given, "id": f"T-{len(self.transfers) + 1}", "by": name})
        reply = ToolResult(body=dict(self.transfers[-1]))
        if key:
            self._keys[key] = reply
        return reply


REFERENCE = [
    {
        "call": "list_payees",
        "with": {"query": "Kim"},
        "save": {"payee": "items[?name=='Kim Lee'].id | [0]"},
        "expect": "length(items) == total",
    },
    {
        "call": "transfer",
        "with": {"payee": "$payee", "cents": 120000, "memo": "rent"},
        "save": {"transfer": "id"},
        "verify": {"call": "list_transfers", "with": {"memo": "rent"}, "expect": "length(items) > `0`"},
        "fallback": [{"call": "wire", "with": {"payee": "$payee", "cents": 120000, "memo": "rent"}}],
    },
    {"call": "send_message", "with": {"to": "me", "text": "Paid $1200, ${transfer}"}, "optional": "receipt"},
    {"reply": "Paid to $payee."},
]


@pytest.fixture
def make_bank() -> Callable[..., Bank]:
    """A bank in which the rent is to be paid, unless another reference is given."""

    def make(reference: Sequence[Mapping[str, Any]] = REFERENCE, *, keys: bool = False) -> Bank:
        return Bank(reference, keys=keys)

    return make


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Let a built-in agent answer user messages in a bank; nobody really waits, the bank notes for how long."""
    really = asyncio.sleep

    async def talk(agent: str, bank: Bank, *messages: str) -> str:
        async def sleep(seconds: float, result: Any = None) -> Any:
            if seconds:
                bank.waited.append(seconds)
            await really(0)
            return result

        monkeypatch.setattr(asyncio, "sleep", sleep)
        _, adapter = plugins.adapter_for(plugins.agent(agent), agent)
        session = adapter.connect(plugins.agent(agent), bank)(bank)
        answer = ""
        for message in messages or ("Pay Kim Lee the rent.",):
            answer = await session(message)
        return answer

    return talk


class Faults:
    """Ways in which a call can go wrong."""

    @staticmethod
    def status(status: int, code: str = "unavailable", **headers: str) -> Spoil:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"error": {"code": code, "message": "Try later."}}
        return lambda do: ToolResult(status=status, body=body, headers=named)

    @staticmethod
    def failure(failure: Any) -> Spoil:
        return lambda do: ToolResult(status=None, failure=failure)

    @staticmethod
    def lost(failure: Any = "timeout") -> Spoil:
        """Done, but the answer does not come."""

        def lose(do: Callable[[], ToolResult]) -> ToolResult:
            do()
            return ToolResult(status=None, failure=failure)

        return lose

    @staticmethod
    def silent_noop() -> Spoil:
        return lambda do: ToolResult(body={"id": "T-9"})

    @staticmethod
    def truncated() -> Spoil:
        """A list of which only the first entry is left."""

        def cut(do: Callable[[], ToolResult]) -> ToolResult:
            body = do().body
            return ToolResult(body={**body, "items": body["items"][:1]})

        return cut

    @staticmethod
    def emptied() -> Spoil:
        """A list as it was before anything happened."""
        return lambda do: _page([])


@pytest.fixture
def faults() -> type[Faults]:
    """Ways in which a call can go wrong."""
    return Faults
