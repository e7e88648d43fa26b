"""The user who gives one detail at a time."""

from tests.faults.speaking import speak


def test_sentences_come_one_by_one():
    """Each but the last leaves something unsaid; together they are the line, and the last answer counts."""
    spoken = speak("user_piecemeal", "Go on.", "Go on.", "Done.")
    assert spoken.texts == ["Pay Kim the rent.", "Then write to me.", "Do not touch SAV-1."]
    assert (spoken.gives, spoken.answer) == (["part", "part", "all"], "Done.")


def test_no_more_pieces_than_told():
    """What is left over comes with the last piece."""
    assert speak("user_piecemeal", pieces=2).texts == ["Pay Kim the rent.", "Then write to me. Do not touch SAV-1."]


def test_one_sentence_stays_one_message():
    """There is nothing to split at the points of an amount."""
    assert speak("user_piecemeal", text="Pay 1,200.50 EUR on 3.4. to Kim.").texts == [
        "Pay 1,200.50 EUR on 3.4. to Kim."
    ]
