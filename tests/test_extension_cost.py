"""Holds the cost of an extension to what docs/extending.md says: one file, found by its name, nothing else touched.

The files are those of the documents themselves, so that what people copy is what is proven here.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentbench import metrics

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "docs" / "extending.md", ROOT / "docs" / "writing-an-environment.md"]
BLOCK = re.compile(r"^```(?:python|yaml)\n# (?P<name>[\w./]+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)

FILES = {found["name"]: found["body"] for page in PAGES for found in BLOCK.finditer(page.read_text("utf-8"))}
SCENARIO = "bank.rent_and_receipt"


class Bench:
    """A folder on AGENTBENCH_PATH, and the command line."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        monkeypatch.setenv("AGENTBENCH_PATH", str(folder))

    def add(self, name: str) -> None:
        """Write one file of the documents."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILES[name], "utf-8")

    def json(self, *arguments: str) -> Any:
        """What a command prints as JSON; fails with what it says."""
        command = [sys.executable, "-m", "agentbench", *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    def run(self, *arguments: str) -> Any:
        """A run of one scenario with one agent, unless told otherwise."""
        return self.json("run", "--workers", "1", "--out", "run", *arguments)

    def names(self, kind: str) -> dict[str, str]:
        """What `list` finds of a kind, with summaries."""
        return {entry["name"]: entry["summary"] for entry in self.json("list", kind)}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """An empty folder on the search path."""
    return Bench(tmp_path / "plugins", monkeypatch)


def test_a_fault_is_one_file(bench: Bench) -> None:
    """A new fault is listed, scheduled, and witnessed in a trial."""
    bench.add("faults/brownout.py")
    assert "brownout" in bench.names("faults")
    Path("load.yaml").write_text("injections: [{fault: brownout, with: {after_s: 4}, at: {effect: write}}]", "utf-8")
    result = bench.run(SCENARIO, "-a", "careful", "--faults", "load.yaml")
    assert result["faults"]["witnessed"] == 1
    assert result["outcomes"]["success"] == 2


def test_a_profile_is_one_file(bench: Bench) -> None:
    """A new profile is found by its name and may use a new fault."""
    bench.add("faults/brownout.py")
    bench.add("profiles/brownouts.yaml")
    assert "brownouts" in bench.names("profiles")
    result = bench.run(SCENARIO, "-a", "naive", "--faults", "brownouts")
    assert result["run"]["profile"]["name"] == "brownouts"
    assert result["faults"] == {"planned": 1, "injected": 1, "witnessed": 1, "not_reached": 0, "ineffective": 0}


def test_an_agent_is_one_file(bench: Bench) -> None:
    """A new agent is listed with its docstring and run by its name."""
    bench.add("agents/looker.py")
    assert bench.names("agents")["looker"] == "Looks at the accounts, does nothing, and says so."
    result = bench.run(SCENARIO, "-a", "looker", "--faults", "none")
    assert result["outcomes"]["honest_failure"] == 1


def test_an_adapter_is_one_file(bench: Bench) -> None:
    """A new adapter drives a kind of agent that nobody knew before."""
    bench.add("adapters/commands.py")
    assert "commands" in bench.names("adapters")
    Path("my.py").write_text("calls = [{'call': 'list_accounts'}, {'call': 'get_profile'}]", "utf-8")
    result = bench.run(SCENARIO, "-a", "./my.py:calls", "--faults", "none")
    assert result["trials"]["valid"] == 1
    shown = bench.json("show", "run", f"calls/{SCENARIO}/none/0")
    assert [event["tool"] for event in shown["record"]["events"] if event["type"] == "call"] == [
        "list_accounts", "get_profile", "list_accounts", "get_profile",
    ][: 2 * sum(event["type"] == "user" for event in shown["record"]["events"])]  # fmt: skip


def test_a_sandbox_is_one_file(bench: Bench) -> None:
    """A new sandbox is listed, runs trials, and is named in their records."""
    bench.add("sandboxes/thread.py")
    assert "thread" in bench.names("sandboxes")
    result = bench.run(SCENARIO, "-a", "oracle", "--faults", "none", "--sandbox", "thread")
    assert result["run"]["sandbox"] == "thread"
    assert result["outcomes"]["success"] == 1


def test_an_environment_is_one_folder_and_a_scenario_one_file(bench: Bench) -> None:
    """A new world and a scenario in it are listed, validated with every proof, and run under faults."""
    bench.add("environments/shop/environment.py")
    bench.add("scenarios/shop/refund_once.yaml")
    assert "shop" in bench.names("environments")
    assert "shop.refund_once" in bench.names("scenarios")
    (proven,) = bench.json("validate", "shop.refund_once")
    assert proven["ok"], proven
    result = bench.run("shop.*", "-a", "retrying")
    assert result["outcomes"]["harmful"] >= 1, "a blind retry of a lost refund pays twice"
    assert result["trials"]["invalid"] == 0


def test_a_measure_is_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decorated function is a measure of every run, with its summary, and undefined where there is nothing."""
    monkeypatch.setattr(metrics, "METRICS", dict(metrics.METRICS))
    exec(compile(FILES["metrics.py"], "metrics.py", "exec"), {})
    assert metrics.METRICS["mean_calls"].summary == "Tool calls of a faulted trial, on average."
    (found,) = [each for each in metrics.measures([], ["me"]) if each.name == "mean_calls"]
    assert (found.value, found.n, found.reason) == (None, 0, "no valid faulted trial")


def test_every_file_of_the_documents_is_tried() -> None:
    """No block of the extension pages is left out of this file."""
    source = Path(__file__).read_text("utf-8")
    assert len(FILES) == 8
    assert [name for name in FILES if f'"{name}"' not in source] == []
