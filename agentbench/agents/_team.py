"""Two roles that work by handing over: a coordinator whose model decides, and a clerk who uses the tools.

Invariant: the clerk knows nothing but the orders that arrive, and the coordinator nothing but the reports that do.
"""

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from agentbench.agents._memory import WAIT
from agentbench.agents._policy import Policy

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

ORDERS, REPORTS = "coordinator to clerk", "clerk to coordinator"
PATIENCE_S = 30.0
PAUSE_S = 2.0
ATTEMPTS = 3

HandOver: TypeAlias = Callable[[str, Any], Awaitable[list[Any]]]


@dataclass(frozen=True, slots=True)
class TeamAgent:
    """A graph factory of a team, with the policy by which its coordinator's model plays.

    `guarded`: messages have a number and a checksum, orders that bring no report are sent again, and the clerk does
    each number once.
    """

    policy: Policy
    guarded: bool

    def __call__(self, tools: "Sequence[BaseTool]", model: "BaseChatModel", hand_over: HandOver) -> Any:
        """Build the graph."""
        return make_graph(tools, model, hand_over, guarded=self.guarded)


def make_graph(tools: "Sequence[BaseTool]", model: "BaseChatModel", hand_over: HandOver, *, guarded: bool) -> Any:
    """A graph of two nodes that share no state but what went through the channels."""
    from langchain_core.messages import ToolMessage
    from langchain_core.tools import StructuredTool
    from langgraph.graph import END, START, MessagesState, StateGraph

    class State(MessagesState, total=False):
        order: dict[str, Any] | None  # of the coordinator: what it waits for a report of
        attempts: int
        arrived: list[Any]  # at the clerk
        reports: list[Any]  # at the coordinator
        done: dict[str, Any]  # of the clerk: its reports, by the number of the order

    async def wait(seconds: float) -> str:
        """Wait before the next step."""
        await asyncio.sleep(seconds)
        return "null"

    own = {each.name: each for each in tools if each.name == "report_outcome"}
    own[WAIT] = StructuredTool.from_function(coroutine=wait, name=WAIT)
    theirs = {each.name: each for each in tools if each.name not in own}
    bound = model.bind_tools([*theirs.values(), *own.values()])

    async def coordinate(state: State) -> dict[str, Any]:
        messages: list[Any] = []
        order = state.get("order")
        if order is not None:
            report = _report_of(order, state.get("reports") or [], guarded)
            if report is None and guarded and state["attempts"] < ATTEMPTS:
                await asyncio.sleep(PAUSE_S)
                return await send(order, state["attempts"] + 1)
            messages.append(ToolMessage(**_told(order, report, guarded)))
        said: Any = await bound.ainvoke([*state["messages"], *messages])
        while said.tool_calls and said.tool_calls[0]["name"] in own:
            call = said.tool_calls[0]
            messages += [said, await own[call["name"]].ainvoke(call)]
            said = await bound.ainvoke([*state["messages"], *messages])
        messages.append(said)
        if not said.tool_calls:
            return {"messages": messages, "order": None, "arrived": [], "reports": []}
        call = said.tool_calls[0]
        order = {"id": call["id"], "tool": call["name"], "arguments": call["args"]}
        return {"messages": messages, **await send(order, 1)}

    async def send(order: dict[str, Any], attempt: int) -> dict[str, Any]:
        arrived = await _handed_over(hand_over, ORDERS, order, guarded)
        return {"order": order, "attempts": attempt, "arrived": arrived, "reports": []}

    async def execute(state: State) -> dict[str, Any]:
        done, reports = dict(state.get("done") or {}), []
        for order in state["arrived"]:
            if guarded and not _sound(order):
                continue  # whoever sent it will miss the report, and send it again
            if not guarded or order["id"] not in done:
                done[order["id"]] = await _executed(theirs, order)
            reports += await _handed_over(hand_over, REPORTS, done[order["id"]], guarded)
        return {"reports": reports, "done": done, "arrived": []}

    builder = StateGraph(State)
    builder.add_node("coordinator", coordinate)
    builder.add_node("clerk", execute)
    builder.add_edge(START, "coordinator")
    builder.add_conditional_edges("coordinator", lambda state: "clerk" if state.get("order") else END)
    builder.add_edge("clerk", "coordinator")
    return builder.compile()


async def _executed(tools: "dict[str, BaseTool]", order: dict[str, Any]) -> dict[str, Any]:
    call = {"name": order["tool"], "args": order.get("arguments", {}), "id": order["id"], "type": "tool_call"}
    try:
        answer = await tools[order["tool"]].ainvoke(call)
    except Exception as error:  # noqa: BLE001 - whatever a tool raises is what the report says
        return {"id": order["id"], "status": "error", "text": f"{type(error).__name__}: {error}"}
    return {"id": order["id"], "status": "success", "text": answer.text}


async def _handed_over(hand_over: HandOver, channel: str, content: dict[str, Any], guarded: bool) -> list[Any]:
    sent = {**content, "check": _check(content)} if guarded else content
    try:
        return await asyncio.wait_for(hand_over(channel, sent), PATIENCE_S)
    except TimeoutError:
        if not guarded:
            raise
        return []


def _report_of(order: dict[str, Any], reports: list[Any], guarded: bool) -> dict[str, Any] | None:
    if not guarded:
        return reports[0] if reports else None
    return next((each for each in reports if _sound(each) and each["id"] == order["id"]), None)


def _told(order: dict[str, Any], report: dict[str, Any] | None, guarded: bool) -> dict[str, Any]:
    """What the coordinator's model learns, as the fields of a tool message; a careless one takes silence for done."""
    told: dict[str, Any] = {"tool_call_id": order["id"], "name": order["tool"]}
    if report is not None:
        return {**told, "content": str(report.get("text", "{}")), "status": report.get("status", "success")}
    if guarded:
        return {**told, "content": "The clerk does not answer; it may have been done.", "status": "error"}
    return {**told, "content": "{}"}


def _check(content: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def _sound(content: Any) -> bool:
    """Whether a message is what was sent."""
    rest = {name: value for name, value in content.items() if name != "check"} if isinstance(content, dict) else {}
    return bool(rest) and content.get("check") == _check(rest) and "id" in rest
