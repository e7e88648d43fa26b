"""What may change at the bank while an agent works: other people, other programs and the bank itself act, too.

Invariant: whatever happens leaves a state that the bank could be in: a balance moves only with a posting.
"""

from agentbench.environment import Meeting
from agentbench.world import World

from .definition import book, environment, today

DEBTORS = (("Barmenia Health", "Contribution March"), ("Helvita Insurance", "Premium"), ("Stadtwerke Mitte", "Heating"))
FLAGS = {
    "instant_transfer": "instant_payments",
    "create_standing_order": "standing_orders",
    "cancel_standing_order": "standing_orders",
    "open_dispute": "disputes",
    "order_replacement_card": "card_orders",
    "send_message": "messages",
}


# -- concurrent_write ----------------------------------------------------------------------------------


@environment.drift("concurrent_write", tools=["transfer", "instant_transfer", "move_between_accounts"])
def debited(world: World, call: Meeting) -> None:
    """A direct debit takes so much that the account no longer covers the payment."""
    account = world.row("SELECT * FROM account WHERE id = ? AND status = 'open'", call.arguments["source"])
    later = (call.arguments.get("execute_on") or "") > today(world)
    if account is None or later:
        return
    cents = account["balance_cents"] + account["overdraft_cents"] - call.arguments["amount_cents"]
    cents += call.random.randrange(100, 4_000, 10)
    if cents <= account["balance_cents"] + account["overdraft_cents"]:
        creditor, memo = call.random.choice(DEBTORS)
        book(world, account["id"], -cents, "direct_debit", creditor, memo)


@environment.drift("concurrent_write", tools=["cancel_transfer"])
def executed(world: World, call: Meeting) -> None:
    """The transfer is executed before it can be cancelled."""
    row = world.row(
        "SELECT t.*, p.name FROM transfer t JOIN payee p ON p.id = t.payee JOIN account a ON a.id = t.source"
        " WHERE t.id = ? AND t.status IN ('scheduled', 'awaiting_approval')"
        " AND a.balance_cents + a.overdraft_cents >= t.amount_cents",
        call.arguments["transfer"],
    )
    if row is not None:
        world.execute("UPDATE transfer SET status = 'completed', execute_on = ? WHERE id = ?", today(world), row["id"])
        book(world, row["source"], -row["amount_cents"], "transfer", row["name"], row["memo"])


@environment.drift("concurrent_write", tools=["cancel_standing_order"])
def ended_elsewhere(world: World, call: Meeting) -> None:
    """The standing order is ended in the customer's app."""
    world.execute(
        "UPDATE standing_order SET status = 'cancelled' WHERE id = ? AND status = 'active'",
        call.arguments["standing_order"],
    )


@environment.drift("concurrent_write", tools=["freeze_card"])
def withdrawn_by_the_bank(world: World, call: Meeting) -> None:
    """The bank's own fraud desk withdraws the card for good."""
    world.execute("UPDATE card SET status = 'expired' WHERE id = ? AND status = 'active'", call.arguments["card"])


# -- record_deleted ------------------------------------------------------------------------------------


@environment.drift("record_deleted", tools=["get_transfer", "cancel_transfer"])
def transfer_deleted(world: World, call: Meeting) -> None:
    """A payment that has not been made is deleted."""
    world.execute(
        "DELETE FROM transfer WHERE id = ? AND status IN ('scheduled', 'awaiting_approval')", call.arguments["transfer"]
    )


@environment.drift("record_deleted", tools=["cancel_standing_order"])
def standing_order_deleted(world: World, call: Meeting) -> None:
    """The standing order is deleted."""
    world.execute("DELETE FROM standing_order WHERE id = ?", call.arguments["standing_order"])


@environment.drift("record_deleted", tools=["create_standing_order"])
def payee_deleted(world: World, call: Meeting) -> None:
    """A payee who was never paid is deleted; the others stay, for payments name them."""
    world.execute(
        "DELETE FROM payee WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM transfer WHERE payee = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM standing_order WHERE payee = ?1)",
        call.arguments["payee"],
    )


# -- the others ----------------------------------------------------------------------------------------


@environment.drift("approval_expired", tools=["get_transfer", "list_transfers", "cancel_transfer"])
def approval_lapsed(world: World, call: Meeting) -> None:
    """The co-holder does not approve in time, or the customer's own order is too old: what waits is rejected."""
    waiting = ("scheduled", "awaiting_approval") if "transfer" in call.arguments else ("awaiting_approval", "")
    world.execute(
        "UPDATE transfer SET status = 'rejected' WHERE status IN (?3, ?4) AND id = coalesce(?1, id)"
        " AND payee = coalesce(?2, payee)",
        call.arguments.get("transfer"), call.arguments.get("payee"), *waiting,
    )  # fmt: skip


@environment.drift("flag_flipped", tools=list(FLAGS))
def switched_off(world: World, call: Meeting) -> None:
    """The bank switches the function off."""
    world.execute("UPDATE feature SET enabled = 0 WHERE name = ? AND enabled = 1", FLAGS[call.tool])


@environment.drift("job_fails", tools=["transfer", "instant_transfer"])
def returned(world: World, call: Meeting) -> None:
    """The payee's bank returns the payment."""
    row = world.row(
        "SELECT t.*, p.name FROM transfer t JOIN payee p ON p.id = t.payee WHERE t.id = ? AND t.status = 'completed'",
        call.answer["id"],
    )
    if row is not None:
        world.execute("UPDATE transfer SET status = 'rejected' WHERE id = ?", row["id"])
        book(world, row["source"], row["amount_cents"], "credit", row["name"], f"Return: {row['memo']}")


@environment.drift("job_fails", tools=["create_standing_order"])
def not_set_up(world: World, call: Meeting) -> None:
    """The standing order cannot be set up at the payee's bank, and is ended."""
    world.execute(
        "UPDATE standing_order SET status = 'cancelled' WHERE id = ? AND status = 'active'", call.answer["id"]
    )
