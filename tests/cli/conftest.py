"""The command line, called in this process, and one small run that many tests read."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agentbench.cli import run_command_line


class Result(NamedTuple):
    """What a command left: its exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)


Agentbench = Callable[..., Result]


@pytest.fixture
def agentbench(capfd: pytest.CaptureFixture[str]) -> Agentbench:
    """`agentbench('list', 'faults')` runs a command line in the test's folder."""

    def call(*arguments: str) -> Result:
        capfd.readouterr()
        code = run_command_line(list(arguments))
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return call


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of one scenario with two agents under the default profile."""
    folder = tmp_path_factory.mktemp("small") / "run"
    code = run_command_line(["run", "bank.rent_and_receipt", "-a", "careful", "-a", "naive", "--out", str(folder)])
    assert code == 0
    return folder


@pytest.fixture(scope="session")
def severe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of one blind retrier under severe faults, in this process."""
    folder = tmp_path_factory.mktemp("severe") / "run"
    command = ["run", "bank.rent_and_receipt", "-a", "retrying", "--faults", "severe", "--sandbox", "inprocess"]
    assert run_command_line([*command, "--out", str(folder)]) == 0
    return folder


def lines(text: str) -> Sequence[str]:
    """The non-empty lines."""
    return [line for line in text.splitlines() if line]
