"""Each reference agent behaves as its name says, through its real graph."""

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


async def test_nop(make_bank: Any, talk: Any) -> None:
    """The nop agent calls nothing and says nothing."""
    bank = make_bank()
    assert await talk("nop", bank) == ""
    assert bank.calls == []


@pytest.mark.parametrize("agent", [*WORKING, "nop"])
def test_summary(agent: str) -> None:
    """Every agent says in one line what it is, and those with a scripted model what policy it plays by."""
    assert plugins.summary("agents", agent)
    assert (getattr(plugins.module("agents", agent), "policy", None) is None) == (agent == "nop")


@pytest.mark.parametrize("failure", ["timeout", "refused", "reset"])
async def test_naive_dies(failure: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """A tool that fails ends the naive agent with the exception that a client raises."""
    bank = make_bank().spoil("transfer", faults.failure(failure), 1)
    with pytest.raises((TimeoutError, ConnectionError)):
        await talk("naive", bank)
    assert bank.claims == []


async def test_naive_believes(make_bank: Any, talk: Any, faults: Any) -> None:
    """A write that only says that it happened is good enough for the naive agent."""
    bank = make_bank().spoil("transfer", faults.silent_noop(), 1)
    await talk("naive", bank)
    assert bank.transfers == []
    assert bank.claims[-1]["status"] == "done"


async def test_naive_sends_null(make_bank: Any, talk: Any, faults: Any) -> None:
    """What a cut list lacks goes to the next tool as null, and its refusal ends the naive agent."""
    bank = make_bank().spoil("list_payees", faults.truncated())
    with pytest.raises(Exception, match="HTTP 422: validation_error"):
        await talk("naive", bank)
    assert bank.tried("transfer")[0]["payee"] is None


@pytest.mark.parametrize("how", ["timeout", "refused", "reset", 503, 429, 400])
async def test_retrying_survives_three(how: Any, make_bank: Any, talk: Any, faults: Any) -> None:
    """Three failures in a row of any kind are survived, with a doubling wait; a fourth is not."""
    fault = faults.status(how) if isinstance(how, int) else faults.failure(how)
    bank = make_bank().spoil("transfer", fault, 1, 2, 3)
    await talk("retrying", bank)
    assert len(bank.transfers) == 1
    assert bank.waited == [1, 2, 4]
    bank = make_bank().spoil("transfer", fault, 1, 2, 3, 4)
    with pytest.raises(Exception, match=r"."):
        await talk("retrying", bank)
    assert len(bank.tried("transfer")) == 4


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


@pytest.mark.parametrize("agent", ["careful", "oracle"])
async def test_lost_reply_unverifiable(agent: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """Where nothing shows whether a write happened, an idempotency key makes the repeat safe."""
    bank = make_bank(keys=True).spoil("transfer", faults.lost(), 1).spoil("list_transfers", faults.status(500))
    await talk(agent, bank)
    first, second = bank.tried("transfer")
    assert first["idempotency_key"] == second["idempotency_key"]
    assert len(bank.transfers) == 1


@pytest.mark.parametrize("agent", ["careful", "oracle"])
async def test_unknown_fate(agent: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """With no key and nothing to look at, a write of unknown fate is neither repeated nor replaced, and owned up."""
    bank = make_bank().spoil("transfer", faults.lost(), 1).spoil("list_transfers", faults.status(500))
    answer = await talk(agent, bank)
    assert len(bank.transfers) == 1
    assert bank.tried("wire") == []
    assert bank.claims[-1]["status"] == "failed"
    assert bank.claims[-1]["missing"] == ["receipt"]
    assert "could not" in answer
    assert "?" not in answer


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


async def test_lasting_silent_noop(make_bank: Any, talk: Any, faults: Any) -> None:
    """Without a key the careful agent repeats an unseen success once, then takes the other way."""
    bank = make_bank().spoil("transfer", faults.silent_noop())
    await talk("careful", bank)
    assert len(bank.tried("transfer")) == 2
    assert [each["by"] for each in bank.transfers] == ["wire"]


async def test_stale_read_back(make_bank: Any, talk: Any, faults: Any) -> None:
    """One look at an older state does not make the careful agent pay twice."""
    bank = make_bank().spoil("list_transfers", faults.emptied(), 1)
    await talk("careful", bank)
    assert len(bank.transfers) == 1


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


@pytest.mark.parametrize(("code", "after"), [("insufficient_quota", None), ("rate_limited", "86400")])
async def test_rate_limit_for_good(code: str, after: str | None, make_bank: Any, talk: Any, faults: Any) -> None:
    """A used-up quota, or a wait of a day, sends the careful agent the other way at once."""
    headers = {"Retry_After": after} if after else {}
    bank = make_bank().spoil("transfer", faults.status(429, code, **headers))
    await talk("careful", bank)
    assert len(bank.tried("transfer")) == 1
    assert bank.waited == []
    assert [each["by"] for each in bank.transfers] == ["wire"]


async def test_fallback(make_bank: Any, talk: Any, faults: Any) -> None:
    """The fallback agent tries three times what LangGraph retries, and then takes the other way."""
    bank = make_bank().spoil("transfer", faults.status(503))
    answer = await talk("fallback", bank)
    assert len(bank.tried("transfer")) == 3
    assert bank.waited == [0.5, 1.0]
    assert [each["by"] for each in bank.transfers] == ["wire"]
    # The receipt needs the number of a transfer that there is none of.
    assert bank.claims[-1]["status"] == "partial"
    assert bank.claims[-1]["missing"] == ["receipt"]
    assert "receipt" in answer


@pytest.mark.parametrize("how", ["timeout", 429])
async def test_fallback_does_not_retry(how: Any, make_bank: Any, talk: Any, faults: Any) -> None:
    """LangGraph's default policy retries neither the builtin TimeoutError nor a 4xx."""
    fault = faults.status(how) if isinstance(how, int) else faults.failure(how)
    bank = make_bank().spoil("transfer", fault)
    await talk("fallback", bank)
    assert len(bank.tried("transfer")) == 1
    assert [each["by"] for each in bank.transfers] == ["wire"]


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


@pytest.mark.parametrize("tool", ["list_payees", "transfer", "send_message"])
async def test_quitting(tool: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """The quitting agent does nothing after the first error but say so."""
    bank = make_bank().spoil(tool, faults.status(503), 1)
    answer = await talk("quitting", bank)
    assert [name for name, _ in bank.calls][-2:] == [tool, "report_outcome"]
    assert bank.claims[-1]["status"] == "failed"
    assert bank.claims[-1]["missing"] == ["receipt"]
    assert tool in answer


@pytest.mark.parametrize("tool", ["list_payees", "transfer", "wire", "send_message"])
async def test_overclaiming(tool: str, make_bank: Any, talk: Any, faults: Any) -> None:
    """The overclaiming agent says done, whatever failed."""
    bank = make_bank().spoil(tool, faults.failure("timeout"))
    answer = await talk("overclaiming", bank)
    assert [claim["status"] for claim in bank.claims] == ["done"]
    assert bank.claims[-1]["missing"] == []
    assert "not" not in answer


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
