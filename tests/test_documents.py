"""YAML that a person wrote: what is refused, what stays text, and every mistake with its line."""

import os
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from agentbench import documents
from agentbench.documents import Strict
from agentbench.errors import UsageError, UsageErrors

PATH = Path("file.yaml")


class Inner(Strict):
    """A part of a file."""

    size: int = Field(ge=1)
    kind: Literal["small", "large"] = "small"


class Outer(Strict):
    """A file."""

    name: str
    ratio: float = 0.5
    ready: bool = False
    parts: list[Inner] = Field(default_factory=list)
    by_name: dict[str, Inner] = Field(default_factory=dict)
    either: str | Inner = ""


def data(text: str) -> Any:
    """What a text is read as."""
    PATH.write_text(text, "utf-8")
    return documents.load(PATH).data


def mistake(content: str | bytes, path: Path = PATH) -> str:
    """The one line that a file is refused with, without its path."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as raised:
        documents.load(path)
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{path}:")


def mistakes(text: str) -> list[str]:
    """What is said of a file against the model, without its path."""
    PATH.write_text(text, "utf-8")
    with pytest.raises(UsageErrors) as raised:
        documents.load(PATH).parse(Outer)
    return [str(each).removeprefix("file.yaml:") for each in raised.value.errors]


# -- files that are refused ----------------------------------------------------------------------------

REFUSED: list[tuple[str | bytes, str]] = [
    ("a: &x 1\nb: 2", "1: anchors and aliases are not allowed; write the value out"),
    ("a: 1\nb: *x", "2: anchors and aliases are not allowed; write the value out"),
    ("a: 1\nb: &x [1]", "2: anchors and aliases are not allowed"),
    ("a: 1\nb: &x {c: 1}", "2: anchors and aliases are not allowed"),
    ("a:\n  - !mine 1", "2: the custom tag '!mine' is not allowed; write a plain value"),
    ("a: !!python/object/apply:os.system [ls]", "1: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not"),
    ("%TAG ! tag:example.com,2000:\n---\na: !x 1", "3: the custom tag 'tag:example.com,2000:x' is not allowed"),
    ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3", "5: the key 'c' appears twice; keep one of them"),
    ("a: 1\n'a': 2", "2: the key 'a' appears twice; keep one of them"),
    ("a: 1\n? [b]\n: 2", "2: a key must be plain text; quote it"),
    ("a: 1\n? {b: 1}\n: 2", "2: a key must be plain text; quote it"),
    ("a: 1\n---\nb: 2", "2: not valid YAML: but found another document"),
    ("a:\n\t- 1", "2: not valid YAML: found character that cannot start any token"),
    ("a: [1,\nb: 2", "3: not valid YAML"),
    ("a: 1\n b: 2", "2: not valid YAML: mapping values are not allowed in this context"),
    ("a: 'open", "1: not valid YAML: found unexpected end of stream"),
    ("a: 1\nb: \x07", "2: not valid YAML: a control character; remove it"),
    ("a: \x00", "1: not valid YAML: a control character; remove it"),
    (b"a: 1\nb: 2\nc: \xff\n", "3: this is not UTF-8; save the file as UTF-8"),
    ("a: ü".encode("latin-1"), "1: this is not UTF-8; save the file as UTF-8"),
    ("a: 1".encode("utf-16"), "1: this is not UTF-8; save the file as UTF-8"),
    ("a: .inf", "1: '.inf' is not a finite number; quote it, or write a number"),
    ("a: 1\nb: [.nan]", "2: '.nan' is not a finite number; quote it, or write a number"),
    (f"a: {'9' * 5000}", "1: '9999"),
    ("a: !!int x", "1: 'x' is not a value that can be read; quote it"),
    ("a: !!float x", "1: 'x' is not a value that can be read; quote it"),
    (f"a:\n  {'[' * 30}{']' * 30}", "2: nested more than 30 levels deep; flatten it"),
    ("[" * 50_000, "1: nested more than 30 levels deep; flatten it"),
    ("a: " + "{b: " * 40 + "1" + "}" * 40, "1: nested more than 30 levels deep; flatten it"),
    (b"#" * (documents.BYTES_MAX + 1), "1: the file has more than 65,536 bytes; split it"),
]


@pytest.mark.parametrize(("content", "problem"), REFUSED, ids=[each[1] for each in REFUSED])
def test_a_file_is_refused_in_one_line(content: str | bytes, problem: str) -> None:
    """What is dangerous, ambiguous or unreadable is named with its line and what to write instead."""
    assert mistake(content).startswith(problem)


def test_a_tab_is_told_to_be_spaces() -> None:
    """The commonest mistake of all has its own remedy."""
    assert mistake("a:\n\t- 1").endswith("; indent with spaces")


def test_a_message_never_carries_the_files_control_characters() -> None:
    """A file cannot write to the terminal of whoever reads what is wrong with it, nor flood it."""
    for text in ('"\\e[31mred": 1\n"\\e[31mred": 2', '"a\\nb": 1\n"a\\nb": 2', f"{'x' * 900}: 1\n{'x' * 900}: 2"):
        said = mistake(text)
        assert said.isprintable()
        assert len(said) < 600


def test_the_largest_file_is_read() -> None:
    """At the limit, neither size nor depth is refused."""
    assert data("a: 1 #" + "x" * (documents.BYTES_MAX - 6)) == {"a": 1}
    assert data("[" * 30 + "]" * 30)


# -- paths that are refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("gone.yaml", "gone.yaml: there is no such file"),
        ("gone/gone.yaml", "gone/gone.yaml: there is no such file"),
        (".", ".: this is not a regular file"),
        ("/dev/zero", "/dev/zero: this is not a regular file"),
        ("pipe", "pipe: this is not a regular file"),
        ("link", "nowhere: there is no such file"),
        ("x" * 300, "x: cannot be read: File name too long"),
    ],
)
def test_a_path_that_is_no_file_is_told(path: str, problem: str) -> None:
    """Neither a directory, a device, a pipe nor a dangling link is opened, for reading one may never end."""
    os.mkfifo("pipe")
    Path("link").symlink_to("nowhere")
    with pytest.raises(UsageError) as raised:
        documents.load(Path(path))
    said = str(raised.value)
    assert said == problem or (len(path) > 200 and said.endswith(problem.partition(": ")[2]))


def test_a_path_with_a_null_byte_is_told() -> None:
    """A name that no file can have is a mistake of the call."""
    with pytest.raises(UsageError) as raised:
        documents.load(Path("a\x00b"))
    assert str(raised.value).isprintable()


# -- values --------------------------------------------------------------------------------------------

VALUES: list[tuple[str, Any]] = [
    ("yes", "yes"), ("No", "No"), ("on", "on"), ("OFF", "OFF"), ("y", "y"), ("true", True), ("False", False),
    ("12:30", "12:30"), ("12:30:45", "12:30:45"), ("1:30.5", "1:30.5"), ("2026-03-02", "2026-03-02"),
    ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"), ("017", "017"), ("08", "08"), ("0", 0), ("-5", -5),
    ("1_000", 1000), ("0x1F", 31), ("1.5", 1.5), ("1.0e+3", 1000.0), ("~", None), ("null", None), ("", None),
    ("=", "="), ("<<", "<<"), ("'12'", "12"), ('"true"', "true"), ("!!str 5", "5"), ("|\n  two\n  lines", "two\nlines"),
    (">-\n  two\n  lines", "two lines"), ("ünï", "ünï"), ("[a, 1]", ["a", 1]), ("!!binary aGk=", "aGk="),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text for text, _ in VALUES])
def test_values_are_what_a_person_means(text: str, value: Any) -> None:
    """Times, dates, octal numbers and yes/no stay the text that was written."""
    found = data(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text() -> None:
    """A key keeps its spelling, whatever YAML would make of it."""
    assert data("1: a\nyes: b\n017: c\nnull: d\n<<: e") == {"1": "a", "yes": "b", "017": "c", "null": "d", "<<": "e"}


@pytest.mark.parametrize("text", ["", "# nothing", "---", "null"])
def test_an_empty_file_holds_nothing(text: str) -> None:
    """It is read, and as a model it is told to be a mapping."""
    assert data(text) is None
    assert mistakes(text)[0].endswith(": the file is not a mapping; write 'key: value' lines")


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    """A file from an editor that marks UTF-8 reads like any other."""
    PATH.write_bytes(b"\xef\xbb\xbfname: x\r\nratio: 1.5\r\n")
    document = documents.load(PATH)
    assert document.data == {"name": "x", "ratio": 1.5}
    assert document.line("ratio") == 2


@given(text=st.text(max_size=80) | st.text("ab:-[]{}&*!|>'\"\t\n #,?%@`~0.", max_size=40))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """No text whatever makes reading fail in another way than with a usage error of one line."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    said = ""
    try:
        documents.load(path)
    except UsageError as error:
        said = str(error)
    assert "\n" not in said


