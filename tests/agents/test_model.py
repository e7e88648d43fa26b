"""The scripted chat model, asked as a graph asks a model."""

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool

from agentbench.agents._model import Role, ScriptedModel
from agentbench.agents._player import Player
from agentbench.agents._policy import CAREFUL, HONEST, Policy
from agentbench.calls import ToolSpec

REFERENCE: list[Any] = [{"call": "find", "save": {"it": "id"}}, {"reply": "It is $it."}]


def _tool(name: str) -> StructuredTool:
    return StructuredTool(name=name, description="d", args_schema={"type": "object"}, func=lambda: None)


def _role(policy: Policy = HONEST, **kwargs: Any) -> Role:
    specs = [ToolSpec(name="find", description="", parameters={}, effect="read")]
    role = Role(lambda memory: Player(REFERENCE, specs, policy, memory), **kwargs)
    role.hear(1)
    return role


def test_play() -> None:
    """It calls the tool, learns the result from the tool message, and answers with it; ids are always the same."""
    model, noted = ScriptedModel(), []
    bound = model.bind_tools([_tool("find")], tool_choice="any")
    model.play(_role(note=lambda read, written: noted.append((read, written))))
    history: list[Any] = [HumanMessage("Find it.")]
    asked = bound.invoke(history)
    assert [(call["name"], call["args"], call["id"]) for call in asked.tool_calls] == [("find", {}, "call_1")]
    history += [asked, ToolMessage('{"id": 7}', tool_call_id="call_1"), ToolMessage("else", tool_call_id="call_0")]
    answer = bound.invoke(history)
    assert (answer.content, answer.id) == ("It is 7.", "msg_2")
    usage = answer.usage_metadata
    assert usage is not None
    assert noted[1] == (usage["input_tokens"], usage["output_tokens"])
    assert noted[1][0] > noted[0][0]


async def test_lost_history() -> None:
    """A graph that drops the tool message leaves it in the dark, and it takes the call for failed."""
    model = ScriptedModel()
    bound = model.bind_tools([_tool("find")])
    model.play(_role(Policy()))
    await bound.ainvoke([HumanMessage("Find it.")])
    assert "could not" in (await bound.ainvoke([HumanMessage("Find it.")])).text


def test_waiting() -> None:
    """It waits by a tool named `wait` where there is one, and goes on at once where there is none."""
    failed = ToolMessage("HTTP 429: slow (Retry-After: 9)", tool_call_id="call_1", status="error")
    for tools, name, arguments in ([["find", "wait"], "wait", {"seconds": 9.0}], [["find"], "find", {}]):
        model = ScriptedModel()
        bound = model.bind_tools([_tool(each) for each in tools])
        model.play(_role(CAREFUL))
        bound.invoke([HumanMessage("Find it.")])
        call = bound.invoke([failed]).tool_calls[0]
        assert (call["name"], call["args"]) == (name, arguments)


def test_nobody_plays() -> None:
    """Without a trial, or without tools, it says a sentence."""
    model = ScriptedModel()
    assert isinstance(model.bind_tools([_tool("find")]).invoke("hi"), AIMessage)
    model.play(_role())
    assert model.invoke("Make a plan.").tool_calls == []


def test_tools_are_converted_once() -> None:
    """Binding the same tools again costs nothing; other tools are converted anew."""
    model, tools = ScriptedModel(), [_tool("find")]
    schemas = [model.bind_tools(each).kwargs["tools"] for each in (tools, list(tools), [_tool("find")])]  # type: ignore[attr-defined]
    assert schemas[0] is schemas[1]
    assert schemas[1] is not schemas[2]


def test_the_script_is_not_serialised() -> None:
    """LangChain serialises a model's fields on every call; the play is in none of them."""
    model = ScriptedModel()
    model.play(_role())
    assert set(ScriptedModel.model_fields) == set(type(model).__mro__[1].model_fields)  # type: ignore[attr-defined]
