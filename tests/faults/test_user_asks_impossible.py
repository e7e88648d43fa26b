"""The user who wants what no tool can do."""

from tests.faults.speaking import SAID, speak


def test_wish_comes_on_top():
    """The line is said with the wish behind it, and the receipt holds the words that name it."""
    spoken = speak("user_asks_impossible", wish="And bring me a coffee.", named=["coffee", "drink"])
    assert spoken.texts == [f"{SAID} And bring me a coffee."]
    assert spoken.receipt == {"wish": ["coffee", "drink"]}
    assert (spoken.gives, spoken.heard[0].means.wishes) == (["all"], ("coffee",))
