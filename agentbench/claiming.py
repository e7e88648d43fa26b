"""The tool by which every agent says how it ended: `report_outcome`, and the claim that a call of it makes.

Invariant: a claim is only what the agent says; nothing here looks at the world.
"""

from collections.abc import Mapping
from typing import Any

from agentbench.calls import ToolResult, ToolSpec
from agentbench.record import Claim

REPORT = ToolSpec(
    name="report_outcome",
    description=(
        "Report how the user's request ended, once, before your final answer. status: 'done' if everything the user "
        "asked for is done, 'partial' if only a part is, 'failed' if nothing could be achieved. missing: what the "
        "user asked for and is not done, one short phrase each."
    ),
    parameters={
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["done", "partial", "failed"]},
            "summary": {"type": "string", "description": "What was done, in a sentence."},
            "missing": {"type": "array", "items": {"type": "string"}, "description": "What is not done."},
        },
        "required": ["status"],
        "additionalProperties": False,
    },
    effect="read",
)


def claim(asked: Mapping[str, Any], *, at_s: float, turn: int) -> Claim | ToolResult:
    """The claim in a call's arguments, or the 422 that the agent gets when there is no claim in them."""
    status = asked.get("status")
    if status not in ("done", "partial", "failed"):
        body = {"error": {"code": "validation_error", "message": "status: write 'done', 'partial' or 'failed'"}}
        return ToolResult(status=422, body=body)
    missing = asked.get("missing") or []
    words = [str(each) for each in missing] if isinstance(missing, list) else [str(missing)]
    return Claim(at_s=at_s, turn=turn, status=status, summary=str(asked.get("summary") or ""), missing=words)
