"""Strict YAML: every mistake in a file a person wrote becomes `file:line`, what is wrong, what to write instead."""

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml

from agentbench.errors import UsageError, UsageErrors

BYTES_MAX = 64 * 1024  # six times the longest scenario; the worst of this size is told within a second
DEPTH_MAX = 30
MISTAKES_MAX = 30  # more than these are only counted
_SHOWN_MAX = 200  # characters of a file's own text in a message
# libyaml's parser is some ten times as fast; both give the same nodes.
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAB = re.compile(r" *\t")
_OCTAL = re.compile(r"[-+]?0[0-9_]+")

_NOT_A_KEY = {"missing", "value_error", "assertion_error"}  # nothing can be left out to put these right
# What pydantic says of a mapping where one member of a union is text.
_OTHER_SHAPE = {"string_type", "literal_error", "int_type", "float_type", "bool_type"}

_IN_WORDS = {
    "model_type": ("it is not a mapping", "write 'key: value' lines below it"),
    "dict_type": ("it is not a mapping", "write 'key: value' lines below it"),
    "list_type": ("it is not a list", "write lines that begin with '- ' below it"),
    "too_short": ("the list is empty", "write at least one item"),
}

Model = TypeVar("Model", bound=pydantic.BaseModel)
Lines = dict[tuple[str | int, ...], int]


class Strict(pydantic.BaseModel):
    """Base of everything that is read from YAML: unknown keys are mistakes, values are not coerced."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Document:
    """A parsed file: its `data`, its source text, and the line of every value."""

    def __init__(self, path: Path, text: str, data: Any, lines: Lines) -> None:
        self.path = path
        self.text = text
        self.data = data
        self.lines = lines

    def line(self, *location: str | int) -> int:
        """The line of the value at a location, or of the nearest enclosing one that has a line."""
        for length in range(len(location), -1, -1):
            if location[:length] in self.lines:
                return self.lines[location[:length]]
        return 1

    def error(self, problem: str, *location: str | int, remedy: str = "") -> UsageError:
        """A usage error that points at a place in this file."""
        return UsageError(shown(problem), where=f"{shown(display(self.path))}:{self.line(*location)}",
                          remedy=shown(remedy))  # fmt: skip

    def parse(self, model: type[Model]) -> Model:
        """The data as a model; raises `UsageErrors` that name every mistake with its line."""
        made, mistakes = self.examine(model)
        if made is None or mistakes:
            raise UsageErrors(mistakes)
        return made

    def examine(self, model: type[Model]) -> tuple[Model | None, list[UsageError]]:
        """Every mistake, and the model of what is left without the wrong keys, in which more mistakes may be found.

        The model is None when nothing can be made of the rest.
        """
        if not isinstance(self.data, Mapping):
            return None, [self.error("the file is not a mapping", remedy="write 'key: value' lines")]
        try:
            return model.model_validate(self.data), []
        except pydantic.ValidationError as error:
            items = _relevant(self.data, error)
        rest = _without(self.data, {location for item, location in items if item["type"] not in _NOT_A_KEY})
        mistakes = _explain(self, model, items)
        try:
            return model.model_validate(rest), mistakes
        except pydantic.ValidationError:
            return None, mistakes


def load(path: Path) -> Document:
    """Read one YAML file under the limits; raises `UsageError` with `file:line`.

    Refused: more than 64 KiB, more than 30 levels, not UTF-8, not a regular file, anchors and aliases,
    custom tags, duplicate keys, several documents.
    """
    place = shown(display(path))
    raw = _bytes(path, place)
    if len(raw) > BYTES_MAX:
        raise UsageError(f"the file has more than {BYTES_MAX:,} bytes", where=f"{place}:1", remedy="split it")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError("this is not UTF-8", where=f"{place}:{line}", remedy="save the file as UTF-8") from None
    lines: Lines = {}
    try:
        data = _Reader(text, place, lines).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = (error.problem or error.context or "not valid YAML").replace("\n", " ")
        number = mark.line if mark else 0
        remedy = "indent with spaces" if _TAB.match([*text.splitlines(), ""][number]) else ""
        where = f"{place}:{number + 1}"
        raise UsageError(f"not valid YAML: {shown(problem)}", where=where, remedy=remedy) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1 if isinstance(error.position, int) else 1
        raise UsageError("not valid YAML: a control character", where=f"{place}:{line}", remedy="remove it") from None
    except (yaml.YAMLError, RecursionError) as error:
        problem = str(error).partition("\n")[0]
        raise UsageError(f"not valid YAML: {shown(problem)}", where=f"{place}:1") from None
    return Document(path, text, data, lines)


def _bytes(path: Path, place: str) -> bytes:
    """At most a byte more than allowed; a device is not opened, for reading one may wait or never end."""
    try:
        if not path.is_file():
            raise UsageError("this is not a regular file" if path.exists() else "there is no such file", where=place)
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot be read: {reason}", where=place) from None


def shown(text: str) -> str:
    """A file's own text as it may stand in a message: one line, no control characters, not endless."""
    cut = text if len(text) <= _SHOWN_MAX * 2 else f"{text[:_SHOWN_MAX]} … {text[-_SHOWN_MAX:]}"
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in cut)


