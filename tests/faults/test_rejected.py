"""A rejected call was not done, and the reply is what such a service would send."""

import pytest

from agentbench.errors import UsageError

STATUSES = [400, 401, 402, 403, 404, 408, 409, 422]


@pytest.mark.parametrize("status", STATUSES)
async def test_rejection_is_json_of_the_apis_own_shape(bench, make, status):
    """Each status has an error body with code and message and a request id, and nothing was done."""
    told = await bench.strike(make("rejected", status=status), "add_note", text="hello")
    assert (told.status, set(told.body["error"]), told.ok) == (status, {"code", "message"}, False)
    assert told.headers["x-request-id"].startswith("req_")
    assert (bench.executed, bench.notes, bench.now) == ([], 5, 0.5)


async def test_every_status_has_words_of_its_own(bench, make):
    """No two statuses share a code or a message."""
    errors = [(await bench.strike(make("rejected", status=status), "list_notes")).body["error"] for status in STATUSES]
    assert len({each["code"] for each in errors}) == len({each["message"] for each in errors}) == len(STATUSES)


async def test_credentials_are_challenged_as_the_standard_says(bench, make):
    """An expired token and a missing scope carry `WWW-Authenticate`; the others do not."""
    expired = await bench.strike(make("rejected", status=401), "list_notes")
    scope = await bench.strike(make("rejected", status=403), "list_notes")
    conflict = await bench.strike(make("rejected", status=409), "list_notes")
    assert 'error="invalid_token"' in expired.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in scope.headers["WWW-Authenticate"]
    assert "WWW-Authenticate" not in conflict.headers


async def test_absence_names_the_record_that_was_asked_for(bench, make):
    """404 names the id of the call, in the words of the tool itself; without an id it names none."""
    fault = make("rejected", status=404)
    named = await bench.strike(fault, "get_note", id="NOTE-3")
    assert named.body["error"]["message"] == "There is no id NOTE-3."
    assert (await bench.strike(fault, "list_notes")).body["error"]["message"] == "The requested resource was not found."


async def test_validation_blames_an_argument_that_was_given(bench, make):
    """422 names an argument of the call; without one it names none."""
    fault = make("rejected", status=422)
    told = await bench.strike(fault, "add_note", text="hello", key=None)
    assert told.body["error"] == {"code": "validation_error", "message": "text: Value is not allowed"}
    assert "validation" in (await bench.strike(fault, "list_notes")).body["error"]["message"]


async def test_too_large_is_the_proxys_page(bench, make):
    """413 is HTML of the proxy in front and not the API's JSON."""
    told = await bench.strike(make("rejected", status=413), "add_note", text="hello")
    assert (told.status, told.headers["Content-Type"]) == (413, "text/html")
    assert "<title>413 Request Entity Too Large</title>" in told.body


@pytest.mark.parametrize("wrong", [{"status": 500}, {"status": 429}, {"status": 418}, {"code": 403}])
def test_other_statuses_are_refused(make, wrong):
    """Server errors are outages, 429 is a rate limit, and the rest is nothing."""
    with pytest.raises(UsageError):
        make("rejected", **wrong)
