"""The program's own log."""

import io
import json

import pytest
import structlog

from agentbench.cli import log


def test_the_log_is_json_on_standard_error_with_the_trial(capfd: pytest.CaptureFixture[str]) -> None:
    """Where there is no terminal, each line is one JSON object, and what is bound to the context is in it."""
    log.configure()
    with structlog.contextvars.bound_contextvars(trial="naive/bank.x/none/0"):
        structlog.get_logger().warning("something happened", attempt=2)
    out, err = capfd.readouterr()
    entry = json.loads(err)
    assert out == ""
    assert (entry["event"], entry["level"], entry["trial"], entry["attempt"]) == (
        "something happened",
        "warning",
        "naive/bank.x/none/0",
        2,
    )


@pytest.mark.parametrize(
    ("verbosity", "shown"), [(0, ["warning"]), (1, ["warning", "info"]), (2, ["warning", "info", "debug"])]
)
def test_verbosity_chooses_what_is_shown(verbosity: int, shown: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """Warnings always, what happens with -v, everything with -vv."""
    log.configure(verbosity)
    logger = structlog.get_logger()
    logger.warning("a")
    logger.info("b")
    logger.debug("c")
    assert [json.loads(line)["level"] for line in capfd.readouterr().err.splitlines()] == shown


def test_what_an_agent_said_cannot_control_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """Escape sequences in a logged text are shown by name."""
    log.configure()
    structlog.get_logger().warning("ended", detail="\x1b[2Jgone")
    assert json.loads(capfd.readouterr().err)["detail"] == "\\x1b[2Jgone"


def test_the_log_follows_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """When standard error is replaced after the log was set up, and the old one closed, the log goes to the new one."""
    old, new = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stderr", old)
    log.configure()
    logger = structlog.get_logger()
    monkeypatch.setattr("sys.stderr", new)
    old.close()
    logger.warning("still heard")
    assert json.loads(new.getvalue())["event"] == "still heard"
