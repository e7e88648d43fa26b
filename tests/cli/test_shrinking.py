"""`shrink`: a failing trial becomes a file that fails alike, with its cause in words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from agentbench.cli.trying import Laboratory
from tests.cli.conftest import Agentbench

LOST = "retrying/bank.rent_and_receipt/lost-writes/0"
FILE = "bank/rent_and_receipt-retrying-lost-writes.yaml"
WEATHER = """
name: weather
injections:
  - {fault: latency, with: {delay_s: 3}, at: {probability: 0.7}}
  - {fault: outage, at: {tool: list_payees, probability: 0.5}}
  - {fault: lost_reply, with: {as: timeout, after_s: 40}, at: {effect: write, probability: 0.6}, lasts: {calls: 2}}
"""
FLAKY = '''
import itertools

_count = itertools.count()


async def agent(message, tools):
    """Ask again after a lost reply, and mostly pay again: what it does hangs on how many trials there were before."""
    payees = await tools.list_payees(query="Kim Lee")
    payment = {"source": "CHK-1", "payee": payees["items"][0]["id"], "amount_cents": 120000, "memo": "Rent March 2026"}
    try:
        await tools.transfer(**payment)
    except Exception:
        if next(_count) % 6 != 1:
            await tools.transfer(**payment)
    await tools.send_message(to="me", text="Receipt: paid 1,200.00 EUR to Kim Lee.")
    await tools.report_outcome(status="done", summary="Paid.", missing=[])
    return "Paid Kim Lee."
'''


def run_again(agentbench: Agentbench, command: str) -> dict[str, Any]:
    """The judgement of the file's own faultload when the printed command is run."""
    done = agentbench(*command.split()[1:], "--out", "again", "--json")
    assert done.code == 0, done.err
    [found] = [
        each for line in Path("again/judgements.jsonl").read_text().splitlines()
        if (each := yaml.safe_load(line))["faultload"].startswith("shrunk-")
    ]  # fmt: skip
    return dict(found)


def test_a_payment_made_twice_is_reduced_to_its_lost_reply(agentbench: Agentbench, severe: Path) -> None:
    """Two lost writes become the one that matters; the file fails alike, and the second payment is to blame."""
    done = agentbench("shrink", str(severe), LOST, "--json")
    assert done.code == 0, done.err
    shown = done.json
    assert shown["after"]["injections"] == [{"fault": "lost_reply", "at": {"tool": "transfer", "call": 1}}]
    assert shown["after"]["script"] < shown["before"]["script"]
    assert (shown["minimal"], shown["reproduces"], shown["deterministic"]) == (True, True, True)
    assert shown["trials"]["used"] <= shown["trials"]["most"]
    assert shown["file"] == FILE
    found = run_again(agentbench, shown["command"])
    assert (found["outcome"], found["kind"]) == ("harmful", "duplicate")
    assert [landing["state"] for landing in found["landings"]] == ["witnessed"]
    assert shown["inevitable"]["call"] == found["harms"][0]["call"]
    assert shown["inevitable"]["tool"] == "transfer"
    assert "It went wrong for good with c4, call 2 of transfer" in shown["explanation"]


def test_the_file_is_a_valid_scenario(agentbench: Agentbench, severe: Path) -> None:
    """It says where it comes from and how it is run, and its proofs hold."""
    assert agentbench("shrink", str(severe), LOST, "--out", "bank/mine.yaml").code == 0
    text = Path("bank/mine.yaml").read_text()
    assert text.startswith(f"# Written by 'agentbench shrink' from the trial {LOST}.")
    assert "# agentbench run bank/mine.yaml -a retrying --sandbox inprocess\n" in text
    assert agentbench("validate", "bank/mine.yaml").code == 0
    assert yaml.safe_load(text)["faultload"]["name"] == "shrunk-lost-writes"


