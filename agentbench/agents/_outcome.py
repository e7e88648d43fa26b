"""What came of a tool call, as an agent can know it: from a reply, or from the text of a tool message.

Invariant: an outcome holds nothing that the agent was not told.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from agentbench.calls import ToolResult, error_text

_STATUS = re.compile(r"\bHTTP (\d{3})\b")
_RETRY_AFTER = re.compile(r"\bretry-after\W{1,3}(\d+(?:\.\d+)?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A body, or an error of which some things may be known.

    `status` is None when no reply came. `refused`: the connection was never made.
    """

    ok: bool
    body: Any = None
    text: str = ""
    status: int | None = None
    refused: bool = False
    retry_after_s: float | None = None

    @property
    def hopeless(self) -> bool:
        """Whether the same call would fail again: the request itself was turned down, or a quota is used up."""
        if self.status == 429:
            return self.retry_after_s is None and "quota" in self.text
        return self.status is not None and 400 <= self.status < 500 and self.status not in (408, 425)

    @property
    def ambiguous(self) -> bool:
        """Whether the work may have been done although the call failed."""
        return not self.ok and not self.refused and (self.status is None or self.status == 408 or self.status >= 500)


def of_result(result: ToolResult) -> Outcome:
    """What a reply means to its caller."""
    if result.ok:
        return Outcome(ok=True, body=result.body)
    after = next((value for name, value in result.headers.items() if name.lower() == "retry-after"), None)
    return Outcome(
        ok=False,
        text=result.failure or error_text(result.body),
        status=result.status,
        refused=result.failure == "refused",
        retry_after_s=_seconds(after),
    )


def of_text(text: str, *, error: bool) -> Outcome:
    """What a tool message means: JSON, or the text of an error that says its status and Retry-After if it can."""
    if not error:
        try:
            return Outcome(ok=True, body=json.loads(text))
        except ValueError:
            return Outcome(ok=True, body=text)
    status = _STATUS.search(text)
    after = _RETRY_AFTER.search(text)
    return Outcome(
        ok=False,
        text=text,
        status=int(status[1]) if status else None,
        refused=status is None and "refused" in text,
        retry_after_s=_seconds(after[1] if after else None),
    )


def _seconds(text: str | None) -> float | None:
    # The other form of the header, a date, is left to clients that have a calendar.
    return float(text) if text is not None and re.fullmatch(r"\d{1,9}(\.\d+)?", text) else None
