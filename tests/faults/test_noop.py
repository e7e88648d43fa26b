"""The null object changes nothing."""


async def test_answer_and_world_are_the_tools_own(bench, make):
    """The call is executed once, in its own time, and its own reply object is told."""
    told = await bench.strike(make("noop"), "add_note", text="hello")
    assert told is bench.executed[0]
    assert (len(bench.executed), bench.notes, bench.now, bench.receipt) == (1, 6, 0.5, {})
