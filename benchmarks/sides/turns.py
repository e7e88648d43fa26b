"""How the sides of a benchmark take turns: each is a process that works when it is told to, and waits otherwise.

Invariant: start-up and warm-up lie before `ready`, so that no answer holds any of them.
"""

import json
import os
import sys
from collections.abc import Callable


class Turns:
    """The line to whoever holds the stopwatch; standard output is lent to it, and prints go to standard error."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def ready(self, **known: object) -> None:
        """Say that the work can begin, or that a turn is over with these figures; waits for the next turn.

        Leaves the process when there is none.
        """
        print(json.dumps(known), file=self._out, flush=True)
        if not sys.stdin.readline():
            sys.stdout.flush()
            os._exit(0)

    def take(self, turn: Callable[[], float | dict[str, float]]) -> None:
        """Answer every turn with its seconds per trial, or with several such figures."""
        known: dict[str, float] = {}
        while True:
            self.ready(**known)
            found = turn()
            known = found if isinstance(found, dict) else {"seconds": found}
