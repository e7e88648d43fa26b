"""What one agent hands over to another arrives damaged, in a way that only a reader who checks can notice.

Invariant: the damage is one that software really does, at one place of the message, which the key decides.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from agentbench.abc import MessageContext, Phase, Witness
from agentbench.calls import Message, MessageHandler

Place: TypeAlias = tuple[Any, Any]  # a container of the message, and the key of one of its values


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverCorrupted:
    """`as: field_lost` leaves one field out, `truncated` cuts a text in half, `exchanged` swaps the values of two
    fields of one kind, `encoding` reads a text with letters beyond ASCII in the wrong encoding.

    A message that has nothing of the sort arrives as it is.

    Stands for: a schema that two services understand differently, a column that is too short, a prompt template with
    its variables mixed up, UTF-8 that is read as Latin-1 (XpressAI's corrupted hand-off; MAST, arXiv 2503.13657).

    A Python receiver gets a message of the right shape; nothing is raised, so nothing is retried.
    """

    as_: Annotated[Literal["field_lost", "truncated", "exchanged", "encoding"], Field(alias="as")] = "field_lost"

    site: ClassVar[Literal["handover"]] = "handover"
    phase: ClassVar[Phase] = "reply"
    explicit: ClassVar[bool] = False
    blocking: ClassVar[bool] = False
    witness: ClassVar[Witness] = "said_otherwise"

    async def inject(self, message: Message, proceed: MessageHandler, ctx: MessageContext) -> None:
        """Damage a copy of the message, and deliver it."""
        held = {"message": _copied(message.content)}
        damages = list(_WAYS[self.as_](held))
        if damages:
            ctx.random.choice(damages)()
        ctx.receipt["as"] = self.as_
        await proceed(replace(message, content=held["message"]))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(item) for name, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _places(value: Any) -> Iterator[Place]:
    """Every value in it, by its container and key."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _places(value[key])


def _lost(held: Any) -> Iterator[Callable[[], Any]]:
    for container, key in _places(held["message"]):
        # A container goes with all that is in it, so that only single values are lost.
        if isinstance(container, dict) and not isinstance(container[key], dict | list):
            yield partial(container.pop, key)


def _truncated(held: Any) -> Iterator[Callable[[], Any]]:
    for container, key in _places(held):
        text = container[key]
        if isinstance(text, str) and len(text) > 1:
            yield partial(container.__setitem__, key, text[: len(text) // 2])


def _exchanged(held: Any) -> Iterator[Callable[[], Any]]:
    places = [place for place in _places(held["message"]) if isinstance(place[0], dict)]
    for number, (container, one) in enumerate(places):
        for other_container, other in places[number + 1 :]:
            a, b = container[one], other_container[other]
            if container is other_container and type(a) is type(b) and a != b and not isinstance(a, dict | list):
                yield partial(container.update, {one: b, other: a})


def _misread(held: Any) -> Iterator[Callable[[], Any]]:
    for container, key in _places(held):
        text = container[key]
        if isinstance(text, str) and not text.isascii():
            yield partial(container.__setitem__, key, text.encode("utf-8").decode("latin-1"))


_WAYS = {"field_lost": _lost, "truncated": _truncated, "exchanged": _exchanged, "encoding": _misread}

fault = HandoverCorrupted
