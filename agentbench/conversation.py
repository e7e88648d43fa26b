"""What the user says to the agent and what agents say to each other, with the faults that strike there.

Invariant: both what was said and what arrived are on record wherever a fault acted.
"""

import asyncio
from collections import Counter
from typing import Any

from agentbench.calls import Message, Turn, TurnHandler
from agentbench.errors import TestbedError
from agentbench.gateway import NAME_MAX, Gateway
from agentbench.record import Exchange, Firing, HandOver, copied, plain


class _AgentRaised(BaseException):
    def __init__(self, error: BaseException) -> None:
        self.error = error


class Conversation:
    """The spoken part of one trial."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._sent: Counter[str] = Counter()

    async def turn(self, said: Turn, hear: TurnHandler, **offers: Any) -> str:
        """Let the user speak; `hear` lets the agent hear a message. Returns the last answer, '' if there was none.

        `offers` are what a `TurnContext` has besides.
        """
        gateway = self._gateway
        at, number = gateway.now_s(), gateway.turn
        heard: list[str] = []
        fired: list[Firing] = []

        async def deliver(turn: Turn) -> str:
            heard.append(turn.text)
            try:
                return await hear(turn)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # the agent's, whatever it is; it passes through the faults untouched
                raise _AgentRaised(error) from error

        try:
            handler = gateway.injector.around_turn(said, deliver, fired, offers)
            # Where nothing strikes there is nothing to record.
            return await handler(said) if handler is not deliver else await deliver(said)
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
                    )
                )

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

        try:
            await gateway.injector.around_message(sent, deliver, fired)(sent)
        except TestbedError as error:
            gateway.fail(error)
            raise asyncio.CancelledError from error
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
            )
        )
        await gateway.admit()
        return received


def _in_order(fired: list[Firing]) -> list[Firing]:
    return sorted(fired, key=lambda each: each.injection)
