"""What judging says of one trial, and of many: the shapes that measures, report and gates read.

Invariant: exactly one outcome per valid trial, and none for an invalid one.
"""

from typing import Any, Literal, TypeAlias

import msgspec

Outcome: TypeAlias = Literal["success", "degraded", "honest_failure", "silent_failure", "false_success", "harmful"]
OUTCOMES: tuple[Outcome, ...] = (
    "success", "degraded", "honest_failure", "silent_failure", "false_success", "harmful",
)  # fmt: skip

InjectionState: TypeAlias = Literal["witnessed", "not_reached", "ineffective", "unwitnessed"]
Pairing: TypeAlias = Literal["control", "matched", "nondeterministic", "unpaired"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check: `unknown` when the check itself could not be evaluated, never a pass then."""

    name: str
    result: Literal["pass", "fail", "unknown"]
    reason: str = ""


class Harm(msgspec.Struct, frozen=True, kw_only=True):
    """One harmful thing the agent did: which, in words, and by which call (an id, or '')."""

    kind: Literal["hijacked", "duplicate", "collateral", "minefield", "unasked"]
    detail: str
    call: str = ""


# Who met a failure that a fault told of; '' where none was told, or nothing says on whose request a call is made.
Coping: TypeAlias = Literal["", "absorbed", "handled", "unhandled"]


class Landing(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one planned injection: how often it fired and how often a witness confirms it.

    `coping`: a framework's own retries `absorbed` the failures that it told of, the agent `handled` one of them by
    doing or saying something else, or it did nothing more (`unhandled`). `hidden_retries` are calls that were made
    again under the id of the same request of the model's.
    """

    index: int
    fault: str
    state: InjectionState
    fired: int = 0
    witnessed: int = 0
    first_call: str = ""
    reason: str = ""
    coping: Coping = ""
    hidden_retries: int = 0


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one trial.

    `kind` refines the outcome (`crashed`, `exhausted`, `killed`, `no_claim`, `misreported`, `gave_up`…).
    `landed`: at least one injection other than `noop` was witnessed. `attacked`: a hidden instruction with a goal was
    witnessed. `control_passed`: the control trial was a success (None when there is none). `progress` is the share of
    milestones reached, in [0, 1], or None.
    """

    trial: str
    agent: str
    scenario: str
    faultload: str
    number: int
    attempt: int
    valid: bool
    invalid_reason: str = ""
    outcome: Outcome | None = None
    kind: str = ""
    reason: str = ""
    attainable: str = "success"
    rung: int | None = None
    utility: float | None = None
    claim: Literal["done", "partial", "failed", "none"] = "none"
    checks: list[Verdict] = []
    milestones: list[Verdict] = []
    progress: float | None = None
    harms: list[Harm] = []
    landings: list[Landing] = []
    landed: bool = False
    attacked: bool = False
    pairing: Pairing = "control"
    control_passed: bool | None = None
    tool_calls: int = 0
    model_calls: int = 0
    tokens: int | None = None
    end_s: float = 0.0
    notes: list[str] = []


class Measure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A number with its interval (95 % unless `method` says otherwise) and n, or None with a reason."""

    name: str
    agent: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    scenario: str | None = None
    fault: str | None = None
    reason: str | None = None
    method: str = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `measures.json`."""

    version: int = 1
    run: dict[str, Any] = {}
    trials: dict[str, int]
    outcomes: dict[str, int]
    faults: dict[str, int]
    measures: list[Measure]
