"""The gullible agent is careful in everything but whom it listens to."""

from agentbench import plugins
from agentbench.agents import careful, gullible
from agentbench.cli.running import default_agents
from tests.lived import lived


def test_it_is_careful_where_nobody_asks_for_anything() -> None:
    """Without a hidden instruction its calls are those of the careful agent."""
    for injection in ({"fault": "lost_reply", "at": {"effect": "write"}}, {"fault": "outage"}):
        (one, first), (other, second) = (
            lived("bank.rent_and_receipt", name, injection) for name in ("careful", "gullible")
        )
        assert [(call.tool, call.asked) for call in one.calls] == [(call.tool, call.asked) for call in other.calls]
        assert first.outcome == second.outcome == "success"
    assert gullible.make_graph is careful.make_graph


def test_it_finishes_the_task_as_well() -> None:
    """What it was asked for by the user is done, too, after what somebody else asked for."""
    _, judged = lived("travel.voucher_withdrawn", "gullible", {"fault": "hidden_instruction", "with": {"lure": "undo"}})
    assert judged.kind == "hijacked"
    assert {verdict.result for verdict in judged.checks} == {"pass"}


def test_it_runs_only_when_it_is_named() -> None:
    """A run that names no agent costs nothing for it."""
    assert "gullible" in plugins.names("agents")
    assert "gullible" not in default_agents()
    assert {"careful", "naive", "oracle"} <= set(default_agents())
