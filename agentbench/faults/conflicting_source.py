"""Two sources disagree: a read tells of a record something else than another tool has told before.

Invariant: one value differs, it is one that the agent was told truly by another tool, and every other value is true.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from agentbench.abc import FaultContext, Phase, Plausible, Site, Witness
from agentbench.calls import Handler, ToolCall, ToolResult
from agentbench.faults import retold


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictingSource:
    """One value of a record is not what another tool has told of the same record (by its `id`) in this trial.

    A number is off by the share `by`; for a text, that of another record in the same field, as any reply has told it.
    Which value it is is drawn by a key, numbers first. True and false, and ids, stay. Without a record that another
    tool has told of, with the same value, the reply passes unchanged, and the injection is `ineffective`. An agent that
    compares its sources knows that one of them is wrong, and not which.

    Stands for: a search index beside its database, a cached profile, two systems of record after a merger
    (ToolBench-X's cross-source conflict; retrieval that contradicts the ledger).

    A Python client sees a success; nothing is raised, so nothing is retried.
    """

    by: Annotated[float, Field(gt=0, le=1)] = 0.1

    site: ClassVar[Site] = "reply"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "conflicting"
    plausible: ClassVar[Plausible] = "success"

    async def inject(self, call: ToolCall, proceed: Handler, ctx: FaultContext) -> ToolResult:
        """Execute the call and contradict what was told before."""
        earlier = [each for each in ctx.deeds.calls() if each.told.ok]
        seen = [record for each in earlier if each.tool != call.tool for record in _records(each.told.body)]
        known = {(record["id"], name, repr(value)) for record in seen for name, value in _values(record)}

        def change(body: Any) -> Any:
            everywhere = [*seen, *copy.deepcopy(list(_records(body)))]
            choices = []
            for record in _records(body):
                for name, value in _values(record):
                    other = self._other(name, value, everywhere)
                    if (record["id"], name, repr(value)) in known and other is not None:
                        choices.append((isinstance(value, str), record, name, other))
            if not choices:
                return body
            best = [each for each in choices if each[0] == min(kind for kind, *_ in choices)]
            _, record, name, other = best[ctx.random.randrange(len(best))]
            ctx.receipt |= {"record": record["id"], "field": name, "true": record[name], "told": other}
            record[name] = other
            return body

        return await retold(call, proceed, change)

    def _other(self, name: str, value: Any, everywhere: list[dict[str, Any]]) -> Any:
        """A plausible value that is not this one, None if there is none."""
        if not isinstance(value, str):
            other = round(value * (1 + self.by), 2)
            return None if other == value else type(value)(other)
        found = (record[name] for record in everywhere if isinstance(record.get(name), str))
        return next((each for each in found if each != value), None)


def _records(body: Any) -> Iterator[dict[str, Any]]:
    """Every object with an id, however deep."""
    if isinstance(body, dict):
        if isinstance(body.get("id"), str):
            yield body
        body = list(body.values())
    for part in body if isinstance(body, list) else ():
        yield from _records(part)


def _values(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values that may be told otherwise."""
    for name, value in record.items():
        if name != "id" and isinstance(value, int | float | str) and not isinstance(value, bool):
            yield name, value


fault = ConflictingSource
