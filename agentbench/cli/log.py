"""The program's own log: for people on a terminal, JSON lines otherwise; always on standard error."""

import logging
import sys
from typing import Any

import structlog

from agentbench.cli.console import clean, say_rendered


def configure(verbosity: int = 0) -> None:
    """Send the log to standard error; 0 shows warnings, 1 what happens, 2 everything."""
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    terminal = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _cleaned,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_StandardError,
        cache_logger_on_first_use=False,
    )


class _StandardError:
    """Writes to whatever standard error is at that moment, for it may be another than when the log was set up."""

    def __init__(self, *_names: Any) -> None:
        pass

    def msg(self, message: str) -> None:
        """Write one line."""
        say_rendered(message)

    debug = info = warning = error = critical = msg


def _cleaned(_logger: Any, _method: str, event: Any) -> Any:
    """What an agent said may be in a message; nothing of it may control the terminal."""
    return {key: clean(value) if isinstance(value, str) else value for key, value in event.items()}
