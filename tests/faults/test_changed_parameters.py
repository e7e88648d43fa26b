"""Another version of the parameters refuses the old shape and takes the new one."""


async def test_old_shape_is_refused_in_the_words_of_a_validator(bench, make):
    """What is missing and what is not known is named, and nothing is done."""
    told = await bench.strike(make("changed_parameters"), "add_note", text="hello")
    assert (told.status, bench.notes, bench.now) == (422, 5, 0.5)
    assert told.body["error"]["message"] == "body: Field required; text: Extra inputs are not permitted"


async def test_new_shape_works(bench, make):
    """The value goes where it went before; the record shows the old shape behind the fault."""
    fault = make("changed_parameters", rename={"text": "contents"})
    assert not (await bench.strike(fault, "add_note", text="hello")).ok
    told = await bench.strike(fault, "add_note", contents="hello")
    assert told.body["text"] == "hello"
    assert [each.arguments for each in bench.done] == [{"text": "hello"}]
    assert bench.receipt == {"witness": "reply_changed"}, "a call that was left alone must not count as struck"


async def test_missing_required_parameter_has_the_new_name(bench, make):
    """A call without it is told of the new one."""
    told = await bench.strike(make("changed_parameters", rename={"text": "contents"}), "add_note")
    assert told.body["error"]["message"] == "contents: Field required"


async def test_optional_parameter_can_be_needed(bench, make):
    """With `require` a call without it is refused, and one with it is done."""
    fault = make("changed_parameters", require=("key",))
    told = await bench.strike(fault, "add_note", text="hello")
    assert told.body["error"]["message"] == "key: Field required"
    assert (await bench.strike(fault, "add_note", text="hello", key="k")).ok


async def test_tool_without_required_parameters_loses_one_that_is_given(bench, make):
    """The choice is kept for the trial; a call that gives none is left alone."""
    fault = make("changed_parameters")
    assert (await bench.strike(fault, "list_notes")).ok
    told = await bench.strike(fault, "list_notes", limit=2)
    assert told.body["error"]["message"] == "page_size: Field required; limit: Extra inputs are not permitted"
    assert len((await bench.strike(fault, "list_notes", page_size=2)).body["items"]) == 2


async def test_names_that_the_tool_does_not_have_change_nothing(bench, make):
    """Parameters of other tools, and new names that are taken, are left out."""
    fault = make("changed_parameters", rename={"amount": "sum", "text": "key"}, require=("iban",))
    assert (await bench.strike(fault, "add_note", text="hello")).ok
