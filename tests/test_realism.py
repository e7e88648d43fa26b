"""The lint: nothing a bundled fault tells is out of place, and each way of giving itself away is caught."""

from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field
from typing_extensions import TypedDict

from agentbench import plugins, realism
from agentbench.answers import Page
from agentbench.environment import ApiError, Environment, page
from agentbench.realism import Report, Violation
from agentbench.world import World

FAULT = """\"\"\"A fault that is wrong in one way.\"\"\"

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from agentbench.calls import ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    as_: Literal["one", "other"] = "one"
    site: ClassVar[str] = "tool"
    phase: ClassVar[str] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[str] = "{witness}"
    {plausible}

    async def inject(self, call, proceed, ctx):
        reply = await proceed(call)
        {told}


fault = Wrong
"""
RIGHT = "items = [row | {'text': row['text'][::-1]} for row in reply.body['items']]"


class Note(TypedDict):
    """A note."""

    id: Annotated[str, Field(pattern="^NOTE-[0-9]$")]
    text: str


@pytest.fixture
def notes() -> Environment:
    """Three notes and a list of them; what the second tool answers is not declared."""

    def populate(world: World, _random: Any) -> None:
        for number in range(3):
            world.execute("INSERT INTO note VALUES (?, ?)", f"NOTE-{number}", f"milk {number}")

    schema = "CREATE TABLE note (id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT"
    environment = Environment(summary="Notes.", schema=schema, populate=populate)
    environment.name = "notes"

    @environment.tool(effect="read")
    def list_notes(world: World, limit: int = 10, cursor: str | None = None) -> Page[Note]:
        """List the notes."""
        return page(world.rows("SELECT * FROM note ORDER BY id"), limit=limit, cursor=cursor)

    return environment


@pytest.fixture
def linted(notes: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the lint says of a fault with this body, on the notes."""

    def lint(told: str, *, plausible: str | None = "'success'", witness: str = "reply_changed") -> Report:
        declared = f"plausible: ClassVar[str | None] = {plausible}" if plausible else ""
        (tmp_path / "wrong.py").write_text(FAULT.format(told=told, plausible=declared, witness=witness), "utf-8")
        return realism.lint([f"{tmp_path / 'wrong.py'}:fault"], [notes])

    return lint


def _only(report: Report) -> Violation:
    """The one kind of violation that there is."""
    assert not report.ok
    assert len({(each.kind, each.what) for each in report.violations}) == 1, report.violations
    return report.violations[0]


def test_nothing_of_the_bundled_faults_is_out_of_place() -> None:
    """Every fault in every variant, on every tool of both worlds: plausible where it says so, and no giveaway."""
    report = realism.lint(plugins.names("faults"), [plugins.environment(name) for name in ("bank", "travel")])
    assert report.violations == []
    assert {each.name for each in report.faults} | set(report.skipped) == set(plugins.names("faults"))
    assert all("not at a tool call" in reason for reason in report.skipped.values())
    assert report.tools == 61
    assert all(each.replies == each.variants * report.situations for each in report.faults)
    assert all(each.changed + each.unchanged == each.replies for each in report.faults)


def test_variants_are_the_defaults_and_each_choice() -> None:
    """Every value of a `Literal` and a null is tried by itself; numbers and texts stay as they are."""
    assert realism.variants("noop") == [{}]
    assert realism.variants("outage") == [
        {}, {"as": "refused"}, {"as": "reset"}, {"status": 500}, {"status": 502}, {"status": 504},
        {"status": 529},
    ]  # fmt: skip
    assert realism.variants("rate_limit") == [{}, {"retry_after_s": None}]


def test_a_fault_that_is_right_passes(linted: Any) -> None:
    """Other texts in the same shape are what a plausible success looks like."""
    report = linted(f"{RIGHT}; return replace(reply, body=reply.body | {{'items': items}})")
    assert report.ok
    assert report.faults[0].changed > 0


@pytest.mark.parametrize(
    ("told", "where", "what"),
    [
        ("return replace(reply, body=reply.body | {'note': 'simulated'})", "body.note", "it says 'simulated'"),
        ("return replace(reply, body=reply.body | {'fault_id': 1})", "body.fault_id", "it says 'fault'"),
        ("return replace(reply, body=reply.body | {'count': 999999})", "body.count", "it says '999999'"),
        ("return replace(reply, headers={'X-Chaos': 'on'})", "header X-Chaos", "it says 'Chaos'"),
        ("return replace(reply, headers={'X-Source': 'lost_reply'})", "header X-Source", "it says 'lost_reply'"),
        (
            "return replace(reply, headers={'X-Source': 'Wrong', 'via': 'agentbench'})",
            "header via",
            "it says 'agentbench'",
        ),
    ],
)
def test_a_marker_is_caught_wherever_it_is(linted: Any, told: str, where: str, what: str) -> None:
    """In a value, a key, a number, a header's name and a header's value; our own names are markers too."""
    found = _only(linted(told, plausible="None"))
    assert (found.kind, found.environment, found.tool) == ("marker", "notes", "list_notes")
    assert (found.where, found.what) == (where, what)


def test_what_the_world_says_itself_is_no_marker(notes: Environment, linted: Any) -> None:
    """A word of the true reply is the environment's matter: it is laid at the tool's door, not at the fault's."""
    notes._populate = lambda world, _random: world.execute("INSERT INTO note VALUES ('NOTE-1', 'a mock exam')")
    report = linted("return replace(reply, body=reply.body | {'items': reply.body['items'] * 2})")
    assert {(each.fault, each.tool, each.what) for each in report.violations} == {
        ("noop", "list_notes", "the tool's own reply says 'mock'")
    }


@pytest.mark.parametrize(
    ("told", "where", "what"),
    [
        ("return replace(reply, body=reply.body | {'total': '3'})", "body", "total: Input should be a valid integer"),
        ("return replace(reply, body=reply.body | {'more': 1})", "body", "more: Extra inputs are not permitted"),
        ("return replace(reply, status=500)", "status", "500 is no success"),
        ("return ToolResult(status=None, failure='timeout')", "status", "timeout is no success"),
        ("return replace(reply, headers={'Content-Type': 'text/html'})", "header Content-Type",
         "'text/html' is not that of the body, which is JSON"),
    ],
)  # fmt: skip
def test_a_success_that_is_none_is_caught(linted: Any, told: str, where: str, what: str) -> None:
    """What claims to be a success has the tool's shape, its status and a content type that fits."""
    found = _only(linted(told))
    assert (found.kind, found.where, found.what) == ("schema", where, what)


BODY = "{'error': {'code': 'busy', 'message': 'Later.'}}"


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (f"ToolResult(status=418, body={BODY})", ""),
        (f"ToolResult(status=529, body={BODY}, headers={{'Content-Type': 'application/json'}})", ""),
        ("ToolResult(status=502, body='<html></html>', headers={'content-type': 'text/html'})", ""),
        (f"ToolResult(status=401, body={BODY}, headers={{'www-authenticate': 'Bearer'}})", ""),
        ("ToolResult(status=None, failure='reset')", ""),
        (f"ToolResult(status=477, body={BODY})", "477 is no error of any service"),
        (f"ToolResult(status=200, body={BODY})", "200 is no error of any service"),
        (f"ToolResult(status=401, body={BODY})", "401 comes with WWW-Authenticate (RFC 9110)"),
        ("ToolResult(status=503, body={'message': 'Later.'})", "not of the shape {'error': {'code', 'message'}}"),
        ("ToolResult(status=503, body='Later.')", "'' is not that of the body, which is a text"),
        (f"ToolResult(status=503, body={BODY}, headers={{'Content-Type': 'text/html'}})",
         "'text/html' is not that of the body, which is JSON"),
        ("ToolResult(status=422, body='<html></html>', headers={'Content-Type': 'text/html'})",
         "a page for people does not come with 422"),
    ],
)  # fmt: skip
def test_an_error_that_no_service_tells_is_caught(linted: Any, told: str, what: str) -> None:
    """What claims to be an error has a status, a body and headers that go together."""
    report = linted(f"return {told}", plausible="'error'", witness="not_executed")
    assert report.ok if not what else (_only(report).kind, _only(report).what) == ("schema", what)


