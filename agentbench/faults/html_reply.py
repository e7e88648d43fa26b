"""A page of HTML comes with status 200 in place of the answer.

Invariant: the tool did its work, and the page says nothing about it.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult

_PAGES = {
    "sign_in": (
        "Sign in",
        '<form method="post" action="/session"><label>E-mail <input name="email" type="email"></label>'
        '<label>Password <input name="password" type="password"></label><button>Continue</button></form>',
    ),
    "maintenance": ("We will be back soon", "<p>We are updating our systems. Thank you for your patience.</p>"),
    "challenge": ("Just a moment...", "<p>Checking that you are not a robot. Enable JavaScript to continue.</p>"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlReply:
    """Something in front of the API answers with a page for people.

    `as: sign_in` is the page of a single sign-on, `as: maintenance` a notice, `as: challenge` a check for robots.
    The tool has done its work. What the tool itself refuses is told as it is, and the injection is `ineffective`.

    Stands for: a session that ended at the proxy, a notice served with the wrong status, a bot check in front of an
    API (Cloudflare's challenge pages; "Unexpected token < in JSON at position 0").

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["sign_in", "maintenance", "challenge"], Field(alias="as")] = "sign_in"

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "reply_changed"
    plausible: ClassVar[Plausible | None] = None

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and tell a page instead of its answer."""
        reply = await proceed(call)
        if not reply.ok:
            return reply
        title, text = _PAGES[self.as_]
        page = (
            f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
            f"</head>\n<body>\n<main>\n<h1>{title}</h1>\n{text}\n</main>\n</body>\n</html>\n"
        )
        return ToolResult(status=200, body=page, headers={"Content-Type": "text/html; charset=utf-8"})


fault = HtmlReply
