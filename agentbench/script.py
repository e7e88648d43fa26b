"""Plays a scenario's script: what the user says next, and what happens in the world."""

import re
from collections.abc import Callable

from agentbench.scenario import Scenario, UserLine, When


class Script:
    """The script of one trial; `change(index, sql)` is called when the world is to change, once for each."""

    def __init__(self, scenario: Scenario, change: Callable[[int, str], None]) -> None:
        self._lines = scenario.users
        self._next = 0
        self._changes = dict(enumerate(scenario.changes))
        self._change = change

    @property
    def number(self) -> int:
        """Which of the user's lines was said last, from 1."""
        return self._next

    @property
    def line(self) -> UserLine:
        """The line that was said last."""
        return self._lines[self._next - 1]

    def begin(self) -> str:
        """What the user says first."""
        self._next = 1
        return self._lines[0].say

    def answered(self, turn: int, answer: str) -> str | None:
        """Take the answer to a turn; returns what the user says to it, or None when the conversation is over."""
        self._fire(lambda after_tool, after_call, after_turn: after_turn == turn)
        while self._next < len(self._lines):
            line = self._lines[self._next]
            self._next += 1
            if _applies(line, answer):
                return line.say
        return None

    def called(self, tool: str, count: int) -> None:
        """Take the `count`-th successful call of a tool."""
        self._fire(lambda after_tool, after_call, after_turn: after_tool == tool and after_call == count)

    def _fire(self, due: Callable[[str | None, int, int | None], bool]) -> None:
        for index, change in list(self._changes.items()):
            if due(change.after.tool, change.after.call, change.after.turn):
                del self._changes[index]
                self._change(index, change.sql)


def _applies(line: UserLine, answer: str) -> bool:
    match line.when:
        case "always":
            return True
        case "asked":
            return "?" in answer
        case When(matches=pattern):
            return re.search(pattern, answer, re.IGNORECASE) is not None
    return False
