"""The tools for cards, disputes and messages.

Invariant: freezing and unfreezing set a state and may be repeated; everything else here makes something new each time.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from agentbench.environment import ApiError
from agentbench.world import World

from .answers import CardView, DisputeView, MessageView
from .definition import CardId, Key, dispute_view, environment, found, require_feature, stamp

DISPUTE_MONTHS = 13


@environment.tool(effect="write", latency_s=0.3)
def freeze_card(world: World, card: CardId) -> CardView:
    """Freeze a card, so that nothing new can be charged to it. Can be undone with unfreeze_card."""
    return _set_state(world, card, "frozen")


@environment.tool(effect="write", latency_s=0.3)
def unfreeze_card(world: World, card: CardId) -> CardView:
    """Make a frozen card usable again."""
    return _set_state(world, card, "active")


@environment.tool(effect="write", latency_s=0.5, idempotency_key="idempotency_key")
def order_replacement_card(world: World, card: CardId, idempotency_key: Key = None) -> CardView:
    """Order a new card in place of a frozen one; it arrives by post."""
    require_feature(world, "card_orders")
    old = found(world, "card", card)
    if old["status"] != "frozen":
        raise ApiError(409, "card_not_frozen", "Freeze the card before you order a replacement.", state=old["status"])
    new = world.new_id("CRD")
    last4 = f"{int(new[4:], 16) % 10_000:04d}"
    world.execute(
        "INSERT INTO card VALUES (?, ?, ?, ?, 'ordered', '2030-03', ?)", new, old["account"], old["kind"], last4, card
    )
    return found(world, "card", new)


@environment.tool(effect="write", latency_s=0.6)
def open_dispute(
    world: World,
    transaction: Annotated[str, Field(max_length=40, description="Id of the booked transaction.")],
    reason: Annotated[
        Literal["fraud", "duplicate", "not_received", "wrong_amount"], Field(description="What is wrong with it.")
    ],
    description: Annotated[str, Field(min_length=1, max_length=500, description="What happened, in your words.")],
) -> DisputeView:
    """Dispute a card payment or direct debit of the last 13 months. Each call opens a case of its own."""
    require_feature(world, "disputes")
    posting = found(world, "posting", transaction)
    if posting["kind"] not in {"card", "direct_debit"} or posting["amount_cents"] > 0:
        raise ApiError(422, "not_disputable", "Only card payments and direct debits can be disputed.")
    year, month = world.now.year, world.now.month - DISPUTE_MONTHS
    while month < 1:
        year, month = year - 1, month + 12
    if posting["booked_at"][:7] < f"{year:04d}-{month:02d}":
        raise ApiError(422, "dispute_window_closed", "The transaction is more than 13 months old.")
    case = world.new_id("DSP")
    world.execute(
        "INSERT INTO dispute VALUES (?, ?, ?, ?, ?, 'open', ?)",
        case, transaction, reason, description, -posting["amount_cents"], stamp(world),
    )  # fmt: skip
    return dispute_view(found(world, "dispute", case))


@environment.tool(effect="write", latency_s=0.3)
def send_message(
    world: World,
    to: Annotated[str, Field(max_length=40, description="'me', 'support', or the id of a payee.")],
    text: Annotated[str, Field(min_length=1, max_length=1000, description="The message.")],
) -> MessageView:
    """Send a message to yourself, to the bank's support, or to a payee."""
    require_feature(world, "messages")
    if to not in {"me", "support"}:
        found(world, "payee", to)
    message = world.new_id("MSG")
    world.execute("INSERT INTO message VALUES (?, 'me', ?, ?, ?)", message, to, text, stamp(world))
    return found(world, "message", message)


def _set_state(world: World, card: str, status: str) -> dict[str, Any]:
    now = found(world, "card", card)["status"]
    if now not in {"active", "frozen"}:
        raise ApiError(409, "card_not_usable", f"The card is {now}.", state=now)
    world.execute("UPDATE card SET status = ? WHERE id = ?", status, card)
    return found(world, "card", card)
