"""A silent no-op lies: the reply says yes, the world says no."""


async def test_success_is_told_and_nothing_is_done(bench, make):
    """The reply has the tool's shape and an id that exists nowhere; it took as long as the tool takes."""
    told = await bench.strike(make("silent_noop"), "add_note", text="hello")
    assert told.ok
    assert told.body["text"] == "hello"
    assert bench.world.row("SELECT * FROM note WHERE id = ?", told.body["id"]) is None
    assert (bench.executed, bench.world.effects, bench.notes, bench.now) == ([], [], 5, 0.5)


async def test_id_is_not_used_by_a_later_write(bench, make):
    """What is really written afterwards gets another id than the phantom."""
    phantom = await bench.strike(make("silent_noop"), "add_note", text="hello")
    real = await bench.call("add_note", text="hello")
    assert phantom.body["id"] != real.body["id"]


async def test_refusal_of_the_tool_stays_a_refusal(bench, make):
    """A call that the tool refuses is refused, not lied about."""
    told = await bench.strike(make("silent_noop"), "add_note", text="")
    assert (told.status, len(bench.executed), bench.receipt) == (422, 1, {"snapshot_status": 422})


async def test_write_that_needs_what_the_trial_made_is_executed(bench, make):
    """The copy knows only the start of the trial; where it must refuse, the real tool does the work."""
    note = (await bench.call("add_note", text="first")).body["id"]
    told = await bench.strike(make("silent_noop"), "add_note", text="second", after=note)
    assert (told.ok, bench.notes) == (True, 7)


async def test_reads_are_executed_as_ever(bench, make):
    """A read has nothing to leave undone."""
    told = await bench.strike(make("silent_noop"), "list_notes")
    assert told is bench.executed[0]
    assert bench.replicas == []
