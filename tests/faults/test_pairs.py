"""For every fault one reference agent falls to it and another survives it, in a bundled scenario; or why not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from agentbench import plan, plugins
from agentbench.abc import Order
from agentbench.checks import Examiner
from agentbench.faultload import Faultload, Profile
from agentbench.judgement import Judgement
from agentbench.outcomes import judge_by
from agentbench.plan import PlannedAgent
from agentbench.scenario import parse
from agentbench.trial import Attempt, Stage

ALL: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("pairs.yaml").read_text("utf-8"))
PAIRS = [pair for pair in ALL if "falls" in pair]
BEST_FIRST = ("success", "degraded", "honest_failure", "silent_failure", "false_success", "harmful")


class Arena:
    """Plays the trials of all pairs in this process, in virtual time."""

    def __init__(self) -> None:
        self.stage = Stage("virtual")
        names = {pair["scenario"] for pair in PAIRS}
        agents = sorted({pair[which] for pair in PAIRS for which in ("falls", "survives")})
        loads = [
            Faultload.model_validate({"name": f"pair-{number}", "injections": [_injection(pair)]})
            for number, pair in enumerate(PAIRS)
        ]
        self.plan = plan.make(
            scenarios={name: path for name, path in plugins.scenarios().items() if name in names},
            agents=[PlannedAgent(name=name, ref=name) for name in agents],
            profile=Profile(name="pairs", faultloads=loads),
            trials=1,
            seed=7,
            clock="virtual",
            sandbox="inprocess",
        )
        self._trials = {trial.id: trial for trial in self.plan.trials}
        self._examiners: dict[str, Examiner] = {}

    def play(self, number: int, which: str) -> Judgement:
        """What becomes of the one that falls or of the one that survives."""
        pair = PAIRS[number]
        entry = self.plan.scenarios[pair["scenario"]]
        trial = self._trials[f"{pair[which]}/{pair['scenario']}/pair-{number}/0"]
        order = Order(
            trial=msgspec.to_builtins(trial),
            scenario=entry.content,
            agent={"name": trial.agent, "ref": trial.agent},
            attempt=1,
            clock="virtual",
            deadline_s=60.0,
        )
        record = Attempt(self.stage, order, sandbox="inprocess").run()
        return judge_by(self._examiner(trial.scenario), record, trial)

    def _examiner(self, name: str) -> Examiner:
        if name not in self._examiners:
            entry = self.plan.scenarios[name]
            content = parse(entry.content)
            template = plugins.environment(content.environment).template(content.given.seed, content.given.sql)
            self._examiners[name] = Examiner(content, entry.tools, template)
        return self._examiners[name]


def _injection(pair: dict[str, Any]) -> dict[str, Any]:
    return {name: pair[name] for name in ("fault", "with", "at", "lasts") if name in pair}


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    """One plan and one stage for all pairs."""
    made = Arena()
    yield made
    made.stage.close()


@pytest.mark.parametrize("number", range(len(PAIRS)), ids=lambda number: f"{number}-{PAIRS[number]['fault']}")
def test_one_falls_and_one_survives(arena: Arena, number: int) -> None:
    """Under a fault that landed for both, the one ends worse than the other, and the survivor does no harm."""
    falls, survives = (arena.play(number, which) for which in ("falls", "survives"))
    for each in (falls, survives):
        assert each.valid, each.invalid_reason
        assert each.landed, [landing.reason for landing in each.landings]
        assert [landing.state for landing in each.landings] == ["witnessed"]
    assert falls.outcome
    assert survives.outcome
    assert BEST_FIRST.index(falls.outcome) > BEST_FIRST.index(survives.outcome), (falls.reason, survives.reason)
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
