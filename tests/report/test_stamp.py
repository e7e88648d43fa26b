"""What the numbers rest on."""

from types import ModuleType

import msgspec
import pytest

from agentbench.report import tally
from agentbench.report.stamp import Stamp


def test_settings_and_counts(sample: ModuleType) -> None:
    """Run, profile with version and hash, seed, clock, sandbox and every count are there."""
    run = sample.build()
    stamp = Stamp.of(run.plan, run.measured, tally.rows(run.plan, run.judgements))
    settings = dict(stamp.settings)
    assert stamp.run == "runs/2031-04-02-a41f"
    assert settings["profile"] == "default v1 (9f31c2d07ab4)"
    assert (settings["seed"], settings["clock"], settings["sandbox"]) == ("7", "virtual", "process")
    assert [name for name, _ in stamp.trials] == ["planned", "valid", "invalid", "missing"]
    assert [name for name, _ in stamp.faults] == ["planned", "injected", "witnessed", "not reached", "ineffective"]
    assert any("3 invalid" in warning for warning in stamp.warnings)


@pytest.mark.parametrize(
    ("about", "faults", "said"),
    [
        ({"sandbox": "none"}, {}, "In-process isolation"),
        ({"damaged_records": 2}, {}, "2 damaged"),
        ({}, {"planned": 4, "witnessed": 0}, "No fault was witnessed"),
    ],
)
def test_what_weakens_the_numbers_is_said(
    sample: ModuleType, about: dict[str, object], faults: dict[str, int], said: str
) -> None:
    """No isolation, damaged records and faults that never landed each give a warning."""
    run = sample.build()
    measured = msgspec.structs.replace(run.measured, run=about, faults=faults)
    stamp = Stamp.of(run.plan, measured, tally.rows(run.plan, run.judgements), run="runs/here")
    assert stamp.run == "runs/here"
    assert any(said in warning for warning in stamp.warnings)
