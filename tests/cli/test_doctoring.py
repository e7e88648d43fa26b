"""`doctor`: what is here and what is not."""

import gc

import pytest


def test_doctor_looks_at_what_agentbench_needs(agentbench) -> None:
    """Every finding has a state, and what is missing comes with a way to get it."""
    done = agentbench("doctor", "--json")
    found = {each["name"]: each for each in done.json}
    assert done.code == 0
    assert {"python", "ledger", "docker", "bubblewrap", "environment bank"} <= set(found)
    assert all(each["remedy"] for each in done.json if each["state"] != "ok")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # docker-py leaves its socket open
def test_a_daemon_that_is_not_there_is_no_error(agentbench, monkeypatch) -> None:
    """Without Docker everything else still works, and doctor says so calmly."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    done = agentbench("doctor", "--json")
    assert done.code == 0
    assert {each["name"]: each["state"] for each in done.json}["docker"] == "missing"
    gc.collect()
