"""What the bank's tools answer, field by field.

Invariant: a shape says what the API gives for every state that the schema allows, and nothing more.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

from agentbench.answers import Date, Instant, Month

Account: TypeAlias = Annotated[str, Field(pattern="^(CHK|SAV|JNT)-[0-9]+$")]
Payee: TypeAlias = Annotated[str, Field(pattern="^PAY-[0-9A-F]+$")]
Transfer: TypeAlias = Annotated[str, Field(pattern="^TRF-[0-9A-F]+$")]
Card: TypeAlias = Annotated[str, Field(pattern="^CRD-[0-9A-F]+$")]
Transaction: TypeAlias = Annotated[str, Field(pattern="^TX-[0-9A-Z]+$")]
Iban: TypeAlias = Annotated[str, Field(pattern="^[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}$")]
Cents: TypeAlias = int
Positive: TypeAlias = Annotated[int, Field(gt=0)]
NotNegative: TypeAlias = Annotated[int, Field(ge=0)]
Text: TypeAlias = Annotated[str, Field(min_length=1)]


class Session(TypedDict):
    """Until when the credentials of this client are good."""

    status: Literal["active"]
    expires_at: Instant


class Profile(TypedDict):
    """The customer, and the present day."""

    id: Annotated[str, Field(pattern="^CUS-[0-9]+$")]
    name: Text
    email: Annotated[str, Field(pattern="^[^@ ]+@[^@ ]+$")]
    phone: Annotated[str, Field(pattern="^[+][0-9 ]+$")]
    address: Text
    daily_limit_cents: Positive
    since: Date
    used_today_cents: NotNegative
    today: Date


class AccountView(TypedDict):
    """An account."""

    id: Account
    kind: Literal["checking", "savings", "joint"]
    name: Text
    iban: Iban
    currency: Literal["EUR"]
    balance_cents: Cents
    overdraft_cents: NotNegative
    approval_above_cents: Positive | None
    status: Literal["open", "closed"]


class PayeeView(TypedDict):
    """A payee."""

    id: Payee
    name: Annotated[str, Field(min_length=1, max_length=70)]
    iban: Iban
    category: Annotated[str, Field(max_length=20)]
    instant: Literal[0, 1]
    status: Literal["active", "blocked"]
    updated_at: Instant


class CancelledTransfer(TypedDict):
    """A payment as `cancel_transfer` gives it, without the payee's name."""

    id: Transfer
    source: Account
    payee: Payee
    amount_cents: Positive
    fee_cents: NotNegative
    memo: Text
    rail: Literal["sepa", "instant"]
    status: Literal["completed", "scheduled", "awaiting_approval", "cancelled", "rejected"]
    execute_on: Date
    created_at: Instant


class TransferView(CancelledTransfer):
    """A payment."""

    payee_name: Text


class Movement(TypedDict):
    """A transfer between two of the customer's own accounts."""

    id: Annotated[str, Field(pattern="^MOV-[0-9A-F]+$")]
    source: Account
    target: Account
    amount_cents: Positive
    memo: Text
    created_at: Instant


class TransactionView(TypedDict):
    """A booked line of an account."""

    id: Transaction
    account: Account
    booked_at: Instant
    amount_cents: Cents
    kind: Literal["card", "transfer", "internal", "direct_debit", "credit", "fee", "interest"]
    counterparty: Text
    memo: Text
    card: Card | None


class Statement(TypedDict):
    """The lines of one month, page by page, between two balances."""

    account: Account
    month: Month
    opening_cents: Cents
    closing_cents: Cents
    items: list[TransactionView]
    next_cursor: str | None
    total: NotNegative


class _StandingOrder(TypedDict):
    id: Annotated[str, Field(pattern="^STO-[0-9A-F]+$")]
    source: Account
    payee: Payee
    amount_cents: Positive
    memo: Text
    day_of_month: Annotated[int, Field(ge=1, le=28)]
    status: Literal["active", "cancelled"]


class ListedStandingOrder(_StandingOrder):
    """A standing order as a list has it."""

    payee_name: Text


class StandingOrder(_StandingOrder):
    """A standing order as the tools that make or end it give it."""

    created_at: Instant


class CardView(TypedDict):
    """A card; `replaces` is the frozen one in whose place it was ordered."""

    id: Card
    account: Account
    kind: Literal["debit", "credit", "virtual"]
    last4: Annotated[str, Field(pattern="^[0-9]{4}$")]
    status: Literal["active", "frozen", "expired", "ordered"]
    expires: Month
    replaces: Card | None


class DisputeView(TypedDict):
    """A dispute of a transaction."""

    id: Annotated[str, Field(pattern="^DSP-[0-9A-F]+$")]
    transaction: Transaction
    reason: Literal["fraud", "duplicate", "not_received", "wrong_amount"]
    description: Text
    amount_cents: Positive
    status: Literal["open", "won", "lost"]
    opened_at: Instant


class MessageView(TypedDict):
    """A message; `me` is the customer."""

    id: Annotated[str, Field(pattern="^MSG-[0-9A-Z]+$")]
    sender: Text
    recipient: Text
    text: Annotated[str, Field(min_length=1, max_length=1000)]
    sent_at: Instant
