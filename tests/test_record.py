"""The record: the same bytes for the same trial, and a copy of anything that an agent may hand over."""

import json
from collections import UserDict
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench import record
from agentbench.record import Answer, Claim, Ending, Note, Reply, TrialRecord, UserTurn, Wall
from tests import records

UNICODE = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | UNICODE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(UNICODE, inner, max_size=4),
    max_leaves=12,
)


def make(**changes: Any) -> TrialRecord:
    """A record of one call, two answers and two claims."""
    call = records.call(asked={"cents": 5}, fired=[records.fired("not_executed", fault="outage")])
    events = [
        UserTurn(at_s=0.0, turn=0, text="Pay."),
        call,
        Answer(at_s=1.0, turn=0, text="Which one?"),
        Claim(at_s=1.5, turn=1, status="failed"),
        Claim(at_s=1.6, turn=1, status="partial", missing=["receipt"]),
        Answer(at_s=2.0, turn=1, text="Paid."),
        Note(at_s=2.0, kind="blocking_sleep"),
    ]
    wanted: dict[str, Any] = {
        "trial": "a/s/f/0", "attempt": 0, "seed": "x", "clock": "virtual", "sandbox": "inprocess",
        "ending": Ending(kind="finished"), "end_s": 2.0, "events": events,
        "ledger": records.ledger(*records.paid()), "wall": Wall(started="2026-03-02T09:00:00Z", duration_s=0.1, pid=7),
    }  # fmt: skip
    return TrialRecord(**(wanted | changes))


# -- the record itself ---------------------------------------------------------------------------------


def test_a_record_survives_its_line() -> None:
    """Encoding gives one line of JSON, and decoding gives an equal record with the same bytes."""
    made = make()
    line = record.encode(made)
    assert b"\n" not in line
    assert record.decode(line) == made
    assert record.encode(record.decode(line.decode())) == line
    assert json.loads(line)["version"] == record.RECORD_VERSION


def test_keys_are_in_one_order() -> None:
    """Equal contents give equal bytes, however their dictionaries were filled."""
    one, two = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert record.reply_digest(Reply(status=200, body=one)) == record.reply_digest(Reply(status=200, body=two))
    assert record.reply_digest(Reply(status=200, body=one)) != record.reply_digest(Reply(status=503, body=one))


def test_wall_and_attempt_are_not_compared() -> None:
    """Two executions of one trial are compared by everything else."""
    made = make()
    again = msgspec.structs.replace(made, wall=Wall(pid=9), attempt=3)
    assert record.comparable(made) == record.comparable(again)
    assert record.encode(made) != record.encode(again)
    assert record.comparable(made) != record.comparable(msgspec.structs.replace(made, end_s=2.5))


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b"\xff", b'{"trial": 1}'])
def test_a_line_that_is_no_record_is_refused(line: bytes) -> None:
    """It raises what the store looks for, and nothing else."""
    with pytest.raises(msgspec.DecodeError):
        record.decode(line)


def test_an_unknown_kind_of_event_is_refused() -> None:
    """An event is one of those that judging knows."""
    with pytest.raises(msgspec.ValidationError, match="Invalid value"):
        record.decode(record.encode(make()).replace(b'"type":"note"', b'"type":"rumour"'))


def test_calls_stand_in_the_order_in_which_they_were_made() -> None:
    """Events end in any order; calls of one instant are ordered by their number."""
    calls = [records.call(id="c10", at_s=1.0), records.call(id="c9", at_s=1.0), records.call(id="c11", at_s=0.5)]
    assert [call.id for call in make(events=calls).calls] == ["c11", "c9", "c10"]


def test_the_last_claim_counts_and_all_answers_do() -> None:
    """A claim may be corrected; what was said stays said."""
    made = make()
    assert made.claim is not None
    assert (made.claim.status, made.claim.missing) == ("partial", ["receipt"])
    assert made.answer == "Which one?\nPaid."
    empty = make(events=[])
    assert (empty.claim, empty.answer, empty.calls) == (None, "", [])


@pytest.mark.parametrize(
    ("reply", "ok"),
    [(Reply(status=200), True), (Reply(status=299), True), (Reply(status=300), False), (Reply(), False),
     (Reply(failure="timeout"), False), (Reply(status=200, failure="reset"), False)],
)  # fmt: skip
def test_a_reply_is_ok_if_it_says_so(reply: Reply, ok: bool) -> None:
    """Only a 2xx without a failure is."""
    assert reply.ok is ok


# -- copies of anything --------------------------------------------------------------------------------


@given(JSON)
def test_json_is_copied_as_it_is(value: Any) -> None:
    """A JSON value comes back equal and of the same types, with nothing to say about it."""
    copy, problem = record.examine(value)
    assert (copy, problem) == (value, "")
    assert json.dumps(copy) == json.dumps(value)
    assert record.plain(value) == record.copied(value) == value


