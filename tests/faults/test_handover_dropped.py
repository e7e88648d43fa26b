"""A message between agents that is dropped reaches nobody."""

import pytest

from tests import notes


@pytest.fixture(autouse=True)
def _world(tmp_path, monkeypatch):
    notes.install(tmp_path, monkeypatch)


async def boss(message: str, tools, context) -> str:
    """Hands its order over, and says what arrived."""
    arrived = await context.hand_over("boss to clerk", {"do": "add", "text": "Käse", "to": "list", "times": 2})
    return f"{arrived} at {context.now_s():g} s"


def test_nothing_arrives():
    """The sender gets back an empty list, and the record says what was sent."""
    record, landing = notes.struck(boss, "handover_dropped")
    assert (record.answer, landing.state) == ("[] at 0 s", "witnessed")


def test_the_example_of_the_documents_hands_over(monkeypatch):
    """The two agents of docs/agents.md do what the page says, and notice what does not arrive."""
    import re
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "agents.md").read_text("utf-8")
    found = re.search(r"```python\n# two_agents.py\n(.*?)```", text, re.DOTALL)
    assert found is not None
    namespace = {}
    code = compile(found[1].replace('"list_accounts"', '"list_notes"'), "two_agents.py", "exec")
    exec(code, namespace)
    assert notes.run(namespace["agent"]).answer == "The clerk sees 5 accounts."
    record, landing = notes.struck(namespace["agent"], "handover_dropped", at={"channel": "planner to*"})
    assert (record.answer, landing.state) == ("The clerk has not answered.", "witnessed")


def test_an_agent_without_a_channel_is_never_reached():
    """Whoever hands nothing over cannot lose anything, and the trial says so."""

    async def alone(message: str, tools) -> str:
        return "Done."

    _, landing = notes.struck(alone, "handover_dropped")
    assert landing.state == "not_reached"


def test_only_the_named_channel_is_struck():
    """A glob that does not match leaves the message alone."""
    record, landing = notes.struck(boss, "handover_dropped", at={"channel": "clerk to*"})
    assert ("Käse" in record.answer, landing.state) == (True, "not_reached")
