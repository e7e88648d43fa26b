"""The environment object, and what its tools share: parameter types, look-ups and the booking of money.

Invariant: `book` is the only place that changes a balance, and it writes the posting with it.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from agentbench.environment import ApiError, Environment
from agentbench.world import World

from . import data

environment = Environment(
    summary="Retail banking: accounts, payees, transfers on two rails, cards, statements, disputes, messages.",
    schema=Path(__file__).with_name("schema.sql"),
    populate=data.populate,
)

Limit = Annotated[int, Field(ge=1, le=50, description="How many items to return at most (1 to 50).")]
Cursor = Annotated[str | None, Field(description="`next_cursor` of the page before; leave out for the first page.")]
Query = Annotated[str | None, Field(max_length=80, description="Text to look for, in any case.")]
AccountId = Annotated[str, Field(max_length=40, description="Id of one of your accounts, such as CHK-1.")]
PayeeId = Annotated[str, Field(max_length=40, description="Id of a payee, as list_payees gives it.")]
CardId = Annotated[str, Field(max_length=40, description="Id of a card, as list_cards gives it.")]
Cents = Annotated[int, Field(gt=0, le=100_000_000, description="Amount in euro cents: 1250 is 12.50 EUR.")]
Memo = Annotated[str, Field(min_length=1, max_length=140, description="Text for the statement.")]
Key = Annotated[
    str | None,
    Field(max_length=64, description="Any text that names this intent. A repeat with the same key is not done twice."),
]
DATE = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"


def found(world: World, table: str, key: str) -> dict[str, Any]:
    """The row with this id, or 404."""
    row = world.row(f"SELECT * FROM {table} WHERE id = ?", key)
    if row is None:
        name = "transaction" if table == "posting" else table.replace("_", " ")
        raise ApiError(404, "not_found", f"There is no {name} with the id '{key}'.")
    return row


def dispute_view(row: dict[str, Any]) -> dict[str, Any]:
    """A dispute as the API shows it: what a table calls a posting, a customer calls a transaction."""
    return {("transaction" if name == "posting" else name): value for name, value in row.items()}


def stamp(world: World) -> str:
    """The present instant as the API writes it."""
    return world.now.strftime("%Y-%m-%dT%H:%M:%SZ")


def today(world: World) -> str:
    """The present date, YYYY-MM-DD."""
    return world.now.strftime("%Y-%m-%d")


def book(world: World, account: str, cents: int, kind: str, counterparty: str, memo: str) -> None:
    """Move an account's balance by `cents` and enter the posting."""
    world.execute("UPDATE account SET balance_cents = balance_cents + ? WHERE id = ?", cents, account)
    world.execute(
        "INSERT INTO posting VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
        world.new_id("TX"), account, stamp(world), cents, kind, counterparty, memo,
    )  # fmt: skip


def require_funds(account: dict[str, Any], cents: int) -> None:
    """402 unless the account covers the amount."""
    if account["balance_cents"] + account["overdraft_cents"] < cents:
        raise ApiError(
            402, "insufficient_funds", f"The balance of {account['id']} does not cover this payment.",
            balance_cents=account["balance_cents"], required_cents=cents,
        )  # fmt: skip


def require_feature(world: World, name: str) -> None:
    """403 while the bank has this function switched off."""
    if not world.value("SELECT enabled FROM feature WHERE name = ?", name):
        words = name.replace("_", " ").capitalize()
        raise ApiError(403, "feature_disabled", f"{words} are not available at the moment.", feature=name)


def open_account(world: World, key: str) -> dict[str, Any]:
    """An account that can move money: 404 if there is none, 409 if it is closed."""
    account = found(world, "account", key)
    if account["status"] != "open":
        raise ApiError(409, "account_closed", f"The account {key} is closed.")
    return account


class Filter:
    """Builds a WHERE clause; a condition whose value is None is left out."""

    def __init__(self) -> None:
        self.conditions: list[str] = []
        self.values: list[Any] = []

    def add(self, condition: str, value: Any) -> "Filter":
        """Add a condition with one `?` per use of the value."""
        if value is not None:
            self.conditions.append(condition)
            self.values.extend([value] * condition.count("?"))
        return self

    def rows(self, world: World, select: str, order: str) -> list[dict[str, Any]]:
        """The rows that meet all conditions."""
        where = f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        return world.rows(f"{select}{where} ORDER BY {order}", *self.values)
