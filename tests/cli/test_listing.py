"""`list` and `show`: the catalogue is read from the plugins."""

import pytest

from agentbench import plugins
from agentbench.cli.listing import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_listed_with_name_and_summary(agentbench, kind: str) -> None:
    """Each entry says what it is in a line, in JSON and as text."""
    entries = agentbench("list", kind, "--json").json
    assert entries
    assert all(entry["name"] and entry["summary"] for entry in entries)
    text = agentbench("list", kind).out
    assert all(entry["name"] in text for entry in entries)


def test_faults_tell_site_phase_and_parameters(agentbench) -> None:
    """What a faultload's author needs is in the list, under the names that YAML uses."""
    found = {entry["name"]: entry for entry in agentbench("list", "faults", "--json").json}
    assert set(found) == set(plugins.names("faults"))
    lost = found["lost_reply"]
    assert (lost["site"], lost["phase"], lost["explicit"]) == ("effect", "after", True)
    assert {parameter["name"] for parameter in lost["parameters"]} == {"as", "after_s"}
    assert all(parameter["type"] and "Annotated" not in parameter["type"]
               for entry in found.values() for parameter in entry["parameters"])  # fmt: skip


@pytest.mark.parametrize("name", ["lost_reply", "bank", "bank.rent_and_receipt", "careful", "default", "process"])
def test_show_takes_the_name_of_anything(agentbench, name: str) -> None:
    """Whatever `list` names, `show` shows."""
    done = agentbench("show", name)
    assert done.code == 0
    assert len(done.out) > 20


def test_show_does_not_know_everything(agentbench) -> None:
    """A name that nothing has gets the nearest one."""
    done = agentbench("show", "lost_repl")
    assert (done.code, "did you mean 'lost_reply'?" in done.err) == (2, True)
