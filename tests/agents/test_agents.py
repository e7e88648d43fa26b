"""What the reference agents have in common, and where they part, through their real graphs."""

from typing import Any

import pytest

from agentbench import plugins

LANGGRAPH = ["naive", "retrying", "fallback", "careful", "quitting", "overclaiming"]
WORKING = [*LANGGRAPH, "oracle"]


@pytest.mark.parametrize("agent", WORKING)
async def test_clean(agent: str, make_bank: Any, talk: Any) -> None:
    """Without faults every agent but nop does all of the work once and says so."""
    bank = make_bank()
    answer = await talk(agent, bank)
    assert [each["payee"] for each in bank.transfers] == ["P-2"]
    assert bank.messages == [{"to": "me", "text": "Paid $1200, T-1"}]
    assert [claim["status"] for claim in bank.claims] == ["done"]
    assert answer == "Paid to P-2."
    assert bank.waited == []


@pytest.mark.parametrize("agent", [*WORKING, "nop"])
def test_summary(agent: str) -> None:
    """Every agent says in one line what it is, and those with a scripted model what policy it plays by."""
    assert plugins.summary("agents", agent)
    assert (getattr(plugins.module("agents", agent), "policy", None) is None) == (agent == "nop")


@pytest.mark.parametrize(("agent", "times"), [("retrying", 2), ("careful", 1), ("oracle", 1)])
@pytest.mark.parametrize("failure", ["timeout", "reset"])
@pytest.mark.parametrize("keys", [False, True])
async def test_lost_reply(
    agent: str, times: int, failure: str, keys: bool, make_bank: Any, talk: Any, faults: Any
) -> None:
    """A transfer whose reply is lost is made again by who retries blindly, and only looked up by who is careful."""
    bank = make_bank(keys=keys).spoil("transfer", faults.lost(failure), 1)
    await talk(agent, bank)
    assert len(bank.transfers) == times
    assert bank.claims[-1]["status"] == "done"
    assert bank.messages[0]["text"] == f"Paid $1200, T-{times}"
    if agent != "retrying":
        assert len(bank.tried("transfer")) == 1
        assert len(bank.tried("list_transfers")) >= 1


@pytest.mark.parametrize(("agent", "transfers", "status"), [
    ("naive", 0, "done"), ("retrying", 0, "done"), ("fallback", 0, "done"),
    ("careful", 1, "done"), ("oracle", 1, "done"),
])  # fmt: skip
async def test_silent_noop(agent: str, transfers: int, status: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """A success that did not happen is found, and made good, only by who reads back."""
    bank = make_bank().spoil("transfer", faults.silent_noop(), 1)
    await talk(agent, bank)
    assert len(bank.transfers) == transfers
    assert bank.claims[-1]["status"] == status


@pytest.mark.parametrize("agent", ["careful", "oracle", "fallback"])
async def test_truncated(agent: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """A list that does not hold what it should is read again."""
    bank = make_bank().spoil("list_payees", faults.truncated(), 1)
    await talk(agent, bank)
    assert [each["payee"] for each in bank.transfers] == ["P-2"]
    assert len(bank.tried("list_payees")) == 2


@pytest.mark.parametrize(("agent", "waited"), [("careful", [20.0]), ("oracle", [20.0]), ("retrying", [1.0])])
async def test_rate_limit(agent: str, waited: list[float], make_bank: Any, talk: Any, faults: Any) -> None:
    """The careful wait as long as Retry-After says; a blind retry keeps its own time."""
    bank = make_bank().spoil("transfer", faults.status(429, Retry_After="20"), 1)
    await talk(agent, bank)
    assert bank.waited == waited
    assert len(bank.transfers) == 1


@pytest.mark.parametrize("agent", ["fallback", "careful", "oracle"])
async def test_optional(agent: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """A part that may be left out and fails is named as missing, and the rest is done."""
    bank = make_bank().spoil("send_message", faults.status(503))
    answer = await talk(agent, bank)
    assert len(bank.transfers) == 1
    assert bank.claims == [{"status": "partial", "summary": "Done, except: receipt.", "missing": ["receipt"]}]
    assert answer == "Paid to P-2. This is not done: receipt."


@pytest.mark.parametrize("agent", ["fallback", "careful", "oracle"])
async def test_nothing_left(agent: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """When the other way fails too, the failure is reported."""
    bank = make_bank().spoil("transfer", faults.status(503)).spoil("wire", faults.status(503))
    await talk(agent, bank)
    assert bank.transfers == []
    assert bank.claims[-1]["status"] == "failed"


TWO_TURNS = [
    {"call": "list_payees", "with": {"query": "Kim"}, "save": {"payee": "items[0].id"}},
    {"reply": "There are several, do you mean $payee?"},
    {"call": "transfer", "with": {"payee": "$payee", "cents": 1, "memo": "m"}},
    {"reply": "Done."},
]


@pytest.mark.parametrize("agent", WORKING)
async def test_turns(agent: str, make_bank: Any, talk: Any) -> None:
    """A reply ends the turn; the work goes on with the next one, and the outcome is reported at the end."""
    bank = make_bank(TWO_TURNS)
    assert await talk(agent, bank, "Pay Kim.") == "There are several, do you mean P-1?"
    assert bank.transfers == []
    bank = make_bank(TWO_TURNS)
    assert await talk(agent, bank, "Pay Kim.", "Yes.") == "Done."
    assert len(bank.transfers) == 1
    assert [name for name, _ in bank.calls][-1] == "report_outcome"


@pytest.mark.parametrize("agent", LANGGRAPH)
async def test_model_calls(agent: str, make_bank: Any, talk: Any) -> None:
    """Each call of the scripted model is entered, with tokens, and two trials are the same to the letter."""
    banks = [make_bank(keys=True), make_bank(keys=True)]
    for bank in banks:
        await talk(agent, bank)
    assert banks[0].models == banks[1].models
    assert banks[0].calls == banks[1].calls
    assert len(banks[0].models) == len(banks[0].calls) + 1
    assert {model["model"] for model in banks[0].models} == {"scripted"}
    assert all(model["input_tokens"] > 0 and model["output_tokens"] > 0 for model in banks[0].models)
