"""Randomness by key: what is drawn depends on the key alone, on every machine and in every order."""

import random
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from agentbench import seeds

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
# Written down once: a release that changes these changes the weather of every stored run.
DIGEST = "dfb8984855e9e8a1d0f93935e803837f65906a20d8d19fd1fe47f449235c6315"


def test_a_digest_is_of_the_content_and_not_of_its_order() -> None:
    """Two mappings with the same entries have one digest; lists and the split into parts are told apart."""
    assert seeds.digest({"a": 1, "b": [2]}) == seeds.digest({"b": [2], "a": 1})
    different = [("a", "b"), ("ab",), ("b", "a"), (["a", "b"],), ("a", ["b"]), ("a", None), ("a",), (), (1,), ("1",)]
    assert len({seeds.digest(*parts) for parts in different}) == len(different)


def test_digests_are_the_same_in_another_process() -> None:
    """Neither hash randomisation nor the process has a say."""
    program = "from agentbench import seeds; print(seeds.digest('trial', 7, {'b': 1, 'a': 'ü'}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "5"}
    )
    assert done.stdout.strip() == seeds.digest("trial", 7, {"a": "ü", "b": 1}) == DIGEST


def test_what_is_not_json_has_a_digest_too() -> None:
    """Lone surrogates and objects are digested, not refused."""
    assert len(seeds.digest("\ud800")) == 64
    assert seeds.digest(b"x") != seeds.digest(b"y")


@given(st.lists(JSON, max_size=3))
def test_a_uniform_draw_is_in_range_and_repeats(key: list[object]) -> None:
    """A draw lies in [0, 1), and the same key draws the same number."""
    assert 0 <= seeds.uniform(*key) < 1
    assert seeds.uniform(*key) == seeds.uniform(*key)


def test_draws_do_not_depend_on_other_draws() -> None:
    """The order of draws, and draws of others in between, change nothing."""
    forwards = [seeds.uniform("call", number) for number in range(20)]
    backwards = [seeds.uniform("call", number) for number in reversed(range(20))]
    assert forwards == backwards[::-1]
    first, second = seeds.derive("a"), seeds.derive("b")
    together = [(first.random(), second.random()) for _ in range(5)]
    alone = seeds.derive("b")
    assert [drawn for _, drawn in together] == [alone.random() for _ in range(5)]


def test_uniform_draws_are_uniform() -> None:
    """Of 20,000 keys each tenth of the range gets its share, give or take five standard deviations."""
    counts = [0] * 10
    for number in range(20_000):
        counts[int(seeds.uniform("share", number) * 10)] += 1
    assert all(abs(count - 2000) < 5 * (20_000 * 0.1 * 0.9) ** 0.5 for count in counts)


def test_settling_seeds_the_global_generator() -> None:
    """After `settle` the generator that agents' libraries draw from repeats, and another key gives other numbers."""
    state = random.getstate()
    try:
        drawn = []
        for key in ("a", "a", "b"):
            seeds.settle(key)
            drawn.append([random.random() for _ in range(3)])
        assert drawn[0] == drawn[1] != drawn[2]
    finally:
        random.setstate(state)


@given(st.lists(st.one_of(st.text(), st.integers(), st.none()), min_size=1), st.lists(st.text(), min_size=1))
def test_shared_beginning_of_a_key_changes_no_draw(key, rest):
    """Digesting the beginning once is only faster."""
    assert seeds.Keyed(*key).uniform(*rest) == seeds.uniform(*key, *rest)


@given(st.text(), st.integers(0, 10**6))
def test_fast_way_of_writing_a_key_changes_no_draw(key, repeat):
    """Names and digests are written as JSON writes them; whatever else goes the slow way."""
    assert seeds.Keyed("a", 1).of("at", key, repeat) == seeds.uniform("a", 1, "at", key, repeat)
