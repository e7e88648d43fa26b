"""The one way to a terminal."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.cli import run_command_line
from agentbench.cli.console import clean


def test_escapes_and_overrides_are_made_visible() -> None:
    """An agent cannot colour, move or reverse what a person reads."""
    assert clean("a\x1b[31mred\x07 \u202eevil\u2066") == "a\\x1b[31mred\\x07 \\u202eevil\\u2066"
    assert clean("line\n\ttab") == "line\n\ttab"


@given(st.text())
def test_nothing_that_controls_a_terminal_passes(text: str) -> None:
    """Whatever the text, what is left can be encoded and holds no control character but newline and tab."""
    shown = clean(text)
    shown.encode("utf-8")
    assert all(character in "\n\t" or ord(character) >= 32 for character in shown)
    assert "\x9b" not in shown


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`agentbench list scenarios | head -1` ends quietly."""
    command = f"{sys.executable} -m agentbench list scenarios --json | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_help_loads_nothing_heavy() -> None:
    """`agentbench --help` imports no agent framework, no container client, no tracing and no templates."""
    code = (
        "import sys\nfrom agentbench.cli import run_command_line\nrun_command_line(['--help'])\n"
        "heavy = {'langgraph', 'langchain', 'langchain_core', 'docker', 'opentelemetry', 'jinja2', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "run" in done.stdout


@pytest.mark.parametrize(("verb", "resumes"), [("run", True), ("sweep", True), ("shrink", False), ("list", False)])
def test_an_interrupt_promises_to_go_on_only_where_there_is_an_out(
    verb: str, resumes: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only a run and a sweep go on with the same --out; nothing else claims that it would."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agentbench.cli.cli.main", interrupted)
    assert run_command_line([verb]) == 130
    said = capsys.readouterr().err
    assert "interrupted" in said
    assert ("--out" in said) is resumes
