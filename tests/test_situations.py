"""Situations: every tool of the bundled worlds is called for real, in each way that makes a difference."""

import pytest

from agentbench import plugins
from agentbench.environment import ApiError, Environment
from agentbench.situations import TEXT, Situation, situations

BUNDLED = ("bank", "travel")


@pytest.fixture(scope="module", params=BUNDLED)
def met(request: pytest.FixtureRequest) -> list[Situation]:
    """The situations of one of the bundled worlds."""
    return situations(plugins.environment(request.param))


def test_every_tool_succeeds_in_one_of_them(met: list[Situation]) -> None:
    """Tools that no scenario calls are called with arguments made from the world's own rows."""
    (environment,) = {id(each.environment): each.environment for each in met}.values()
    assert {each.tool for each in met if each.answered().ok} == set(environment.tools)


def test_the_same_call_is_answered_the_same_each_time(met: list[Situation]) -> None:
    """Each answer comes from a fresh copy of the world, with the same new ids."""
    for each in met[:20]:
        assert each.answered() == each.answered()


def test_they_differ_in_what_matters_to_faults(met: list[Situation]) -> None:
    """There are refusals, later pages, small pages, answers that have changed by then, and letters of people."""
    assert any(not each.answered().ok for each in met)
    assert any(each.arguments.get("cursor") for each in met)
    assert any(len((each.answered().body or {}).get("items", [0, 0])) == 1 for each in met)
    reads = [each for each in met if each.environment.tools[each.tool].spec.effect == "read" and each.answered().ok]
    assert any(each.answered(replica=True) != each.answered() for each in reads)
    assert any(TEXT in each.arguments.values() for each in met)


def test_a_world_without_scenarios_is_met_by_its_rows() -> None:
    """Without anybody who plays in it, a tool is called with ids that the world holds; one that cannot be is left."""
    environment = Environment(
        summary="Boxes.", schema="CREATE TABLE box (id TEXT PRIMARY KEY, size INTEGER) STRICT",
        populate=lambda world, random: world.execute("INSERT INTO box VALUES ('BOX-7', 3)") and None,
    )  # fmt: skip
    environment.name = "boxes"

    @environment.tool(effect="read")
    def get_box(world, box: str) -> dict:  # type: ignore[no-untyped-def]
        """A box."""
        found = world.row("SELECT * FROM box WHERE id = ?", box)
        if found is None:
            raise ApiError(404, "not_found", "There is no such box.")
        return found

    @environment.tool(effect="read")
    def never(world, box: str) -> dict:  # type: ignore[no-untyped-def]
        """Refuses everybody."""
        raise ApiError(403, "permission_denied", "Not allowed.")

    one, other = situations(environment)
    assert [(each.tool, each.arguments) for each in (one, other)] == [("get_box", {"box": "BOX-7"}),
                                                                      ("get_box", {"box": "BOX-0"})]  # fmt: skip
    assert one.answered().body == {"id": "BOX-7", "size": 3}
    assert other.answered().status == 404
