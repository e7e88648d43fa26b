"""What every fault must keep, whoever adds it: its shape, its silence about itself, and its page in the docs."""

import ast
import copy
import dataclasses
import inspect
import re
import typing
from pathlib import Path

import pytest

from agentbench import abc, faults, plugins
from agentbench.calls import ToolResult, failure_exception

NAMES = plugins.names("faults")
DOCS = Path(__file__).parents[2] / "docs" / "faults.md"

# Each fault in each of its kinds; a fault that is not listed here is tried with its defaults.
KINDS = {
    "outage": [{"status": status} for status in (500, 502, 503, 504, 529)] + [{"as": "refused"}, {"as": "reset"}],
    "lost_reply": [{"as": "timeout"}, {"as": "reset"}],
    "rate_limit": [{}, {"retry_after_s": None}],
    "rejected": [{"status": status} for status in (400, 401, 402, 403, 404, 408, 409, 413, 422)],
    "misleading_error": [{"blames": each} for each in ("argument", "credentials", "network", "repeat")],
    "tool_vanished": [{"status": 404}, {"status": 410, "successor": "write_note"}],
    "error_in_200": [{"as": each} for each in ("error", "errors", "flag")],
    "error_for_success": [{"status": status} for status in (500, 502, 503, 504)],
    "drop_fields": [{"as": each} for each in ("absent", "null")],
    "page_cursor": [{"as": each} for each in ("missing", "repeating", "gap", "overlap")],
    "empty_reply": [{"as": each} for each in ("list", "object", "nothing")],
    "reorder_rows": [{"as": each} for each in ("shuffled", "reversed")],
    "wrong_type": [{"as": each} for each in ("text", "single")],
    "schema_drift": [{"as": "camel"}, {"as": "envelope"}, {"rename": {"text": "body"}}],
    "malformed_json": [{"as": each} for each in ("cut", "python", "noisy")],
    "html_reply": [{"as": each} for each in ("sign_in", "maintenance", "challenge")],
    "partial_effect": [{"keep": keep, "as": told} for keep in ("first", "last") for told in ("success", "error")],
    "expired_credential": [{"refresh": each} for each in ("works", "refused")],
    "changed_parameters": [{}, {"rename": {"text": "body"}}, {"require": ("key",)}],
    "currency_change": [{}, {"told": False}],
    "locale_change": [{"as": each} for each in ("numbers", "dates", "us_dates")],
    "delayed_effect": [{}, {"calls": 2}],
    "mojibake": [{"as": each} for each in ("misread", "replaced", "asked", "entities")],
}
CURABLE = {
    "expired_credential",
    "tool_renamed",
    "changed_parameters",
}  # nothing was done, and the tool would do it for one who heeds what the error says
BY_ID = {"wrong_row"}  # act on writes that name a record
CALLS = [name for name in NAMES if plugins.channel_of(plugins.fault_class(name)) == "call"]
CASES = [(name, parameters) for name in CALLS for parameters in KINDS.get(name, [{}])]
ANSWERING = [case for case in CASES if plugins.fault_class(case[0]).witness != "restarted"]  # the dead are told nothing
GIVEAWAYS = re.compile(r"inject|fault|chaos|agentbench|simulat|mock|fake|test|dummy|synthetic", re.IGNORECASE)


def test_the_first_ten_are_there():
    """The faults that the profiles and docs speak of are found by their file names."""
    assert set(NAMES) >= {
        "noop", "outage", "timeout", "lost_reply", "latency",
        "rate_limit", "duplicate_delivery", "truncate", "stale", "silent_noop",
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_declares_what_it_is(name):
    """A fault is a frozen dataclass with slots whose site, phase, witness and flags are of the contract's words."""
    made = plugins.fault_class(name)
    assert made.__dataclass_params__.frozen
    assert "__slots__" in vars(made)
    assert made.site in abc.CHANNELS
    assert made.phase in typing.get_args(abc.Phase)
    assert made.witness in typing.get_args(abc.Witness)
    assert isinstance(made.explicit, bool)
    assert isinstance(made.blocking, bool)
    assert all(field.default is not dataclasses.MISSING for field in dataclasses.fields(made))


@pytest.mark.parametrize("name", NAMES)
def test_file_says_in_one_line_what_it_does(name):
    """The summary is one sentence of the file, and the file is short."""
    assert re.fullmatch(r"[A-Z][^\n]{20,110}\.", plugins.summary("faults", name))
    source = Path(inspect.getfile(plugins.fault_class(name))).read_text()
    assert source.count("\n") <= 100
    assert source.rstrip().endswith(f"fault = {plugins.fault_class(name).__name__}")


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_parameters_reach_the_fault(name, parameters):
    """What is written in YAML is what the fault has: a field with a '_' behind its name needs an alias."""
    fault = plugins.fault(name, parameters)
    given = {field.name.rstrip("_"): getattr(fault, field.name) for field in dataclasses.fields(fault)}
    assert {key: given[key] for key in parameters} == parameters


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_says_what_its_replies_claim_to_be(name, parameters):
    """Each fault of a call says whether a reply that it made is a success, an error, or deliberately malformed."""
    made = plugins.fault_class(name)
    if getattr(made, "channel", abc.CHANNELS[made.site]) != "call":
        return  # it makes no replies of tools
    assert any("plausible" in vars(base) for base in made.__mro__)
    claim = plugins.fault(name, parameters).plausible
    assert claim in {None, *typing.get_args(abc.Plausible)}
    assert plugins.fault(name, parameters).explicit == (claim == "error")


@pytest.mark.parametrize("name", NAMES)
def test_docs_have_a_section_with_every_parameter(name):
    """The page names the fault, its parameters and its witness."""
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.MULTILINE | re.DOTALL))
    made = plugins.fault_class(name)
    assert name in sections
    for parameter in plugins.parameter_names(made):
        assert f"`{parameter}`" in sections[name]
    assert f"`{made.witness}`" in sections[name]


