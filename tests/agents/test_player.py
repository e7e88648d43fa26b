"""The player of reference solutions: pure logic, driven here by hand."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.agents._memory import Call, Reply, Wait
from agentbench.agents._outcome import Outcome
from agentbench.agents._player import Player
from agentbench.agents._policy import CAREFUL, HONEST, Policy
from agentbench.calls import Meaning, ToolSpec

Told = Callable[[str, dict[str, Any]], Outcome]


def _specs(key: str | None = None) -> list[ToolSpec]:
    def spec(name: str, effect: Any, key: str | None = None) -> ToolSpec:
        return ToolSpec(name=name, description="", parameters={}, effect=effect, idempotency_key=key)

    return [spec("find", "read"), spec("pay", "write", key), spec("look", "read"), spec("other", "write")]


def _ok(body: Any = None) -> Outcome:
    return Outcome(ok=True, body={} if body is None else body)


def _hear(policy: Policy, *meanings: Meaning) -> tuple[list[str], list[str]]:
    """The tools called, and the answers, when the user's messages mean this."""
    reference = [
        {"call": "find"},
        {"reply": "Which one?"},
        {"call": "pay", "optional": "paid"},
        {"reply": "Paid."},
    ]
    player = Player(reference, _specs(), policy)
    called, answers = [], []
    for meaning in meanings:
        player.hear(meaning)
        outcome = None
        while not isinstance(action := player.next(outcome), Reply):
            called.extend([action.tool] if isinstance(action, Call) else [])
            outcome = _ok()
        answers.append(action.text)
    return called, answers


def _play(
    reference: Sequence[Mapping[str, Any]],
    told: Told,
    policy: Policy = HONEST,
    *,
    key: str | None = None,
    turns: int = 1,
) -> tuple[list[Any], list[str]]:
    """The calls and waits of a whole play, and the answers."""
    player = Player(reference, _specs(key), policy)
    done: list[Any] = []
    answers = []
    for _ in range(turns):
        player.hear()
        outcome = None
        while not isinstance(action := player.next(outcome), Reply):
            done.append((action.tool, action.arguments) if isinstance(action, Call) else action.seconds)
            assert len(done) < 200
            outcome = told(action.tool, action.arguments) if isinstance(action, Call) else None
        answers.append(action.text)
    return done, answers


def test_when() -> None:
    """A step whose condition on the saved values is false is left out, a reply too."""
    reference: list[dict[str, Any]] = [
        {"call": "find", "save": {"free": "free"}},
        {"call": "pay", "when": "free"},
        {"call": "other", "when": "!free"},
        {"reply": "Paid.", "when": "free"},
        {"reply": "Full.", "when": "!free"},
    ]
    done, answers = _play(reference, lambda tool, _: _ok({"free": tool != "find"}))
    assert [name for name, _ in done] == ["find", "other"]
    assert answers == ["Full."]


@pytest.mark.parametrize("policy", [HONEST, CAREFUL])
def test_pages(policy: Policy) -> None:
    """Who validates follows the cursor until what it looks for is there, and no further."""

    def told(_: str, arguments: dict[str, Any]) -> Outcome:
        page = int(arguments.get("cursor", "c0")[1:])
        return _ok({"items": [{"id": page}], "next_cursor": f"c{page + 1}"})

    reference = [{"call": "find", "save": {"it": "items[?id==`2`].id | [0]"}}, {"reply": "$it"}]
    done, answers = _play(reference, told, policy)
    assert [arguments.get("cursor") for _, arguments in done] == [None, "c1", "c2"]
    assert answers == ["2"]


def test_endless_pages() -> None:
    """A list that never ends is not followed for ever."""
    done, _ = _play([{"call": "find", "expect": "found"}], lambda *_: _ok({"items": [], "next_cursor": "c1"}))
    assert len(done) < 40


def test_unsound_read_takes_the_other_way() -> None:
    """A read that stays unsound is repeated twice and then replaced."""
    reference = [{"call": "find", "expect": "ok", "fallback": [{"call": "look"}]}]
    done, _ = _play(reference, lambda *_: _ok())
    assert [name for name, _ in done] == ["find", "find", "find", "look"]