def test_a_fault_that_changes_nothing_is_caught(linted: Any) -> None:
    """A witness that looks for another reply can never find it; the same replies are fine for one that waits."""
    found = [each for each in linted("return reply").violations if each.parameters == {}]
    assert [(each.kind, each.environment, each.tool) for each in found] == [("unchanged", "*", "*")]
    assert "replies is another one, but its witness is 'reply_changed'" in found[0].what
    assert linted("return reply", witness="delayed").ok


def test_a_fault_that_claims_nothing_is_caught(linted: Any) -> None:
    """Without `plausible` nobody knows what a reply is to be held to."""
    found = _only(linted("return reply", plausible=None))
    assert (found.kind, found.what) == (
        "undeclared", "it does not say what its replies claim to be; give it 'plausible'"
    )  # fmt: skip


def test_a_fault_that_fails_is_caught(linted: Any) -> None:
    """An injector that raises is a violation like the others, and the lint goes on."""
    report = linted("raise KeyError('items')")
    assert {each.kind for each in report.violations} == {"broken", "unchanged"}
    assert "KeyError" in report.violations[0].what


def test_what_is_not_declared_is_listed(notes: Environment) -> None:
    """A tool without a shape, one that nobody can call, and what acts elsewhere are said, and fail nothing."""

    @notes.tool(effect="read")
    def anything(world: World) -> Any:
        """Anything."""
        return {"a": 1}

    @notes.tool(effect="read")
    def guarded(world: World, password: int) -> list[str]:
        """Never answers."""
        raise ApiError(403, "permission_denied", "Not allowed.")

    report = realism.lint(["wrong_type"], [notes])
    assert report.ok
    assert report.skipped == {
        "notes.anything": "it declares no shape of its answers",
        "notes.guarded": "no call of it is known",
    }


def test_a_tool_that_breaks_its_own_promise_is_caught(notes: Environment) -> None:
    """What is declared is true of the tool itself, or the lint says so first."""

    @notes.tool(effect="read")
    def count(world: World) -> int:
        """Count."""
        return "three"  # type: ignore[return-value]

    found = _only(realism.lint(["noop"], [notes]))
    assert (found.fault, found.tool, found.kind) == ("noop", "count", "schema")
    assert found.what == "Input should be a valid integer"
