"""The agents whose trials are timed, as a user would bring them.

Invariant: all of them make the same ten calls, and none knows that it is timed.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any


def graph(tools: Sequence[Any], model: Any) -> Any:
    """A LangGraph agent as the tutorial builds it."""
    from langchain.agents import create_agent

    return create_agent(model, tools)


async def plain(message: str, tools: Any) -> dict[str, str]:
    """The same ten calls as a coroutine, and the claim that they are done."""
    return await _ten_calls(tools)


async def patient(message: str, tools: Any) -> dict[str, str]:
    """As `plain`, but it makes a call again that timed out."""

    async def call(name: str, **arguments: Any) -> Any:
        try:
            return await tools(name, **arguments)
        except TimeoutError:
            return await tools(name, **arguments)

    return await _ten_calls(call)


async def _ten_calls(call: Callable[..., Awaitable[Any]]) -> dict[str, str]:
    found = await call("list_payees", query="Kim")
    payee = next(each["id"] for each in found["items"] if each["name"] == "Kim Lee")
    await call("get_payee", payee=payee)
    await call("get_account", account="CHK-1")
    await call("get_profile")
    made = await call("transfer", source="CHK-1", payee=payee, amount_cents=120000, memo="Rent March 2026")
    await call("get_transfer", transfer=made["id"])
    await call("list_transfers", payee=payee, from_date="2026-03-02")
    text = f"Receipt: paid 1,200.00 EUR to Kim Lee for the rent of March 2026, reference {made['id']}."
    await call("send_message", to="me", text=text)
    await call("list_messages", folder="sent", query="Receipt", limit=3)
    await call("get_account", account="CHK-1")
    return {"status": "done", "summary": f"Paid 1,200 EUR to Kim Lee, reference {made['id']}."}
