"""Progress of a run."""

import pytest

from agentbench.cli.progress import Progress
from agentbench.record import Claim, Ending, TrialRecord


def ended(kind: str = "finished", claim: str | None = None) -> TrialRecord:
    """A record that ended in some way."""
    events = [Claim(at_s=0, turn=0, status=claim)] if claim else []  # type: ignore[arg-type]
    return TrialRecord(
        trial="a/b/none/0",
        attempt=1,
        seed="",
        clock="virtual",
        sandbox="process",
        ending=Ending(kind=kind),  # type: ignore[arg-type]
        end_s=1.0,
        events=events,  # type: ignore[arg-type]
        ledger=[],
    )


def test_without_a_terminal_there_are_ten_plain_lines_with_counts(capfd: pytest.CaptureFixture[str]) -> None:
    """However many trials there are, a log file gets about ten lines, on standard error."""
    with Progress(250) as progress:
        for number in range(1, 251):
            progress.advance(ended("crashed") if number % 2 else ended(claim="done"), number, 250)
    out, err = capfd.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 10
    assert lines[-1].startswith("250/250 trials, ")
    assert "125 crashed" in lines[-1]
    assert "125 claimed done" in lines[-1]


def test_a_terminal_gets_a_bar_with_rate_and_counts(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """On a terminal the bar shows how many, how fast and how they ended."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    with Progress(2) as progress:
        progress.advance(ended(claim="partial"), 1, 2)
        progress.advance(ended(), 2, 2)
    shown = capfd.readouterr().err
    for words in ("2/2", "per second", "1 claimed partial", "1 no claim"):
        assert words in shown, words
