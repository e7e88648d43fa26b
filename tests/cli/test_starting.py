"""`init`: the first five minutes of a user's own project."""

from pathlib import Path


def test_what_init_writes_runs_as_it_is(agentbench, monkeypatch) -> None:
    """The files validate and run with the commands that init prints, and the agent in them is judged."""
    assert agentbench("init", "mine").code == 0
    monkeypatch.chdir("mine")
    assert agentbench("validate", "bank.my_first").code == 0
    done = agentbench("run", "bank.my_first", "--faults", "my_faults.yaml", "--json")
    assert done.code == 0
    assert done.json["trials"]["planned"] == 6
    assert done.json["faults"]["witnessed"] > 0
    assert done.json["outcomes"]["success"] == 0


def test_init_overwrites_nothing(agentbench) -> None:
    """A second init keeps what the user has changed."""
    agentbench("init")
    Path("my_agent.py").write_text("mine\n")
    done = agentbench("init")
    assert done.code == 0
    assert Path("my_agent.py").read_text() == "mine\n"
    assert "kept     my_agent.py" in done.out