def test_weather_becomes_the_calls_it_struck(agentbench: Agentbench) -> None:
    """What fell by chance is written as the n-th call of a tool, and what does not matter is gone."""
    Path("weather.yaml").write_text(WEATHER)
    run = ["run", "bank.rent_and_receipt", "-a", "retrying", "--faults", "weather.yaml", "--sandbox", "inprocess"]
    agentbench(*run, "--trials", "4", "--out", "r")
    judged = [yaml.safe_load(line) for line in Path("r/judgements.jsonl").read_text().splitlines()]
    twice = next(each["trial"] for each in judged if each["kind"] == "duplicate" and "weather" in each["trial"])
    shown = agentbench("shrink", "r", twice, "--json").json
    assert [each["fault"] for each in shown["after"]["injections"]] == ["lost_reply"]
    at = shown["after"]["injections"][0]["at"]
    assert at["tool"] in ("transfer", "send_message")
    assert set(at) == {"tool", "call"}
    assert run_again(agentbench, shown["command"])["outcome"] == "harmful"


def test_an_agent_that_dies_of_the_fourth_error_needs_all_four(agentbench: Agentbench, severe: Path) -> None:
    """A permanent fault becomes the hits that it takes, no fewer, without the delays that came with it."""
    shown = agentbench("shrink", str(severe), "retrying/bank.rent_and_receipt/throttled-and-slow/0", "--json").json
    assert [each["at"]["call"] for each in shown["after"]["injections"]] == [1, 2, 3, 4]
    assert {each["fault"] for each in shown["after"]["injections"]} == {"rate_limit"}
    assert shown["inevitable"]["number"] is None
    assert "No call made that inevitable" in shown["explanation"]


def test_an_agent_that_does_not_repeat_itself_is_tested_in_sequence(agentbench: Agentbench) -> None:
    """Its cases are kept by a sequential test, whose errors are said."""
    Path("flaky.py").write_text(FLAKY)
    Path("lost.yaml").write_text(WEATHER.replace("probability: 0.6", "call: 1").replace("weather", "lost"))
    agentbench("run", "bank.rent_and_receipt", "-a", "./flaky.py:agent", "--faults", "lost.yaml", "--sandbox",
               "inprocess", "--out", "r")  # fmt: skip
    done = agentbench("shrink", "r", "agent/bank.rent_and_receipt/lost/0", "--json")
    assert done.code == 0, done.err
    shown = done.json
    assert shown["deterministic"] is False
    assert [each["fault"] for each in shown["after"]["injections"]] == ["lost_reply"]
    assert 0 < shown["sequential"]["error"] < 0.06
    assert shown["sequential"]["error_of_all"] >= shown["sequential"]["error"]
    assert "kept by a sequential test" in " ".join(Path(shown["file"]).read_text().split("\n# "))


def interrupt_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Have Ctrl-C pressed in the middle of the trial after so many."""
    attempt = Laboratory.attempt

    def attempted(self: Laboratory, *given: Any) -> Any:
        if self.used == count:
            raise KeyboardInterrupt
        return attempt(self, *given)

    monkeypatch.setattr(Laboratory, "attempt", attempted)


def test_an_interrupted_search_leaves_the_best_so_far(
    agentbench: Agentbench, severe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C writes what was found, says that it is not the least, and ends with 130."""
    interrupt_after(monkeypatch, 9)
    done = agentbench("shrink", str(severe), LOST)
    assert done.code == 130
    assert f"interrupted; {FILE} holds the best so far" in done.err
    assert "the search was not finished" in done.out
    assert "its case failed alike, the file itself was not run" in done.out
    text = Path(FILE).read_text()
    assert "The search was not finished" in text
    assert len(yaml.safe_load(text)["faultload"]["injections"]) == 1


def test_an_interrupt_before_anything_was_found_leaves_nothing(
    agentbench: Agentbench, severe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no best case yet, so no file is written."""
    interrupt_after(monkeypatch, 1)
    done = agentbench("shrink", str(severe), LOST)
    assert done.code == 130
    assert "nothing was written" in done.err
    assert not Path(FILE).exists()


def test_a_search_that_ran_out_of_trials_says_so(agentbench: Agentbench, severe: Path) -> None:
    """The best so far is written and run, and it is not called the least."""
    done = agentbench("shrink", str(severe), LOST, "--max-trials", "10", "--json")
    assert done.code == 0
    assert (done.json["minimal"], done.json["stopped"], done.json["reproduces"]) == (False, "max-trials", True)
    assert done.json["trials"]["used"] <= 10
