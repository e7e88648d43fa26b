"""The faults, one file each and found by file name; here is what several of them share.

Invariant: nothing that an agent can see of a fault says that it was arranged, and a reply that is changed is a copy.
"""

import copy
import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar, TypeAlias

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult, texts

Found: TypeAlias = tuple[tuple[str, ...], Any, list[Any]]

_ERRORS = {
    500: ("internal_error", "An internal error occurred. Contact support with the request id if it persists."),
    503: ("service_unavailable", "The service is temporarily unavailable. Please try again later."),
    529: ("overloaded_error", "Overloaded"),
}
_ID = re.compile(r"([A-Za-z]+[-_])(\w+)")
_NUMBERED = re.compile(r"(.*?)([0-9]{1,9})")
_TITLES = {413: "413 Request Entity Too Large", 502: "502 Bad Gateway", 504: "504 Gateway Time-out"}


@dataclass(frozen=True, slots=True)
class ByParameters:
    """What a fault declares of itself where its parameters decide; the class has what the default ones give."""

    default: Any
    of: Callable[[Any], Any]

    def __get__(self, fault: Any, owner: type | None = None) -> Any:
        """Of an instance what holds for it, of the class the default."""
        return self.default if fault is None else self.of(fault)


# -- error replies -------------------------------------------------------------------------------------


def reply_headers(random: Random, content_type: str = "application/json") -> dict[str, str]:
    """The headers that every error reply carries, with a request id of its own."""
    return {"Content-Type": content_type, "x-request-id": f"req_{random.getrandbits(96):024x}"}


def api_error(status: int, code: str, message: str, random: Random) -> ToolResult:
    """An error as the API itself tells it, in JSON."""
    body = {"error": {"code": code, "message": message}}
    return ToolResult(status=status, body=body, headers=reply_headers(random))


def proxy_error(status: int, random: Random) -> ToolResult:
    """The page of the proxy in front of the API; `status` is 413, 502 or 504."""
    title = _TITLES[status]
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return ToolResult(status=status, body=page, headers=reply_headers(random, "text/html") | {"Server": "nginx"})


def server_error(status: int, random: Random) -> ToolResult:
    """500, 503 and 529 as the API tells them, 502 and 504 as the page of the proxy."""
    return api_error(status, *_ERRORS[status], random) if status in _ERRORS else proxy_error(status, random)


# -- what the user says ---------------------------------------------------------------------------------


def sentences(text: str) -> list[str]:
    """The sentences of a text, as far as they begin with a capital letter or a quotation mark."""
    return re.split(r"(?<=[.!?])\s+(?=[\"“A-ZÄÖÜ])", text.strip())


# -- changed replies -----------------------------------------------------------------------------------


async def retold(call: ToolCall, proceed: Handler, change: Callable[[Any], Any]) -> ToolResult:
    """Execute the call and tell what `change` makes of a copy of its body.

    An error, and a body that stays the same, is told as it came.
    """
    reply = await proceed(call)
    if not reply.ok:
        return reply
    body = change(copy.deepcopy(reply.body))
    return reply if repr(body) == repr(reply.body) else replace(reply, body=body)


def mapped(value: Any, change: Callable[[str, Any], Any], name: str = "") -> Any:
    """A JSON value with `change(name, leaf)` in place of every leaf; `name` is the nearest key above it."""
    if isinstance(value, MutableMapping):
        return {key: mapped(part, change, str(key)) for key, part in value.items()}
    if isinstance(value, list):
        return [mapped(part, change, name) for part in value]
    return change(name, value)


def longest_list(body: Any) -> Found | None:
    """The path, the holder and the entries of `items` if it is a list with entries, else of the longest list."""
    found = [each for each in _lists(body, (), None) if each[2]]
    named = [each for each in found if each[0] == ("items",)]
    return max(named or found, key=lambda each: len(each[2]), default=None)


def end_paging(*pages: Any) -> None:
    """Make what is told look like the last page: no cursor, and no more to come."""
    for page in pages:
        if isinstance(page, MutableMapping):
            page.update({name: end for name, end in (("next_cursor", None), ("has_more", False)) if name in page})


def records(body: Any) -> list[dict[str, Any]]:
    """The objects that a reply is about: the rows of its list, or the one object that it is; none for an empty page."""
    found = longest_list(body)
    rows = [row for row in found[2] if isinstance(row, dict)] if found else []
    if rows:
        return rows
    return [body] if isinstance(body, dict) and not isinstance(body.get("items"), list) else []


def neighbours(value: str) -> Iterator[str]:
    """The ids with the nearest other numbers at their end: what may be another record of the same kind."""
    match = _NUMBERED.fullmatch(value)
    for step in (1, -1, 2, -2) if match else ():
        number = int(match[2]) + step if match else 0
        if match and number >= 0:
            yield f"{match[1]}{number:0{len(match[2])}d}"


def same_kind(value: str, shown: Sequence[Any]) -> list[str]:
    """Other ids with the same letters in front, as replies have shown them, and then the neighbours in number."""
    match = _ID.fullmatch(value)
    if match is None:
        return []
    alike = (text for body in shown for text in texts(body) if _ID.fullmatch(text) and text.startswith(match[1]))
    return [each for each in dict.fromkeys([*alike, *neighbours(value)]) if each != value]


def _lists(value: Any, path: tuple[str, ...], holder: Any) -> Iterator[Found]:
    if isinstance(value, list):
        yield path, holder, value
    elif isinstance(value, MutableMapping):
        for name, part in value.items():
            yield from _lists(part, (*path, str(name)), value)


# -- a world that changes ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The base of faults that let a drift of the environment happen to what a call is about, just before it.

    The tool then answers as it would in life. A subclass says in `drift` which one, and in its text what that is.
    """

    site: ClassVar[Site] = "state"
    phase: ClassVar[Phase] = "before"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "changed_before"
    plausible: ClassVar[Plausible] = "success"
    drift: ClassVar[str]

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Let it happen, then let the call pass."""
        at_s = ctx.now_s()
        if ctx.deeds.drift(self.drift, call, ctx.random):
            ctx.receipt["due_s"] = at_s
        return await proceed(call)
