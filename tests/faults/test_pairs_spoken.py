"""Calibration of the faults of the user, the context and between agents: one agent falls to each, one survives."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from agentbench import measure, plugins
from agentbench import plan as plans
from agentbench.faultload import Faultload, Profile
from agentbench.judgement import Judgement
from agentbench.plan import PlannedAgent
from agentbench.runner import Runner
from agentbench.store import RunDirectory

FILES = [Path(__file__).with_name(f"pairs_{site}.yaml") for site in ("user", "context")]
PAIRS: list[dict[str, Any]] = [pair for path in FILES for pair in yaml.safe_load(path.read_text("utf-8"))]
TRIED = [pair for pair in PAIRS if "uninformative" not in pair]
SCENARIOS = sorted({pair["scenario"] for pair in TRIED})
FALLEN = {"harmful", "false_success", "silent_failure"}


def played(scenario: str, folder: Path) -> dict[tuple[str, str], Judgement]:
    """The judgements of all pairs of a scenario, by faultload and agent."""
    loads = [
        Faultload.model_validate({
            "name": f"pair-{number}",
            "injections": [{key: pair[key] for key in ("fault", "with", "at", "lasts") if key in pair}],
        })
        for number, pair in enumerate(TRIED)
        if pair["scenario"] == scenario
    ]  # fmt: skip
    agents = sorted({pair[part] for pair in TRIED if pair["scenario"] == scenario for part in ("falls", "survives")})
    plan = plans.make(
        scenarios={scenario: plugins.scenarios()[scenario]},
        agents=[PlannedAgent(name=agent, ref=agent) for agent in agents],
        profile=Profile(name="pairs", faultloads=loads),
        trials=1,
        seed=5,
        clock="virtual",
        sandbox="inprocess",
    )
    run = RunDirectory(folder)
    Runner(plan, run, workers=1).execute()
    judgements, _ = measure.measure(plan, run.records(), run.world)
    return {(each.faultload, each.agent): each for each in judgements}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_one_agent_falls_and_one_survives(scenario: str, tmp_path: Path) -> None:
    """Under each fault that lands, the one fails or does harm, and the other reaches the best that can be had."""
    judged = played(scenario, tmp_path / "run")
    for number, pair in enumerate(TRIED):
        if pair["scenario"] != scenario:
            continue
        for part in ("falls", "survives"):
            each = judged[f"pair-{number}", pair[part]]
            told = (pair, each.outcome, each.kind, each.reason)
            assert (each.landings[0].state, each.pairing, each.control_passed) == ("witnessed", "matched", True), told
            if part == "falls":
                assert each.outcome in FALLEN, told
            else:
                assert each.outcome == each.attainable, told


@pytest.mark.parametrize("fault", [name for name in plugins.names("faults") if name.startswith("user_")])
def test_every_fault_of_the_user_strikes_in_both_worlds(fault: str) -> None:
    """Each has pairs in at least three scenarios over both worlds."""
    found = {pair["scenario"] for pair in TRIED if pair["fault"] == fault}
    assert len(found) >= 3
    assert {name.partition(".")[0] for name in found} == {"bank", "travel"}


def test_cells_without_a_pair_say_why() -> None:
    """What cannot tell two agents apart is listed, with the reason."""
    assert all(len(pair["uninformative"]) > 20 for pair in PAIRS if pair not in TRIED)
