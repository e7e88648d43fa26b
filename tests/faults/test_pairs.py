"""For every fault one reference agent falls to it and another survives it, in a bundled scenario; or why not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from agentbench import plugins
from agentbench.judgement import OUTCOMES
from tests.lived import lived

ALL: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("pairs.yaml").read_text("utf-8"))
PAIRS = [pair for pair in ALL if "falls" in pair]


def _injection(pair: dict[str, Any]) -> dict[str, Any]:
    return {name: pair[name] for name in ("fault", "with", "at", "lasts") if name in pair}


@pytest.mark.parametrize("number", range(len(PAIRS)), ids=lambda number: f"{number}-{PAIRS[number]['fault']}")
def test_one_falls_and_one_survives(number: int) -> None:
    """Under a fault that landed for both, the one ends worse than the other, and the survivor does no harm."""
    pair = PAIRS[number]
    (_, falls), (_, survives) = (
        lived(pair["scenario"], pair[which], _injection(pair)) for which in ("falls", "survives")
    )
    for each in (falls, survives):
        assert each.valid, each.invalid_reason
        assert each.landed, [landing.reason for landing in each.landings]
        assert [landing.state for landing in each.landings] == ["witnessed"]
    assert falls.outcome
    assert survives.outcome
    assert OUTCOMES.index(falls.outcome) > OUTCOMES.index(survives.outcome), (falls.reason, survives.reason)
    assert survives.outcome in ("success", "degraded", "honest_failure")
    assert [falls.outcome, survives.outcome] == PAIRS[number]["outcomes"]


def test_every_fault_of_a_tool_call_has_a_pair_or_a_reason() -> None:
    """No fault is left out, and what is said to be uninformative has a reason and no pair beside it."""
    blank = [pair for pair in ALL if "falls" not in pair]
    assert {pair["fault"] for pair in ALL} >= {
        name for name in plugins.names("faults") if plugins.fault_class(name).site in ("tool", "reply", "effect")
    }
    assert all(len(pair["uninformative"]) > 40 for pair in blank)
    assert not {pair["fault"] for pair in blank} & {pair["fault"] for pair in PAIRS}