# -- mistakes against a model --------------------------------------------------------------------------


def test_five_mistakes_are_five_lines() -> None:
    """A file with five different mistakes names all of them, in order, each with its line and a remedy."""
    found = mistakes(
        "nmae: x\n"
        "ratio: half\n"
        "parts:\n"
        "  - size: 0\n"
        "  - size: 1\n"
        "    kind: medium\n"
        "    colour: red\n"
    )  # fmt: skip
    assert found == [
        "1: 'name' is missing in the file; add 'name: …'",
        "1: unknown key 'nmae'; did you mean 'name'?",
        "2: 'ratio' is wrong: input should be a valid number",
        "4: 'parts.0.size' is wrong: input should be greater than or equal to 1",
        "6: 'parts.1.kind' is wrong: input should be 'small' or 'large'",
        "7: unknown key 'colour'; write one of: kind, size",
    ]


NOT_COERCED = ["ready: yes", "ready: 1", "ready: 'true'", "ratio: '0.5'", "name: 5", "parts: [{size: '1'}]",
               "parts: [{size: 017}]", "parts: [{size: 1.0}]", "parts: [{size: true}]", "parts: {size: 1}"]  # fmt: skip


@pytest.mark.parametrize("line", NOT_COERCED)
def test_nothing_is_coerced(line: str) -> None:
    """A text is no number, a number no text, and neither is a truth value."""
    text = line if line.startswith("name") else f"name: x\n{line}"
    found = mistakes(text)
    assert len(found) == 1
    assert "is wrong: input should be a valid" in found[0] or "is wrong: it is not a list; write" in found[0]


