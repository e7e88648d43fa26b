"""The user who contradicts themselves."""

from agentbench.calls import Variation
from tests.faults.speaking import SAID, speak

LATER = Variation(name="later", say="No, on the 26th.", settles="The 26th.", steps=({"reply": "Fine."},))


def test_who_asks_is_told_which_is_right():
    """The contradiction first; after a question, what settles it, with what is left to do then."""
    spoken = speak("user_contradicts", "Which of the two?", "Fine.", variations=[("user_contradicts", LATER)])
    assert (spoken.texts, spoken.gives) == (["No, on the 26th.", "The 26th."], ["clash", "all"])
    assert spoken.heard[-1].means.steps == LATER.steps


def test_who_does_not_ask_is_not_told():
    """The goals are those of the variant all the same."""
    spoken = speak("user_contradicts", "Done.", variations=[("user_contradicts", LATER)])
    assert (spoken.texts, spoken.receipt) == (["No, on the 26th."], {"variant": "later"})


def test_line_without_a_variant_is_said_as_ever():
    """Nobody contradicts what the scenario knows no other side of."""
    assert speak("user_contradicts").texts == [SAID]
