"""The approver who is away."""

from tests.faults.speaking import SAID, speak


def test_automatic_reply_takes_the_place_of_the_answer():
    """The agent hears that nobody is there, once, and a question does not help."""
    spoken = speak("user_unavailable", "When are you back?")
    assert spoken.gives == ["nobody"]
    assert "back tomorrow" in spoken.texts[0]


def test_line_that_answers_nothing_is_said_as_ever():
    """A request of the user's own accord is not lost."""
    assert speak("user_unavailable", is_answer=False).texts == [SAID]
