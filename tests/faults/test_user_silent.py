"""The user who does not answer."""

from tests.faults.speaking import SAID, speak


def test_who_asks_again_is_answered():
    """An empty message comes late; when the agent asks once more, the line is said, and its answer counts."""
    spoken = speak("user_silent", "Which Kim?", "Paid.", after_s=90)
    assert (spoken.texts, spoken.gives) == (["…", SAID], ["nothing", "all"])
    assert (spoken.answer, spoken.waited) == ("Paid.", [90])


def test_who_does_not_ask_is_never_answered():
    """Without a question the line is not said at all."""
    assert speak("user_silent", "Paid to Kim.").texts == ["…"]


def test_user_who_stays_away_is_silent_twice():
    """With `comes_back: false` asking again brings a second empty message, and that is all."""
    spoken = speak("user_silent", "Which Kim?", comes_back=False)
    assert spoken.texts == ["…", "…"]


def test_user_who_is_gone_is_not_heard():
    """With `as: gone` nothing is heard, and the receipt names the witness of that."""
    spoken = speak("user_silent", **{"as": "gone"})
    assert (spoken.texts, spoken.answer, spoken.receipt) == ([], "", {"witness": "kept_away"})


def test_line_that_answers_nothing_is_said_as_ever():
    """Only an answer can be withheld."""
    assert speak("user_silent", is_answer=False).texts == [SAID]
