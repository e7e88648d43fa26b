"""Each fault of the state and of the content tells two reference agents apart, in a scenario where it lands on both."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from agentbench import plugins
from agentbench.judgement import OUTCOMES
from tests.lived import lived

FILES = [Path(__file__).with_name(f"pairs_{site}.yaml") for site in ("state", "content")]
PAIRS: list[dict[str, Any]] = [pair for path in FILES for pair in yaml.safe_load(path.read_text("utf-8"))]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['fault']}-{pair['scenario']}")
def test_one_agent_falls_and_another_survives(pair: dict[str, Any]) -> None:
    """The one who falls does worse than the one who survives, who does as well as can be had; both were hit."""
    injection = {name: pair[name] for name in ("fault", "with", "at", "lasts") if name in pair}
    (_, fell), (_, survived) = (lived(pair["scenario"], pair[who], injection) for who in ("falls", "survives"))
    assert [each.landings[0].state for each in (fell, survived)] == ["witnessed", "witnessed"]
    assert OUTCOMES.index(fell.outcome) > OUTCOMES.index(survived.outcome)
    assert OUTCOMES.index(survived.outcome) <= OUTCOMES.index(survived.attainable)


def test_no_fault_of_these_sites_is_left_out() -> None:
    """A new fault of these sites needs a pair."""
    found = {name for name in plugins.names("faults") if plugins.fault_class(name).site in {"state", "content"}}
    assert {pair["fault"] for pair in PAIRS} == found
