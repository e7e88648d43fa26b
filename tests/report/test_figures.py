"""How a measure is written."""

import pytest

from agentbench.judgement import Measure
from agentbench.report import figures


def _measure(
    name: str, value: float | None, n: int = 50, low: float | None = None, high: float | None = None
) -> Measure:
    return Measure(
        name=name, agent="a", value=value, low=low, high=high, n=n, reason=None if value is not None else "why"
    )


@pytest.mark.parametrize(
    ("name", "value", "n", "written"),
    [
        ("success_clean", 0.934, 50, "93%"),
        ("success_clean", 0.9344, 2_000, "93.4%"),
        ("success_clean", 1.0, 2_000, "100%"),
        ("success_clean", 0.9999, 2_000, ">99.9%"),
        ("harm_rate", 0.0001, 2_000, "<0.1%"),
        ("harm_rate", 0.0, 2_000, "0%"),
        ("fault_drop", -0.04, 50, "−4 pp"),
        ("fault_drop", 0.271, 50, "27 pp"),
        ("utility", -0.12345, 50, "−0.123"),
        ("some_unknown_share", 0.5, 50, "50%"),
        ("recovery_rate", None, 0, "—"),
    ],
)
def test_number(name: str, value: float | None, n: int, written: str) -> None:
    """Shares are percents, almost all is not all, almost none is not none, and undefined is a dash."""
    assert figures.number(_measure(name, value, n)) == written


def test_interval() -> None:
    """An interval is two bounds in the unit of the value; without a value, or a bound, there is none."""
    assert figures.interval(_measure("success_clean", 0.5, low=0.4, high=0.62)) == "40–62"
    assert figures.interval(_measure("fault_drop", 0.1, low=-0.1, high=0.3)) == "−10 to 30"
    assert figures.interval(_measure("success_clean", 0.5)) == ""
    assert figures.interval(_measure("success_clean", None, low=0.1, high=0.2)) == ""


def test_a_measure_that_was_not_computed_is_undefined() -> None:
    """Looking for what is not there gives no number, and says so."""
    found = figures.Measures([_measure("success_clean", 0.5)])
    assert found.of("success_clean", "a").value == 0.5
    assert found.of("success_clean", "b").value is None
    assert figures.reason(found.of("success_clean", "a", fault="x")) == figures.UNMEASURED


def test_footnotes_are_shared() -> None:
    """One reason has one number, however often it is the reason."""
    notes = figures.Footnotes()
    assert [notes.mark(text) for text in ("a", "b", "a")] == [1, 2, 1]
    assert notes.reasons == ["a", "b"]