def display(path: Path) -> str:
    """A path as a person would type it: relative to the working directory where that is shorter."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError, RuntimeError):  # elsewhere, or a name that cannot be a file's
        return str(path)


def closest(word: str, known: Sequence[str]) -> str:
    """`did you mean 'x'?`, or the list of what there is."""
    near = difflib.get_close_matches(word[:_SHOWN_MAX], known, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"write one of: {', '.join(sorted(known))}" if known else ""


def dumped(data: Any) -> str:
    """JSON-able data as YAML that `load` gives back, as a person would: no aliases, short leaves in a line."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None))


class _Dumper(yaml.SafeDumper):
    """Writes out what comes twice, and texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


class _Reader:
    """Composes the node tree and converts it, so that every value keeps its line and limits hold early."""

    def __init__(self, text: str, place: str, lines: Lines) -> None:
        self.text = text
        self.place = place
        self.lines = lines
        self.constructor = yaml.SafeLoader("")

    def read(self) -> Any:
        depth = 0
        for event in yaml.parse(self.text, Loader=_Loader):
            self._refuse(event)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH_MAX:
                raise self._error(event, f"nested more than {DEPTH_MAX} levels deep", "flatten it")
        node = yaml.compose(self.text, Loader=_Loader)
        return None if node is None else self._value(node, ())

    def _refuse(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._error(event, "anchors and aliases are not allowed", "write the value out")
        tag = getattr(event, "tag", None)
        if tag and not tag.startswith("tag:yaml.org,2002:") and tag != "!":
            raise self._error(event, f"the custom tag '{tag}' is not allowed", "write a plain value")
        if tag and tag.startswith("tag:yaml.org,2002:python"):
            raise self._error(event, f"the tag '{tag}' is not allowed", "write a plain value")

    def _value(self, node: yaml.Node, location: tuple[str | int, ...]) -> Any:
        self.lines[location] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*location, index)) for index, child in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, location: tuple[str | int, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key must be plain text", "quote it")
            key = str(key_node.value)
            if key in found:
                raise self._error(key_node, f"the key '{key}' appears twice", "keep one of them")
            found[key] = self._value(value_node, (*location, key))
            self.lines[(*location, key)] = key_node.start_mark.line + 1
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        # 12:30 as a base-60 number, 017 as an octal one, dates, yes/no as booleans and '=' as a mystery surprise
        # people; keep such scalars as text.
        text = str(node.value)
        kind = node.tag.rpartition(":")[2]
        if kind in {"timestamp", "binary", "value", "merge"}:
            return text
        if kind in {"int", "float"} and (":" in text or _OCTAL.fullmatch(text)):
            return text
        if kind == "bool" and text.lower() not in {"true", "false"}:
            return text
        try:
            value = self.constructor.construct_object(node)
        except (ValueError, OverflowError):
            raise self._error(node, f"'{text}' is not a value that can be read", "quote it") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise self._error(node, f"'{text}' is not a finite number", "quote it, or write a number")
        return value

    def _error(self, place: Any, problem: str, remedy: str) -> UsageError:
        return UsageError(shown(problem), where=f"{self.place}:{place.start_mark.line + 1}", remedy=remedy)


def _relevant(data: Any, error: pydantic.ValidationError) -> list[tuple[Any, tuple[str | int, ...]]]:
    """What pydantic found, each with its place in the file, without what it says of union members nobody meant."""
    items = [(item, _data_location(data, item["loc"])) for item in error.errors(include_url=False)]
    told = {location for item, location in items if item["type"] not in _OTHER_SHAPE | {"model_type"}}
    plain = {location for item, location in items if item["type"] == "literal_error"}
    deeper = told | {location[:length] for _, location in items for length in range(len(location))}
    return [
        (item, location)
        for item, location in items
        if not (item["type"] in _OTHER_SHAPE and location in deeper and _is_open(data, location))
        and not (item["type"] == "model_type" and location in plain)
    ]


def _explain(
    document: Document, model: type[pydantic.BaseModel], items: Sequence[tuple[Any, tuple[str | int, ...]]]
) -> list[UsageError]:
    found: dict[tuple[str, str], UsageError] = {}
    for item, location in items:
        if len(found) >= MISTAKES_MAX:
            break
        problem, remedy = _plain_words(document, model, item, location)
        made = document.error(problem, *location, remedy=remedy)
        found.setdefault((made.where, problem), made)
    mistakes = sorted(found.values(), key=lambda made: int(made.where.rpartition(":")[2]))
    if len(mistakes) >= MISTAKES_MAX and len(items) > MISTAKES_MAX:
        mistakes.append(document.error("there are more mistakes than these"))
    return mistakes


def _is_open(data: Any, location: tuple[str | int, ...]) -> bool:
    """Whether there is a mapping or a list at a place."""
    for part in location:
        data = data[part]
    return isinstance(data, Mapping | list)


def _without(data: Any, places: set[tuple[str | int, ...]]) -> Any:
    """A copy without the keys that stand at some places; items of lists stay, so that lines keep their numbers."""
    gone = {place for place in places if place and isinstance(place[-1], str)}

    def copied(value: Any, *here: str | int) -> Any:
        if isinstance(value, Mapping):
            return {key: copied(item, *here, key) for key, item in value.items() if (*here, key) not in gone}
        if isinstance(value, list):
            return [copied(item, *here, index) for index, item in enumerate(value)]
        return value

    return copied(data)


def _data_location(data: Any, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Pydantic's location without the names of union members, which are not in the file."""
    place: list[str | int] = []
    for part in loc:
        inside = part in data if isinstance(data, Mapping) else False
        if isinstance(data, list) and isinstance(part, int):
            inside = part < len(data)
        if inside:
            data = data[part]
            place.append(part)
    return tuple(place)


