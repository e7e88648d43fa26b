"""The user who pushes instead of answering."""

from tests.faults.speaking import SAID, speak


def test_pushes_until_asked_again():
    """The answer comes after the first reply with a question, however many pushes are left."""
    spoken = speak("user_impatient", "I am at it.", "Which Kim?", "Paid.", pushes=5)
    assert spoken.gives == ["nothing", "nothing", "all"]
    assert (spoken.texts[-1], spoken.answer) == (SAID, "Paid.")


def test_who_never_asks_is_never_answered():
    """After so many pushes the user gives up."""
    spoken = speak("user_impatient", "Paid.", pushes=2, text="Kim Lee.")
    assert len(spoken.texts) == 2
    assert "Kim Lee." not in spoken.texts


def test_line_that_answers_nothing_is_said_as_ever():
    """Nobody pushes who was not asked."""
    assert speak("user_impatient", is_answer=False).texts == [SAID]