def test_a_whole_number_is_a_number() -> None:
    """What is no coercion: an integer where a fraction may stand."""
    PATH.write_text("name: x\nratio: 1", "utf-8")
    assert documents.load(PATH).parse(Outer).ratio == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: x\nby_name:\n  a: {sizes: 1, size: 1}", "3: unknown key 'sizes'; did you mean 'size'?"),
        ("name: x\neither:\n  size: 1\n  knid: small", "4: unknown key 'knid'; did you mean 'kind'?"),
        ("name: x\neither:\n  size: 0", "3: 'either.size' is wrong: input should be greater than or equal to 1"),
        ("- name: x", "1: the file is not a mapping; write 'key: value' lines"),
        ("just text", "1: the file is not a mapping; write 'key: value' lines"),
    ],
)
def test_a_mistake_is_told_in_the_words_of_the_file(text: str, problem: str) -> None:
    """Places are those of the file, and nothing is said of alternatives that nobody meant."""
    assert mistakes(text) == [problem]


def test_endless_mistakes_are_only_counted() -> None:
    """A file that is wrong throughout names the first ones and says that there are more."""
    found = mistakes("name: x\n" + "".join(f"wrong{number}: 1\n" for number in range(100)))
    assert len(found) == documents.MISTAKES_MAX + 1
    assert found[-1] == "1: there are more mistakes than these"


def test_mistakes_do_not_hide_the_rest() -> None:
    """What can be made of a file without its wrong keys is given, so that more can be found in it."""
    PATH.write_text("name: x\nrato: 1\nparts: [{size: 2, colour: red}]", "utf-8")
    made, found = documents.load(PATH).examine(Outer)
    assert made == Outer(name="x", parts=[Inner(size=2)])
    assert len(found) == 2
    PATH.write_text("rato: 1", "utf-8")
    made, found = documents.load(PATH).examine(Outer)
    assert made is None
    assert len(found) == 2


# -- lines and words -----------------------------------------------------------------------------------


def test_every_value_has_its_line() -> None:
    """A key's line is its own, an item's that of its value, and what is not there gets the nearest around it."""
    PATH.write_text("# remark\na:\n  b:\n    - 1\n    - c: >\n        long\n        text\n      d: 2\n", "utf-8")
    document = documents.load(PATH)
    places: dict[tuple[str | int, ...], int] = {
        (): 2, ("a",): 2, ("a", "b"): 3, ("a", "b", 0): 4, ("a", "b", 1, "c"): 5, ("a", "b", 1, "d"): 8,
        ("a", "b", 1, "absent", "deeper"): 5, ("absent",): 2,
    }  # fmt: skip
    assert {place: document.line(*place) for place in places} == places


def test_a_file_is_called_as_a_person_would_type_it(tmp_path: Path) -> None:
    """Below the working directory by its relative path, elsewhere as it was given."""
    assert documents.display(tmp_path / "a" / "b.yaml") == "a/b.yaml"
    assert documents.display(Path("a/../b.yaml")) == "b.yaml"
    assert documents.display(Path("/etc/x.yaml")) == "/etc/x.yaml"


def test_a_suggestion_is_near_or_names_what_there_is() -> None:
    """A slip is put right, a guess gets the list, and where there is nothing, nothing is said."""
    assert documents.closest("trnasfer", ["transfer", "pay"]) == "did you mean 'transfer'?"
    assert documents.closest("zzz", ["transfer", "pay"]) == "write one of: pay, transfer"
    assert documents.closest("zzz", []) == ""


def test_the_slow_parser_reads_and_refuses_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML was built without libyaml, values and refusals are the same but for the parser's own words."""
    monkeypatch.setattr(documents, "_Loader", documents.yaml.SafeLoader)
    for text, value in VALUES:
        assert data(f"a: {text}")["a"] == value
    for content, problem in REFUSED:
        said = mistake(content)
        assert "not valid YAML" in said if "not valid YAML" in problem else said.startswith(problem), content


TEXTS = st.text("ab:#-'\" \n0x1é$%@`[]{},", max_size=9)
DATA = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=12,
)


@given(DATA)
def test_what_is_dumped_is_loaded_again(data: Any) -> None:
    """Any data comes back as it was, whatever its texts look like to YAML."""
    PATH.write_text(documents.dumped({"data": data}), "utf-8")
    assert documents.load(PATH).data == {"data": data}


def test_what_comes_twice_is_written_twice() -> None:
    """The loader takes no aliases, so none are dumped."""
    twice = ["one", "two"]
    assert "&" not in documents.dumped({"a": twice, "b": twice})
