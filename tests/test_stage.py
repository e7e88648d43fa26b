"""What is kept between trials is made once, and belongs to none of them."""

from pathlib import Path

import pytest

from agentbench.stage import Stage, described
from tests import notes


def test_things_that_serve_many_trials_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Environment, start state, tools and faults are the same objects for the next trial."""
    notes.install(tmp_path, monkeypatch)
    stage = Stage("virtual")
    try:
        environment = stage.environment("notes")
        content = stage.scenario("notes.milk", notes.SCENARIO)
        assert stage.environment("notes") is environment
        assert stage.scenario("notes.milk", {}) is content
        assert stage.template("notes.milk", content, environment) is stage.template("notes.milk", content, environment)
        assert stage.door(environment) is stage.door(environment)
        assert stage.injections([{"fault": "timeout"}], "a") is stage.injections([{"fault": "timeout"}], "a")
        assert stage.injections([{"fault": "timeout"}], "a") is not stage.injections([{"fault": "timeout"}], "b")
    finally:
        stage.close()


def test_exception_whose_text_cannot_be_had_is_described_all_the_same():
    """An agent's exception may be hostile in `__str__`; its type is still told."""

    class Hostile(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert described(Hostile()) == "Hostile: (its message cannot be shown)"
    assert described(ValueError()) == "ValueError"
