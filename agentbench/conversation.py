"""What the user says to the agent and what agents say to each other, with the faults that strike there.

Invariant: both what was said and what arrived are on record wherever a fault acted.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from agentbench import seeds
from agentbench.abc import History
from agentbench.calls import Message, Turn, TurnHandler
from agentbench.errors import TestbedError
from agentbench.gateway import NAME_MAX, Gateway
from agentbench.record import Exchange, Firing, HandOver, Memory, MemoryEntry, copied, plain

ENTRY_MAX = 300  # characters of an entry of the agent's memory that are kept


class _AgentRaised(BaseException):
    def __init__(self, error: BaseException) -> None:
        self.error = error


class Conversation:
    """The spoken part of one trial."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._sent: Counter[str] = Counter()
        self._past: list[Any] = []

    async def turn(
        self, said: Turn, hear: TurnHandler, session: Callable[[], Any], restart: Callable[[], None], **offers: Any
    ) -> str:
        """Let the user speak; `hear` lets the agent hear a message. Returns the last answer, '' if there was none.

        `session` tells the agent's session; `restart` and `offers` are what a `TurnContext` has besides.
        """
        gateway = self._gateway
        at, number = gateway.now_s(), gateway.turn
        heard: list[str] = []
        left: list[Memory | None] = []
        fired: list[Firing] = []
        struck = False

        async def deliver(turn: Turn) -> str:
            if struck and not heard:
                left.append(await _memory(session()))
            heard.append(turn.text)
            try:
                return await hear(turn)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # the agent's, whatever it is; it passes through the faults untouched
                raise _AgentRaised(error) from error

        remembered: Memory | None = None
        try:
            if gateway.injector.looks_back:
                await self._look(session())
            offers |= {"session": session(), "restart": restart, "past": self._past[:-1]}
            handler = gateway.injector.around_turn(said, deliver, fired, offers)
            if handler is not deliver:  # where nothing strikes there is nothing to record
                struck = True
                remembered = await _memory(session())
            return await handler(said)
        except _AgentRaised as raised:
            raise raised.error from None
        except TestbedError as error:
            gateway.fail(error)
            raise asyncio.CancelledError from error
        finally:
            if fired:
                gateway.add(
                    Exchange(
                        at_s=at,
                        end_s=gateway.now_s(),
                        turn=number,
                        number=said.number,
                        said=said.text,
                        heard=heard,
                        fired=_in_order(fired),
                        remembered=remembered,
                        left=left[0] if left else None,
                    )
                )

    async def _look(self, session: Any) -> None:
        """Keep a copy of what the agent remembers before this turn."""
        history: History | None = getattr(session, "history", None)
        self._past.append(None if history is None else await history.save())

    async def hand_over(self, channel: str, content: Any) -> list[Any]:
        """Take a message from one agent to another; returns what arrives, in its order."""
        gateway = self._gateway
        await gateway.admit()
        name = str(plain(channel))[:NAME_MAX]
        self._sent[name] += 1
        sent = Message(channel=name, content=copied(content), number=self._sent[name])
        at, turn = gateway.now_s(), gateway.turn
        received: list[Any] = []
        fired: list[Firing] = []

        async def deliver(message: Message) -> None:
            received.append(copied(message.content))

        ended = False
        try:
            await gateway.injector.around_message(sent, deliver, fired)(sent)
            ended = True
        except TestbedError as error:
            gateway.fail(error)
            raise asyncio.CancelledError from error
        finally:  # a sender that stops waiting does not take away that it has sent
            gateway.add(
                HandOver(
                    at_s=at,
                    end_s=gateway.now_s(),
                    turn=turn,
                    channel=name,
                    number=sent.number,
                    sent=copied(sent.content),
                    received=copied(received),
                    fired=_in_order(fired),
                    abandoned=not ended,
                )
            )
        await gateway.admit()
        return received


async def _memory(session: Any) -> Memory | None:
    """What the agent remembers, as its adapter reads it; None when nobody can."""
    history: History | None = getattr(session, "history", None)
    if history is None:
        return None
    found = await history.read()
    return Memory(
        entries=[MemoryEntry(role=each.role, text=str(plain(each.text))[:ENTRY_MAX], calls=list(each.calls))
                 for each in found],
        # A message of the agent's stays the same one when it loses one of several calls.
        digests=[seeds.digest(each.role, each.text, list(each.calls) if each.role == "tool" else [])
                 for each in found],
    )  # fmt: skip


def _in_order(fired: list[Firing]) -> list[Firing]:
    return sorted(fired, key=lambda each: each.injection)