@pytest.mark.parametrize(("name", "parameters"), ANSWERING)
@pytest.mark.parametrize("tool", ["list_notes", "add_note"])
async def test_nothing_told_gives_it_away(bench, name, parameters, tool):
    """Neither body nor headers nor the exception's text hold a word that only a testbed would say."""
    arguments = {"text": "hello"} if tool == "add_note" else {}
    told = await bench.strike(plugins.fault(name, parameters), tool, **arguments)
    shown = [repr(told.body), repr(dict(told.headers))]
    if told.failure:
        shown.append(str(failure_exception(told.failure)))
    assert not [text for text in shown if GIVEAWAYS.search(text)]


@pytest.mark.parametrize(("name", "parameters"), ANSWERING)
async def test_flags_are_true_of_a_write(bench, name, parameters):
    """A blocking fault leaves the work undone, another does it in the end, and only explicit ones tell of a failure."""
    fault = plugins.fault(name, parameters)
    call = {"id": "NOTE-1"} if name in BY_ID else {}
    told = await bench.strike(fault, "change_note" if call else "add_note", text="hello", **call)
    bench.enactor.settle(everything=True)
    done = bench.added or bench.world.value("SELECT count(*) FROM note WHERE id = 'NOTE-1' AND text = 'hello'")
    assert (not done) == (fault.blocking or name in CURABLE)
    assert told.ok == (not fault.explicit)


@pytest.mark.parametrize(("name", "parameters"), ANSWERING)
async def test_same_call_gets_the_same_reply_again(bench, name, parameters):
    """A fault draws nothing but from its keyed generator: two fresh trials are told the same."""
    other = type(bench)()
    fault = plugins.fault(name, parameters)
    assert await bench.strike(fault, "list_notes") == await other.strike(fault, "list_notes")
    assert (bench.receipt, bench.now) == (other.receipt, other.now)


@pytest.mark.parametrize(("name", "parameters"), ANSWERING)
async def test_what_the_tool_answered_is_not_touched(bench, name, parameters):
    """A fault changes a copy: the true answer stays what it was, for the record and for the tool."""
    rows = [{"id": f"ÄÖ-{number}", "amount_cents": 500 + number, "a_b": '"'} for number in range(4)]
    body = {"items": rows, "next_cursor": "c4", "total": 9}
    reply = ToolResult(status=200, body=copy.deepcopy(body))
    bench.scripted = [reply, reply]
    await bench.strike(plugins.fault(name, parameters), "list_notes", cursor="c0")
    assert reply.body == body


def test_exceptions_are_retried_as_the_docs_say():
    """LangGraph's default policy and the retry middleware treat each exception as the table has it."""
    import httpx
    from langchain.agents.middleware import ToolRetryMiddleware
    from langgraph.types import RetryPolicy

    from agentbench.adapters._langchain import ToolHTTPError

    request = httpx.Request("POST", "https://api.bank.example/v1/transfer")
    answers = [ToolHTTPError(ToolResult(status=status, body={}), request) for status in (503, 429, 404)]
    errors: list[Exception] = [*answers, *(failure_exception(each) for each in ("refused", "reset", "timeout"))]
    policy = RetryPolicy().retry_on
    assert [policy(error) for error in errors] == [True, False, False, True, True, False]
    middleware = ToolRetryMiddleware().retry_on
    assert [middleware(error) for error in errors] == [True] * 6


def test_faults_know_nothing_of_the_rest():
    """A fault imports the contracts and nothing else of the package, so that one new file is all it takes."""
    allowed = {"agentbench.abc", "agentbench.calls", "agentbench.faults", "agentbench.rewording"}
    for path in Path(faults.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("agentbench"):
                assert node.module in allowed, path.name
