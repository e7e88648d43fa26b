"""The exceptions of the testbed itself; what an agent does wrong is data and never one of these."""

from pathlib import Path


class AgentbenchError(Exception):
    """Base of every error agentbench raises on purpose."""


class UsageError(AgentbenchError):
    """The call, a file or a plugin is wrong: exit code 2, one line, no traceback.

    `where` is `file:line` (or an option's name), `problem` says what is wrong, `remedy` what to write instead.
    """

    def __init__(self, problem: str, *, where: str | Path = "", remedy: str = "") -> None:
        self.problem = problem
        self.where = str(where)
        self.remedy = remedy
        super().__init__(": ".join(part for part in (self.where, problem) if part) + (f"; {remedy}" if remedy else ""))


class UsageErrors(UsageError):
    """Several usage errors found in one pass, so that a file with five mistakes names all five."""

    def __init__(self, errors: list[UsageError]) -> None:
        self.errors = errors
        AgentbenchError.__init__(self, "\n".join(str(error) for error in errors))
        self.problem, self.where, self.remedy = str(self), "", ""


class TestbedError(AgentbenchError):
    """The testbed broke (disk full, worker could not start): exit code 3, never scored against an agent."""

    __test__ = False  # the name starts with "Test", and pytest would collect it
