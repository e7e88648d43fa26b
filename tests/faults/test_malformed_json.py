"""Malformed JSON is the true answer in a form that no parser takes."""

import json

import pytest

from agentbench.errors import UsageError


@pytest.mark.parametrize("kind", ["cut", "python", "noisy"])
@pytest.mark.parametrize("body", [{"items": [{"id": "A", "memo": None}]}, {"open": True}, [{"id": "B"}]])
async def test_no_parser_takes_it(retell, kind, body):
    """What is told is a text, and it is no JSON."""
    told = await retell("malformed_json", body, as_=kind)
    with pytest.raises(json.JSONDecodeError):
        json.loads(told)


async def test_kinds_are_as_they_are_met_in_life(bench, make):
    """A beginning, Python's own form, and a log line before the document."""
    cut = await bench.strike(make("malformed_json", keep=0.25), "get_note", id="NOTE-1")
    python = await bench.strike(make("malformed_json", as_="python"), "get_note", id="NOTE-1")
    noisy = await bench.strike(make("malformed_json", as_="noisy"), "get_note", id="NOTE-1")
    assert json.dumps(bench.executed[0].body).startswith(cut.body)
    assert python.body == "{'id': 'NOTE-1', 'text': 'note 1'}"
    assert noisy.body == 'INFO  get_note 200 OK (500 ms)\n{"id": "NOTE-1", "text": "note 1"}'
    assert (cut.status, python.status, noisy.status) == (200, 200, 200)


async def test_cut_always_loses_something(retell):
    """Even a share close to 1 leaves a document without its end."""
    assert await retell("malformed_json", {"a": 1}, keep=0.999) == '{"a": 1'


@pytest.mark.parametrize("body", [None, "text", 3, {}, []])
async def test_no_document_leaves_the_reply_alone(bench, retell, body):
    """A bare value and an empty document have nothing to spoil."""
    assert await retell("malformed_json", body) is bench.executed[0].body


@pytest.mark.parametrize("wrong", [{"keep": 0}, {"keep": 1}, {"as_": "xml"}])
def test_other_parameters_are_refused(make, wrong):
    """A share lies between 0 and 1, and there are three kinds."""
    with pytest.raises(UsageError):
        make("malformed_json", **wrong)