def test_a_copy_is_deep() -> None:
    """What the agent does to its value afterwards does not reach the record."""
    for make_copy in (record.plain, record.copied):
        value: dict[str, Any] = {"items": [{"a": 1}], "b": "x"}
        copy = make_copy(value)
        value["items"][0]["a"] = 2
        value["b"] = "y"
        assert copy == {"items": [{"a": 1}], "b": "x"}
        flat = {"a": 1}
        copy = make_copy(flat)
        flat["a"] = 2
        assert copy == {"a": 1}


class Shouting(str):
    """A text that lies about itself."""

    def __str__(self) -> str:
        raise RuntimeError

    def __len__(self) -> int:
        return 10**9


class Bomb:
    """An object none of whose methods works."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError


class Trap(dict[str, Any]):
    """A dictionary that cannot be read."""

    def items(self) -> Any:
        raise RuntimeError


def cyclic() -> list[Any]:
    """A list that holds itself."""
    made: list[Any] = []
    made.append(made)
    return made


HOSTILE: list[tuple[Any, Any, str]] = [
    (float("nan"), "nan", "nan is not a JSON number"),
    ({"a": float("-inf")}, {"a": "-inf"}, "-inf is not a JSON number"),
    (2**63, "9.223372e+18", "an integer of more than 64 bits"),
    ([-(2**63) - 1], ["-9.223372e+18"], "an integer of more than 64 bits"),
    (10**5000, "<huge integer>", "an integer of more than 64 bits"),
    ("\ud800x", "\\ud800x", "text that is not Unicode"),
    ({"\ud800": 1}, {"\\ud800": 1}, "text that is not Unicode"),
    (b"x", "<bytes>", "a bytes, which is not JSON"),
    ({"a": Bomb()}, {"a": "<Bomb>"}, "a Bomb"),
    (Bomb, "<type>", "a type, which is not JSON"),
    (Trap(a=1), "<Trap>", "a Trap, which cannot be read"),
    ({1: "a", None: "b", (1, 2): "c"}, {"1": "a", "None": "b", "[1, 2]": "c"}, ""),
    ((1, (2,)), [1, [2]], ""),
    ({"b", "a"}, ["a", "b"], ""),
    (UserDict(a=1), {"a": 1}, ""),
    (True, True, ""),
]


@pytest.mark.parametrize(("value", "copy", "problem"), HOSTILE, ids=[str(copy)[:30] for _, copy, _ in HOSTILE])
def test_what_is_not_json_becomes_text(value: Any, copy: Any, problem: str) -> None:
    """Each value has a copy that can be kept, and it is said what was wrong."""
    made, told = record.examine(value)
    assert made == copy
    assert problem in told
    assert bool(told) == bool(problem)
    assert record.plain(value) == copy
    msgspec.json.encode(made)


def test_a_type_of_the_agents_own_is_not_trusted() -> None:
    """Methods that lie or raise are not asked."""
    assert record.plain({"a": Shouting("quiet")}) == {"a": "quiet"}
    assert type(record.plain({"a": Shouting("quiet")})["a"]) is str


def test_what_holds_itself_is_cut() -> None:
    """Depth has a bound, and the place of the cut is marked."""
    made, told = record.examine(cyclic())
    assert told == f"it is nested more than {record.DEPTH_MAX} levels deep"
    depth = 0
    while isinstance(made, list):
        made, depth = made[0], depth + 1
    assert (made, depth) == ("<nested too deeply>", record.DEPTH_MAX)
    assert json.dumps(record.copied(cyclic())).count("<nested too deeply>") == 1


@pytest.mark.parametrize(
    "wrap", [lambda text: text, lambda text: {"a": text}, lambda text: {text: 1}, lambda text: [text]]
)
def test_a_long_text_is_cut(wrap: Any) -> None:
    """As a value and as a key, with the number of characters that are missing; the longest allowed is kept."""
    longest = "x" * record.TEXT_MAX
    assert record.examine(wrap(longest)) == (wrap(longest), "")
    made, told = record.examine(wrap(longest + "yz"))
    assert made == wrap(f"{longest}<2 more characters>")
    assert told == "it holds a text of more than 65,536 characters"


def test_a_small_value_cannot_unfold_into_a_huge_one() -> None:
    """Lists that share their parts, and many long texts, are bounded altogether."""
    bush: list[Any] = ["x"]
    for _ in range(30):
        bush = [bush, bush]
    made, told = record.examine(bush)
    assert len(msgspec.json.encode(made)) < 5_000_000
    assert told == "it holds more than 100,000 values"
    made, told = record.examine(["x" * record.TEXT_MAX] * 1000)
    assert len(msgspec.json.encode(made)) < record.TEXT_TOTAL_MAX + 100_000
    assert "it holds a text of more than" in told
    made, told = record.examine(dict.fromkeys(range(200_000)))
    assert made["<more>"] == "<too many values>"
    assert told == "it holds more than 100,000 values"


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.integers() | st.floats() | st.binary(max_size=2)))
def test_anything_can_be_kept(value: Any) -> None:
    """The copy of any dictionary is JSON, and examining and copying agree."""
    made, _ = record.examine(value)
    assert msgspec.json.decode(msgspec.json.encode(made)) == made == record.plain(value)
    msgspec.json.encode(record.copied(value))
