"""The record that the call names is deleted just before it.

Invariant: the record was there when the agent looked it up; the tool does not find it.
"""

from dataclasses import dataclass
from typing import ClassVar

from agentbench.faults import Drift


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDeleted(Drift):
    """What the call refers to is deleted after the agent has read its id.

    The environment's drift `record_deleted` for the tool deletes the row that the arguments name, where nothing else
    hangs on it: in `bank` a scheduled transfer, a standing order, a new payee, a charge that was reversed; in
    `travel` a quote, a voucher, an unpaid booking, an approval. Calls of tools without such a drift are not looked at.

    Stands for: a colleague who tidies up, a retention job, a hold that lapses, a pending charge that drops off.

    A Python client sees `ToolError` with 404; no repeat helps.
    """

    drift: ClassVar[str] = "record_deleted"


fault = RecordDeleted
