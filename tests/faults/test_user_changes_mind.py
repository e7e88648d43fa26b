"""The user who changes their mind."""

from agentbench.calls import Variation
from tests.faults.speaking import SAID, speak

LATER = Variation(name="later", say="No, on the 26th.", settles="The 26th.", steps=({"reply": "Fine."},))


def test_variant_is_said_instead():
    """The agent hears the variant, with what is left to do then; the receipt names it."""
    spoken = speak("user_changes_mind", variations=[("user_changes_mind", LATER)])
    assert (spoken.texts, spoken.receipt) == (["No, on the 26th."], {"variant": "later"})
    assert spoken.heard[0].means.steps == LATER.steps


def test_line_without_a_variant_is_said_as_ever():
    """There is nothing else that the user could want, and the receipt says nothing."""
    spoken = speak("user_changes_mind", variations=[("user_contradicts", LATER)])
    assert (spoken.texts, spoken.receipt) == ([SAID], {})