def test_answer_is_repeated() -> None:
    """Asked once more within a turn, the player says the same; the next turn goes on."""
    player = Player([{"reply": "one"}, {"call": "pay"}, {"reply": "two"}], _specs(), HONEST)
    player.hear()
    assert player.next(None) == player.next(None) == Reply("one")
    player.hear()
    assert player.next(None) == Call("pay", {})
    assert player.next(_ok()) == Reply("two")


def test_more_turns_than_replies() -> None:
    """When everything is done the player still answers, and asks nothing."""
    done, answers = _play([{"call": "pay"}], lambda *_: _ok(), turns=3)
    assert len(done) == 1
    assert all(answers)
    assert not any("?" in answer for answer in answers)


def test_dependent_steps() -> None:
    """A step that needs what an optional step could not find is given up without a call."""
    reference = [
        {"call": "find", "save": {"hotel": "id"}, "optional": "hotel"},
        {"call": "pay", "with": {"hotel": "$hotel"}, "optional": "booking"},
        {"reply": "Done."},
    ]
    done, answers = _play(reference, lambda *_: Outcome(ok=False, status=404))
    assert done == [("find", {})]
    assert answers == ["Done. This is not done: hotel, booking."]


VERIFIED = [
    {
        "call": "pay",
        "with": {"cents": 5},
        "save": {"id": "id"},
        "verify": {"call": "look", "with": {}, "expect": "length(items) > `0`"},
    },
    {"call": "other", "with": {"id": "$id"}},
]


@pytest.mark.parametrize("items", [[{"id": 7}], [{"number": 7}], [{"id": 6}, {"id": 7}]])
def test_lost_value(items: list[Any]) -> None:
    """What a lost reply held is taken from the one entry that shows its effect, else asked for again by key."""
    replies = iter([Outcome(ok=False), _ok({"id": 7})])

    def told(tool: str, _: dict[str, Any]) -> Outcome:
        return {"pay": lambda: next(replies), "look": lambda: _ok({"items": items}), "other": _ok}[tool]()

    done, _ = _play(VERIFIED, told, CAREFUL, key="key")
    paid = [each[1] for each in done if isinstance(each, tuple) and each[0] == "pay"]
    assert len(paid) == (1 if items == [{"id": 7}] else 2)
    assert len({arguments["key"] for arguments in paid}) == 1
    assert done[-1] == ("other", {"id": 7})


def test_keys_belong_to_intents() -> None:
    """Two steps that happen to be equal are two intents; a given key is left alone."""
    reference = [{"call": "pay", "with": {"cents": 5}}] * 2 + [{"call": "pay", "with": {"key": "mine"}}]
    done, _ = _play(reference, lambda *_: _ok(), CAREFUL, key="key")
    keys = [arguments["key"] for _, arguments in done]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"
    assert done == _play(reference, lambda *_: _ok(), CAREFUL, key="key")[0]


def test_lasting_lost_reply() -> None:
    """A write that is seen to be done counts as done, even if its reply never comes."""
    look = {"items": [{"number": 1}]}
    told: Told = lambda tool, _: _ok(look) if tool == "look" else Outcome(ok=False)  # noqa: E731
    done, answers = _play(VERIFIED[:1], told, CAREFUL, key="key")
    assert [each for each in done if isinstance(each, float | int)] == [1, 2, 4]
    assert answers == ["I have done what you asked for."]


def test_unsound_write_is_not_repeated() -> None:
    """A write that reports success in an odd way is not made again by who cannot look it up."""
    reference = [{"call": "pay", "expect": "confirmed", "fallback": [{"call": "other"}]}]
    assert [name for name, _ in _play(reference, lambda *_: _ok())[0]] == ["pay", "other"]
    assert [name for name, _ in _play(reference, lambda *_: _ok(), CAREFUL)[0]] == ["pay"]


def test_retries_in_vain() -> None:
    """What was refused for good is not asked for again."""
    done, _ = _play([{"call": "pay"}], lambda *_: Outcome(ok=False, status=422), CAREFUL)
    assert done == [("pay", {})]


