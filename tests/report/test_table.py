"""The table at the end of a run."""

import io
import subprocess
import sys
from types import ModuleType

import pytest
from rich.cells import cell_len
from rich.console import Console

from agentbench.report import table


def _printed(run: object, width: int, **settings: object) -> str:
    console = Console(file=io.StringIO(), width=width, **settings)  # type: ignore[arg-type]
    console.print(table.render(run.plan, run.measured, run.judgements))  # type: ignore[attr-defined]
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [200, 160, 120, 100, 80, 72, 60, 50, 40, 30])
def test_fits_every_width_and_drops_no_number(sample: ModuleType, width: int) -> None:
    """No line is wider than the terminal, and each agent's counts and rates are there in full."""
    text = _printed(sample.build(), width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    flat = " ".join(text.split())
    for expected in ("naive", "retrying", "careful", "42%", "26–61", "n26", "14%", "18", "135 planned", "7 not"):
        assert expected in flat
    assert "…" not in text


def test_wide_is_one_table_and_narrow_is_two(sample: ModuleType) -> None:
    """With room an agent has one line; at 60 columns its counts and its rates stand in two tables."""
    assert _printed(sample.build(), 120).count("agent  ") == 1
    assert _printed(sample.build(), 60).count("agent  ") == 2


def test_what_the_numbers_rest_on_stands_above_them(sample: ModuleType) -> None:
    """Counts of invalid trials and of faults come before the first rate."""
    text = _printed(sample.build(), 120)
    assert text.index("3 invalid") < text.index("96 witnessed") < text.index("42%")


def test_undefined_is_a_dash_with_its_reason(sample: ModuleType) -> None:
    """A measure that is None shows as a dash, and its reason stands below."""
    run = sample.build()
    run.measured.measures[:] = [each for each in run.measured.measures if each.name != "recovery_rate"]
    text = _printed(run, 120)
    assert "—¹" in text
    assert "¹ this measure was not computed" in text


def test_a_run_without_trials(sample: ModuleType) -> None:
    """Nothing judged still gives a table, with dashes."""
    run = sample.build()
    run.judgements.clear()
    run.measured.measures.clear()
    assert "—¹" in _printed(run, 80)


def test_hostile_text_is_shown(sample: ModuleType) -> None:
    """Neither escapes, nor bidi marks, nor rich's own markup in a name have any effect."""
    payload = "\x1b[2J\x1b]0;owned\x07\u202e[red]:boom:\r\n"
    for width in (160, 60, 40):
        text = _printed(sample.build(payload), width)
        assert not set("\x1b\x07\u202e\r") & set(text)
        assert "␛[2J" in "".join(text.split())
        assert "[red]:boom:" in "".join(text.split())


def test_no_color(sample: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR takes the colours away on a terminal; without it there are some."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32m" in _printed(sample.build(), 120, force_terminal=True, color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in _printed(sample.build(), 120, force_terminal=True, color_system="standard")


def test_piped_output_is_plain(sample: ModuleType) -> None:
    """Without a terminal there is not one escape."""
    assert "\x1b" not in _printed(sample.build(), 80)


def test_a_terminal_that_knows_only_ascii(sample: ModuleType) -> None:
    """The end of a run does not fail for want of a character."""
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as file:
        run = sample.build("é")
        Console(file=file, width=60).print(table.render(run.plan, run.measured, run.judgements))
        file.flush()
        text = raw.getvalue().decode("ascii")
    assert "42% n26" in text


def test_the_table_needs_no_template_engine() -> None:
    """Importing the table loads neither jinja2 nor anything that runs agents."""
    code = "import sys; import agentbench.report.table; print(sorted({'jinja2', 'langgraph'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
