"""The pure parts of shrinking: delta debugging, halving, and the sequential test, against what theory says."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.shrink import Sequential, ddmin, nearest

ITEMS = st.lists(st.integers(0, 30), min_size=1, max_size=14, unique=True)


def minimal(items: list[int], fails: Callable[[list[int]], bool]) -> bool:
    """Whether no single item can be left out."""
    return not any(fails(items[:place] + items[place + 1 :]) for place in range(len(items)))


@given(ITEMS, st.data())
def test_a_cause_is_found_whole_and_alone(items: list[int], data: st.DataObject) -> None:
    """Where a list fails exactly if it holds the cause, the cause is what is left, in its order."""
    cause = data.draw(st.sets(st.sampled_from(items)))
    assert ddmin(items, lambda some: cause <= set(some)) == [item for item in items if item in cause]


@given(ITEMS, st.integers(0, 2**32))
def test_what_is_left_is_one_minimal_even_if_failing_is_a_whim(items: list[int], salt: int) -> None:
    """However erratically lists fail, the result fails and no single item can be left out."""

    def fails(some: list[int]) -> bool:
        return some == items or (salt >> (sum(2**item for item in some) % 31)) % 2 == 1

    rest = ddmin(items, fails)
    assert fails(rest)
    assert minimal(rest, fails)
    assert [item for item in items if item in rest] == rest


@given(ITEMS, st.integers(0, 2**32))
def test_the_number_of_questions_is_bounded(items: list[int], salt: int) -> None:
    """At most n² + 3n + 1 questions are asked, whatever the answers are."""
    asked = 0

    def fails(some: list[int]) -> bool:
        nonlocal asked
        asked += 1
        return (salt >> (hash(tuple(some)) % 31)) % 3 == 1

    ddmin(items, fails)
    assert asked <= len(items) ** 2 + 3 * len(items) + 1


def test_one_item_of_many_takes_few_questions() -> None:
    """A single cause among a thousand is found by halving."""
    asked = 0

    def fails(some: list[int]) -> bool:
        nonlocal asked
        asked += 1
        return 700 in some

    assert ddmin(list(range(1024)), fails) == [700]
    assert asked <= 25


def test_what_the_question_raises_passes_through() -> None:
    """Who asks may stop the search at any time."""

    def fails(some: list[int]) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ddmin([1, 2], fails)


@given(st.integers(-2000, 2000), st.integers(-2000, 2000), st.data())
def test_halving_finds_the_threshold_of_whole_numbers(failing: int, passing: int, data: st.DataObject) -> None:
    """Where all numbers from a threshold on fail, the threshold itself is found, from either side."""
    low, high = sorted((failing, passing))
    threshold = data.draw(st.integers(low, high))
    if failing >= passing:
        found = nearest(failing, passing, lambda value: value >= threshold and value != passing)
        assert found == (max(threshold, passing + 1) if failing > passing else failing)
    else:
        found = nearest(failing, passing, lambda value: value <= threshold and value != passing)
        assert found == min(threshold, passing - 1)


def test_halving_keeps_numbers_short() -> None:
    """A delay comes out with three digits at most, and fails."""
    found = nearest(30.0, 0.0, lambda value: value >= 12.3456)
    assert 12.3456 <= found <= 12.5
    assert len(repr(found)) <= 5


@pytest.mark.parametrize("test", [Sequential(), Sequential(alpha=0.01, beta=0.05, p0=0.5, p1=0.8, most=200)])
def test_the_stated_errors_hold_exactly(test: Sequential) -> None:
    """Computed over all courses of the test: accepting at p0 is as rare as alpha, up to Wald's overshoot."""
    accepted, trials = test.accepts(test.p0)
    assert accepted == test.error
    assert 0 < accepted <= test.alpha / (1 - test.beta)
    assert 1 <= trials <= test.most
    rejected = 1 - test.accepts(test.p1)[0]
    assert 0 < rejected <= test.beta / (1 - test.alpha) + 0.02  # a test that is cut off rejects a little more


def test_certainty_is_seen_at_once() -> None:
    """What always fails is accepted after four trials by default, and what never does is rejected after three."""
    test = Sequential()
    assert [test.verdict(count, 0) for count in range(1, 5)] == ["open", "open", "open", "accept"]
    assert [test.verdict(0, count) for count in range(1, 4)] == ["open", "open", "reject"]
    assert test.accepts(1.0) == (pytest.approx(1.0), pytest.approx(4.0))
    assert test.accepts(0.0) == (pytest.approx(0.0), pytest.approx(3.0))


def test_a_test_without_a_decision_rejects() -> None:
    """At its last trial the test ends, and what is still open is not accepted."""
    assert Sequential(most=2).verdict(1, 1) == "reject"


@given(st.floats(0.01, 0.98), st.floats(0.01, 0.98))
def test_what_fails_more_often_is_accepted_more_often(one: float, other: float) -> None:
    """The chance to accept rises with the rate at which it fails."""
    low, high = sorted((one, other))
    assert Sequential().accepts(low)[0] <= Sequential().accepts(high)[0] + 1e-12