def test_waiting() -> None:
    """A repeat waits as Retry-After says, else longer each time."""
    replies = iter([Outcome(ok=False, status=503), Outcome(ok=False, status=429, retry_after_s=9), _ok()])
    player = Player([{"call": "find"}], _specs(), CAREFUL)
    player.hear()
    actions = [player.next(None)]
    while not isinstance(actions[-1], Reply):
        actions.append(player.next(next(replies) if isinstance(actions[-1], Call) else None))
    assert [each for each in actions if isinstance(each, Wait)] == [Wait(1.0), Wait(9)]


FAILING = [
    Outcome(ok=False),
    Outcome(ok=False, status=500),
    Outcome(ok=False, status=429, retry_after_s=1.0),
    Outcome(ok=False, status=404),
    _ok(),
    _ok({"items": []}),
    _ok({"items": [{"id": 1}], "id": 1}),
    _ok("<html>"),
]


POLICIES = st.builds(
    Policy,
    gives_up=st.booleans(),
    retries=st.integers(0, 3),
    backoff_s=st.sampled_from([0.0, 1.0]),
    uses_fallback=st.booleans(),
    verifies=st.booleans(),
    verifies_success=st.booleans(),
    idempotency=st.booleans(),
    validates=st.booleans(),
    honours_retry_after=st.booleans(),
    claims=st.sampled_from(["honest", "always_done"]),
)


@given(policy=POLICIES, weather=st.lists(st.sampled_from(FAILING), min_size=1), key=st.sampled_from([None, "key"]))
def test_every_play_ends(policy: Policy, weather: list[Outcome], key: str | None) -> None:
    """Under any policy and any replies the play ends in few calls, with no more repeats than allowed."""
    reference = [{**VERIFIED[0], "fallback": [{"call": "other"}], "optional": "paid"}, VERIFIED[1], {"reply": "Done."}]
    made = 0

    def told(*_: Any) -> Outcome:
        nonlocal made
        made += 1
        return weather[made % len(weather)]

    done, answers = _play(reference, told, policy, key=key, turns=2)
    paid = [each for each in done if isinstance(each, tuple) and each[0] == "pay"]
    assert len(paid) <= policy.retries + 1
    assert len(done) <= 60
    assert all(answers)


ALL, PART, NOTHING = Meaning(), Meaning(gives="part"), Meaning(gives="nothing")
CLASH, NOBODY = Meaning(gives="clash"), Meaning(gives="nobody")


@pytest.mark.parametrize(
    ("meanings", "called"),
    [
        ([PART, PART, ALL, ALL], ["find", "pay"]),
        ([ALL, NOTHING, ALL], ["find", "pay"]),
        ([ALL, NOTHING, NOTHING, ALL], ["find"]),
        ([ALL, CLASH, CLASH], ["find"]),
        ([ALL, NOBODY], ["find"]),
        ([ALL, Meaning(line=3)], ["find"]),
        ([ALL, Meaning(steps=({"call": "other"}, {"reply": "Done otherwise."}))], ["find", "other"]),
    ],
    ids=["pieces", "asked again", "never", "contradiction", "nobody", "passed over", "another mind"],
)
def test_listening_waits_for_what_it_needs(meanings: list[Meaning], called: list[str]) -> None:
    """Who listens acts when all of the line was said, asks once more, and does what was said last."""
    done, answers = _hear(CAREFUL, *meanings)
    assert done == called
    assert all("?" in answer for meaning, answer in zip(meanings, answers, strict=True) if meaning in (PART, CLASH))


def test_going_ahead_takes_every_message_for_the_next_line() -> None:
    """Who does not listen plays on, whatever the message holds."""
    assert _hear(Policy(), PART, NOTHING)[0] == ["find", "pay"]


def test_listening_reports_a_wish_that_cannot_be_had() -> None:
    """A wish that no tool fulfils is named in every answer from then on."""
    assert _hear(CAREFUL, Meaning(wishes=("phone call", "ring")), ALL)[1][-1] == "Paid. This is not done: phone call."
