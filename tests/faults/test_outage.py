"""An outage says so, and nothing was done."""

import pytest

from agentbench.calls import ToolError
from agentbench.errors import UsageError


@pytest.mark.parametrize("status", [500, 503, 529])
async def test_api_errors_are_json_of_the_apis_own_shape(bench, make, status):
    """500, 503 and 529 carry an error body with code and message, JSON headers and a request id."""
    told = await bench.strike(make("outage", status=status), "add_note", text="hello")
    assert (told.status, told.failure, told.ok) == (status, None, False)
    assert set(told.body["error"]) == {"code", "message"}
    assert told.headers["Content-Type"] == "application/json"
    assert told.headers["x-request-id"].startswith("req_")
    assert (bench.executed, bench.notes) == ([], 5)


@pytest.mark.parametrize(("status", "title"), [(502, "502 Bad Gateway"), (504, "504 Gateway Time-out")])
async def test_proxy_errors_are_the_proxys_page(bench, make, status, title):
    """502 and 504 come from the proxy in front, as HTML and not as the API's JSON."""
    told = await bench.strike(make("outage", status=status), "list_notes")
    assert told.status == status
    assert f"<title>{title}</title>" in told.body
    assert (told.headers["Content-Type"], told.headers["Server"]) == ("text/html", "nginx")


@pytest.mark.parametrize(
    ("kind", "exception", "after_s"), [("refused", ConnectionRefusedError, 0.0), ("reset", ConnectionResetError, 0.5)]
)
async def test_connections_end_with_the_exception_of_the_standard_library(bench, make, kind, exception, after_s):
    """A refusal is met at once and a reset after the tool's latency; neither executes the tool."""
    told = await bench.strike(make("outage", as_=kind), "add_note", text="hello")
    with pytest.raises(exception):
        told.unwrap()
    assert (bench.executed, bench.now) == ([], after_s)


async def test_client_meets_a_tool_error(bench, make):
    """The status reaches a Python client as `ToolError` with what was sent."""
    told = await bench.strike(make("outage"), "list_notes")
    with pytest.raises(ToolError, match="HTTP 503: service_unavailable") as caught:
        told.unwrap()
    assert caught.value.headers == told.headers


async def test_request_ids_differ_from_call_to_call(bench, make):
    """Two refused calls carry two request ids."""
    ids = {(await bench.strike(make("outage"), "list_notes")).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("wrong", [{"status": 404}, {"status": 200}, {"as": "timeout"}, {"code": 503}])
def test_other_parameters_are_refused(make, wrong):
    """Only server errors, refusals and resets are outages."""
    with pytest.raises(UsageError):
        make("outage", **wrong)
