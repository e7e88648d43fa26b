"""Each fault of the state tells two reference agents apart, in a scenario where it really lands on both."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from agentbench import plugins
from agentbench.judgement import OUTCOMES
from tests.lived import lived

PAIRS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("pairs_state.yaml").read_text("utf-8"))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['fault']}-{pair['scenario']}")
def test_one_agent_falls_and_another_survives(pair: dict[str, Any]) -> None:
    """The one who falls does worse than the one who survives, who does as well as can be had; both were hit."""
    injection = {name: pair[name] for name in ("fault", "with", "at", "lasts") if name in pair}
    (_, fell), (_, survived) = (lived(pair["scenario"], pair[who], injection) for who in ("falls", "survives"))
    assert [each.landings[0].state for each in (fell, survived)] == ["witnessed", "witnessed"]
    assert OUTCOMES.index(fell.outcome) > OUTCOMES.index(survived.outcome)
    assert OUTCOMES.index(survived.outcome) <= OUTCOMES.index(survived.attainable)


def test_no_fault_of_the_state_is_left_out() -> None:
    """A new fault of this site needs a pair."""
    of_state = {name for name in plugins.names("faults") if plugins.fault_class(name).site == "state"}
    assert {pair["fault"] for pair in PAIRS} == of_state
