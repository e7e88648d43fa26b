"""The sandbox that is none: for debugging."""

import os
import signal
from pathlib import Path

import pytest

from agentbench import plan as plans
from agentbench import plugins
from agentbench.plan import PlannedAgent
from agentbench.runner import Runner
from agentbench.store import RunDirectory

AGENT = """
import os, signal

async def good(message, tools):
    await tools.report_outcome(status="failed", summary=str(os.getpid()))
    return "I did nothing."

async def interrupted(message, tools):
    raise KeyboardInterrupt

async def pressed(message, tools):
    os.kill(os.getpid(), signal.SIGINT)
    return "too late"
"""


def run(name: str, sandbox: str = "inprocess") -> RunDirectory:
    """One clean trial of an agent in a file."""
    Path("agents_here.py").write_text(AGENT)
    path = plugins.scenarios()["bank.gym_switch"]
    plan = plans.make(
        scenarios={"bank.gym_switch": path},
        agents=[PlannedAgent(name=name, ref=f"./agents_here.py:{name}")],
        profile=None,
        trials=1,
        seed=1,
        clock="virtual",
        sandbox=sandbox,
    )
    directory = RunDirectory(Path("out"))
    Runner(plan, directory, workers=1).execute()
    return directory


def test_trials_run_in_this_very_process_and_say_so() -> None:
    """A debugger that is attached here sees the agent, and the record is stamped with the missing isolation."""
    (record,) = run("good").records()
    assert record.sandbox == "inprocess"
    assert record.claim is not None
    assert record.claim.summary == str(os.getpid())


def test_an_agent_that_raises_an_interrupt_is_a_crash() -> None:
    """`KeyboardInterrupt` from the agent's own code is data; nobody pressed Ctrl-C."""
    (record,) = run("interrupted").records()
    assert (record.ending.kind, record.ending.detail) == ("crashed", "KeyboardInterrupt")


def test_a_real_interrupt_ends_the_run() -> None:
    """Ctrl-C while an agent runs is the user's, and reaches the command line."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run("pressed")
    assert signal.getsignal(signal.SIGINT) is before
