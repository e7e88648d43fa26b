"""Settings from the nearest pyproject.toml."""

from pathlib import Path

import pytest

from agentbench.cli.settings import file_settings
from agentbench.errors import UsageError


def test_no_file_and_no_table_mean_no_settings(tmp_path: Path) -> None:
    """A project that says nothing about agentbench changes nothing."""
    assert file_settings() == {}
    Path("pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert file_settings() == {}


def test_the_nearest_file_counts_for_run_and_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder inside a project has the project's settings."""
    Path("pyproject.toml").write_text('[tool.agentbench]\nagents = ["./a.py:graph"]\ndeadline = 5\n')
    Path("inner/deeper").mkdir(parents=True)
    monkeypatch.chdir("inner/deeper")
    wanted = {"agent": ["./a.py:graph"], "deadline": 5}
    assert file_settings() == {"run": wanted, "plan": wanted}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.agentbench]\nseeed = 1\n", "pyproject.toml:2: unknown setting 'seeed'"),
        ('[tool.agentbench]\n\nseed = "1"\n', "pyproject.toml:3: the setting 'seed' has the wrong type"),
        ("[tool.agentbench]\ntrials = true\n", "pyproject.toml:2: the setting 'trials' has the wrong type"),
        ("[tool.agentbench\n", "not valid TOML"),
    ],
)
def test_a_wrong_setting_names_its_line(text: str, words: str) -> None:
    """A misspelt or mistyped setting does not pass in silence."""
    Path("pyproject.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        file_settings()
    assert words in str(caught.value)
