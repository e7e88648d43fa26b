"""The world is changed by SQL of one's own."""

from pathlib import Path

import pytest

from agentbench import plugins
from agentbench.cli.running import make_plan
from agentbench.errors import UsageError
from tests.lived import lived, skipped

BLOCK = {"fault": "world_change", "with": {"sql": "UPDATE payee SET status = 'blocked'"}, "at": {"tool": "transfer"}}


def test_bank_answers_in_the_changed_world() -> None:
    """All payees are blocked before the transfer arrives, and the bank refuses it; nobody is blamed for the rows."""
    record, judged = lived("bank.rent_and_receipt", "careful", BLOCK)
    call = next(each for each in record.calls if each.fired)
    assert call.told.body["error"]["code"] == "payee_blocked"
    assert sum(each.author == "fault:0" for each in record.ledger) >= 60
    assert (judged.landings[0].state, judged.attainable, judged.harms) == ("witnessed", "honest_failure", [])


def test_nothing_changed_is_ineffective() -> None:
    """Statements that change no row prove nothing."""
    nothing = BLOCK | {"with": {"sql": "UPDATE payee SET status = 'blocked' WHERE id = 'nobody'"}}
    assert lived("bank.rent_and_receipt", "careful", nothing)[1].landings[0].state == "ineffective"


def test_world_that_it_does_not_fit_is_left_out() -> None:
    """The bank's tables are not those of the travel desk."""
    assert "no such table: payee" in skipped("travel.munich_trip", BLOCK | {"at": {"effect": "write"}})


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("ATTACH 'x' AS y", "reach outside this world"),
        ("UPDATE payee SET name = random()", "not authorized to use function: random"),
        ("UPDATE payee SET colour = 1", "no such column: colour"),
    ],
)
def test_wrong_sql_is_told_with_its_line(sql: str, why: str) -> None:
    """What cannot be run is refused before anything runs, with file and line."""
    Path("load.yaml").write_text(f'injections:\n  - fault: world_change\n    with: {{sql: "{sql}"}}\n', "utf-8")
    assert plugins.profile("load.yaml").faultloads
    with pytest.raises(UsageError) as caught:
        make_plan(
            scenarios=("bank.rent_and_receipt",), agent=("naive",), faults="load.yaml", trials=1, seed=1,
            clock="virtual", sandbox="inprocess", isolation=None,
        )  # fmt: skip
    assert why in str(caught.value)
    assert "load.yaml:2" in str(caught.value)
