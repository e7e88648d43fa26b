"""A stale read shows the world as it was."""


async def test_read_does_not_show_what_was_done_since(bench, make):
    """A note that was added is missing from the answer, and the fresh answer was taken as well."""
    await bench.call("add_note", text="hello")
    told = await bench.strike(make("stale"), "list_notes")
    assert (told.body["total"], bench.executed[-1].body["total"]) == (5, 6)
    assert bench.receipt == {"snapshot_status": 200}


async def test_unchanged_world_gives_an_equal_answer(bench, make):
    """Before anything has changed, stale and fresh are the same, and the fault has no effect."""
    told = await bench.strike(make("stale"), "list_notes")
    assert told == bench.executed[0]


async def test_what_did_not_exist_is_answered_fresh(bench, make):
    """The fault stays implicit: a snapshot that knows nothing of the note does not make an error of it."""
    note = (await bench.call("add_note", text="hello")).body["id"]
    told = await bench.strike(make("stale"), "get_note", id=note)
    assert told is bench.executed[-1]
    assert bench.receipt == {"snapshot_status": 404}


async def test_writes_are_executed_as_ever(bench, make):
    """A write never goes to the snapshot."""
    told = await bench.strike(make("stale"), "add_note", text="hello")
    assert told is bench.executed[0]
    assert (bench.notes, bench.replicas, bench.receipt) == (6, [], {})
