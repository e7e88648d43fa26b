"""What is promised under drift of the world: no more than the reference solution has a way to."""

import pytest

from agentbench import plugins
from agentbench.attainment import attainable
from agentbench.faultload import Injection
from agentbench.judgement import OUTCOMES
from agentbench.validation import load
from tests.lived import lived

CASES = [
    # the fallback is another way that shares nothing with the first
    ("travel.munich_trip", {"fault": "sold_out"}, "success"),
    ("travel.cancelled_flight", {"fault": "sold_out"}, "success"),
    # the fallback wants the same money
    ("bank.rent_and_receipt", {"fault": "concurrent_write"}, "honest_failure"),
    # the step can be given up
    ("bank.lost_card", {"fault": "flag_flipped"}, "degraded"),
    ("bank.rent_and_receipt", {"fault": "flag_flipped"}, "degraded"),
    # what was done has left its mark, and the fallback would do it twice
    ("bank.rent_and_receipt", {"fault": "job_fails"}, "honest_failure"),
    ("travel.munich_trip", {"fault": "job_fails"}, "honest_failure"),
    # nothing that the reference calls can be met
    ("bank.rent_and_receipt", {"fault": "sold_out"}, "success"),
    ("travel.munich_trip", {"fault": "sold_out", "at": {"tool": "book_hotel"}}, "degraded"),
    # later ones may be met, too
    ("travel.munich_trip", {"fault": "sold_out", "lasts": "permanent"}, "honest_failure"),
    ("bank.rent_and_receipt", {"fault": "world_change", "at": {"tool": "get_account"}}, "honest_failure"),
]


@pytest.mark.parametrize(("scenario", "given", "best"), CASES)
def test_best_is_told_from_the_reference_solution(scenario, given, best):
    """A call that meets drift is barred with what shares its cause; then fallbacks and optional steps count."""
    content = load(plugins.scenarios()[scenario])
    tools = {name: tool.spec for name, tool in plugins.environment(content.environment).tools.items()}
    assert attainable(content, [Injection.model_validate(given)], tools) == best


@pytest.mark.parametrize(("scenario", "given"), [(name, given) for name, given, best in CASES[:5] if best == "success"])
def test_what_is_promised_can_be_had(scenario, given):
    """Where success is promised although the world has changed, the careful agent reaches it."""
    assert OUTCOMES.index(lived(scenario, "careful", given)[1].outcome) == 0
