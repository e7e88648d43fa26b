"""How a measure is written: its label, its number in its unit, its interval, and why it is undefined.

Invariant: a measure without a value is never written as a number.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agentbench.judgement import Measure, Outcome

Unit: TypeAlias = Literal["share", "points", "plain"]
UNDEFINED = "—"
UNMEASURED = "this measure was not computed"
FINE_FROM = 200  # below so many trials a decimal of a percent says more than is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """How one measure is shown. `better` says which direction is the good one."""

    name: str
    label: str
    short: str
    means: str
    unit: Unit = "share"
    better: Literal["high", "low"] = "high"


HEADLINE = (
    Figure(name="success_clean", label="Success, clean", short="clean",
           means="share of valid control trials that are a success"),
    Figure(name="success_faulted", label="Success, faulted", short="faulted",
           means="share of valid faulted trials that are a success, where success can be had"),
    Figure(name="fault_drop", label="Fault drop", short="drop", unit="points", better="low",
           means="success lost to faults, over pairs with the same seed, in percentage points"),
    Figure(name="recovery_rate", label="Recovery", short="recovery",
           means="share that succeed although a fault was witnessed, where success can be had and the control passed"),
    Figure(name="graceful_rate", label="Graceful", short="graceful",
           means="share that end in success, on a declared lower rung or in an honest failure, after a fault landed"),
    Figure(name="pass_hat_3", label="pass^3", short="pass^3",
           means="chance that three faulted trials of a scenario all succeed; n counts scenarios"),
    Figure(name="false_success_rate", label="False success", short="false", better="low",
           means="share of valid trials that claim to be done while the state says otherwise"),
    Figure(name="harm_rate", label="Harm", short="harm", better="low",
           means="share of valid trials with a duplicate, a collateral effect or a minefield"),
)  # fmt: skip
_KNOWN = {each.name: each for each in HEADLINE}

OUTCOME_LETTERS: dict[Outcome, str] = {
    "success": "S", "degraded": "D", "honest_failure": "H",
    "silent_failure": "Q", "false_success": "F", "harmful": "X",
}  # fmt: skip
OUTCOME_LABELS: dict[Outcome, str] = {
    "success": "success", "degraded": "degraded", "honest_failure": "honest failure",
    "silent_failure": "silent failure", "false_success": "false success", "harmful": "harmful",
}  # fmt: skip


def figure(name: str) -> Figure:
    """How a measure of this name is shown, also one that no table knows."""
    if name in _KNOWN:
        return _KNOWN[name]
    share = name.endswith(("_rate", "_share")) or name.startswith(("success", "pass_"))
    label = name.replace("pass_hat_", "pass^").replace("_", " ")
    return Figure(name=name, label=label, short=label, means=label, unit="share" if share else "plain")


class Measures:
    """Measures by their keys."""

    def __init__(self, measures: Iterable[Measure]) -> None:
        self._found = {(each.name, each.agent, each.scenario, each.fault): each for each in measures}

    def of(self, name: str, agent: str, *, scenario: str | None = None, fault: str | None = None) -> Measure:
        """The measure of exactly these keys, or one that says that it was not computed."""
        found = self._found.get((name, agent, scenario, fault))
        if found is not None:
            return found
        return Measure(name=name, agent=agent, value=None, low=None, high=None, n=0, reason=UNMEASURED)


def number(measure: Measure) -> str:
    """The value with its unit, or an em dash."""
    if measure.value is None:
        return UNDEFINED
    unit = figure(measure.name).unit
    return _written(measure.value, unit, measure.n) + {"share": "%", "points": " pp", "plain": ""}[unit]


def interval(measure: Measure) -> str:
    """The interval without its unit, or '' when there is none."""
    if measure.value is None or measure.low is None or measure.high is None:
        return ""
    unit = figure(measure.name).unit
    low, high = (_written(bound, unit, measure.n, guarded=False) for bound in (measure.low, measure.high))
    return f"{low} to {high}" if "−" in low + high else f"{low}–{high}"


def reason(measure: Measure) -> str:
    """Why there is no value."""
    return measure.reason or "no reason was given"


def _written(value: float, unit: Unit, n: int, *, guarded: bool = True) -> str:
    if unit == "plain":
        return (f"{value:.3g}" if abs(value) < 1_000 else f"{value:,.0f}").replace("-", "−")
    if value in (0, 1, -1):
        return f"{value * 100:.0f}".replace("-", "−")
    places = 1 if n >= FINE_FROM else 0
    text = f"{abs(value) * 100:.{places}f}"
    # What is almost all is not all, and what is almost none is not none; a bound may be rounded.
    if float(text) in (0, 100) and not guarded:
        text = f"{float(text):.0f}"
    elif float(text) == 0:
        text = "<0.1" if places else "<1"
    elif float(text) == 100:
        text = ">99.9" if places else ">99"
    return ("−" if value < 0 else "") + text


class Footnotes:
    """Numbers the reasons for undefined measures, one number per reason."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def mark(self, text: str) -> int:
        """The number of this reason, from 1."""
        if text not in self.reasons:
            self.reasons.append(text)
        return self.reasons.index(text) + 1