def _plain_words(
    document: Document, model: type[pydantic.BaseModel], item: Any, location: tuple[str | int, ...]
) -> tuple[str, str]:
    kind = item["type"]
    name = ".".join(str(part) for part in location) or "the file"
    if kind == "extra_forbidden":
        known = _known_keys(model, item["loc"])
        return f"unknown key '{item['loc'][-1]}'", closest(str(item["loc"][-1]), known)
    if kind == "missing":
        return f"'{item['loc'][-1]}' is missing in {name}", f"add '{item['loc'][-1]}: …'"
    if kind in _IN_WORDS:
        return f"'{name}' is wrong: {_IN_WORDS[kind][0]}", _IN_WORDS[kind][1]
    message = re.sub(r"^(Value|Assertion) error, ", "", item["msg"])
    problem, _, remedy = message.partition("; ")
    if kind in {"value_error", "assertion_error"}:
        return problem, remedy
    return f"'{name}' is wrong: {problem[:1].lower()}{problem[1:]}", remedy


@cache
def _schema(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _known_keys(model: type[pydantic.BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The keys allowed where an unknown one was found, by walking the JSON Schema of the model."""
    schema = _schema(model)
    definitions = schema.get("$defs", {})
    names: set[str] = set()

    def walk(node: Any, rest: tuple[str | int, ...]) -> None:
        if "$ref" in node:
            node = definitions[node["$ref"].rpartition("/")[2]]
        for option in (*node.get("anyOf", ()), *node.get("oneOf", ())):
            walk(option, rest)
        if not rest:
            names.update(node.get("properties", {}))
        elif isinstance(rest[0], int) and "items" in node:
            walk(node["items"], rest[1:])
        elif rest[0] in node.get("properties", {}):
            walk(node["properties"][rest[0]], rest[1:])
        elif isinstance(node.get("additionalProperties"), Mapping):
            walk(node["additionalProperties"], rest[1:])
        elif node.get("patternProperties"):
            for inner in node["patternProperties"].values():
                walk(inner, rest[1:])
        elif "properties" in node or "items" in node:
            walk(node, rest[1:])  # the name of a union's member, which is not in the schema's path

    walk(schema, loc[:-1])
    return sorted(names)
