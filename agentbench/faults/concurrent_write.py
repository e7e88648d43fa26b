"""Somebody else writes between the agent's look and its call: money is gone, it is done already, it is undone.

Invariant: the other writer's rows are committed before the call, and the tool answers the call as it answers any.
"""

from dataclasses import dataclass
from typing import ClassVar

from agentbench.faults import Drift


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrentWrite(Drift):
    """Another writer changes what the call is about, after the agent has read and before the call arrives.

    What changes is the environment's knowledge (its drift `concurrent_write` for the tool): in `bank` a direct debit
    takes what a payment needs, a scheduled transfer is executed before it can be cancelled; in `travel` a colleague
    pays the same booking, cancels it, or uses the voucher. The tool's own code answers: 402, or 409 with the state.
    Calls of tools without such a drift are not looked at.

    Stands for: time of check to time of use; two sessions of one user; a cron job beside the agent
    (openchrome#1303, StressWeb). No general-purpose library changes the world in mid-run.

    A Python client mostly sees `ToolError` with a 4xx, which no repeat helps against.
    """

    drift: ClassVar[str] = "concurrent_write"


fault = ConcurrentWrite
