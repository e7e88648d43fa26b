"""Strict YAML: every mistake in a file a person wrote becomes `file:line`, what is wrong, what to write instead."""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml

from agentbench.errors import UsageError, UsageErrors

BYTES_MAX = 256 * 1024
DEPTH_MAX = 30

Model = TypeVar("Model", bound=pydantic.BaseModel)
Lines = dict[tuple[str | int, ...], int]


class Strict(pydantic.BaseModel):
    """Base of everything that is read from YAML: unknown keys are mistakes, values are not coerced."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


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
        return UsageError(problem, where=f"{display(self.path)}:{self.line(*location)}", remedy=remedy)

    def parse(self, model: type[Model]) -> Model:
        """The data as a model; raises `UsageErrors` that name every mistake with its line."""
        if not isinstance(self.data, Mapping):
            raise self.error("the file is not a mapping", remedy="write 'key: value' lines")
        try:
            return model.model_validate(self.data)
        except pydantic.ValidationError as error:
            raise UsageErrors(_explain(self, model, error)) from None


def load(path: Path) -> Document:
    """Read one YAML file under the limits; raises `UsageError` with `file:line`.

    Refused: more than 256 KiB, more than 30 levels, not UTF-8, not a regular file, anchors and aliases,
    custom tags, duplicate keys, several documents.
    """
    shown = display(path)
    if not path.is_file():
        raise UsageError("there is no such file" if not path.exists() else "this is not a regular file", where=shown)
    raw = path.read_bytes()
    if len(raw) > BYTES_MAX:
        raise UsageError(
            f"the file has {len(raw):,} bytes, more than {BYTES_MAX:,}", where=f"{shown}:1", remedy="split it"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError("this is not UTF-8", where=f"{shown}:{line}", remedy="save the file as UTF-8") from None
    lines: Lines = {}
    try:
        data = _Reader(text, shown, lines).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = (error.problem or error.context or "not valid YAML").replace("\n", " ")
        raise UsageError(f"not valid YAML: {problem}", where=f"{shown}:{mark.line + 1 if mark else 1}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"not valid YAML: {str(error).splitlines()[0]}", where=f"{shown}:1") from None
    return Document(path, text, data, lines)


def display(path: Path) -> str:
    """A path as a person would type it: relative to the working directory where that is shorter."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def closest(word: str, known: Sequence[str]) -> str:
    """`did you mean 'x'?`, or the list of what there is."""
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"write one of: {', '.join(sorted(known))}" if known else ""


class _Reader:
    """Composes the node tree and converts it, so that every value keeps its line and limits hold early."""

    def __init__(self, text: str, shown: str, lines: Lines) -> None:
        self.text = text
        self.shown = shown
        self.lines = lines
        self.constructor = yaml.SafeLoader("")

    def read(self) -> Any:
        depth = 0
        for event in yaml.parse(self.text, Loader=yaml.SafeLoader):
            self._refuse(event)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH_MAX:
                raise self._error(event, f"nested more than {DEPTH_MAX} levels deep", "flatten it")
        node = yaml.compose(self.text, Loader=yaml.SafeLoader)
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
        # 12:30 as a base-60 number, dates and yes/no as booleans surprise people; keep such scalars as text.
        if node.tag.endswith((":timestamp", ":binary")) or (
            node.tag.endswith((":int", ":float")) and ":" in str(node.value)
        ):
            return str(node.value)
        if node.tag.endswith(":bool") and str(node.value).lower() not in {"true", "false"}:
            return str(node.value)
        try:
            return self.constructor.construct_object(node)
        except (ValueError, OverflowError):
            raise self._error(node, f"'{node.value}' is not a value that can be read", "quote it") from None

    def _error(self, place: Any, problem: str, remedy: str) -> UsageError:
        return UsageError(problem, where=f"{self.shown}:{place.start_mark.line + 1}", remedy=remedy)


def _explain(document: Document, model: type[pydantic.BaseModel], error: pydantic.ValidationError) -> list[UsageError]:
    found: dict[tuple[str, str], UsageError] = {}
    for item in error.errors(include_url=False):
        location = _data_location(document.data, item["loc"])
        problem, remedy = _plain_words(document, model, item, location)
        made = document.error(problem, *location, remedy=remedy)
        found.setdefault((made.where, problem), made)
    return sorted(found.values(), key=lambda made: int(made.where.rpartition(":")[2]))


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
    message = re.sub(r"^(Value|Assertion) error, ", "", item["msg"])
    problem, _, remedy = message.partition("; ")
    if kind in {"value_error", "assertion_error"}:
        return problem, remedy
    return f"'{name}' is wrong: {problem[:1].lower()}{problem[1:]}", remedy


def _known_keys(model: type[pydantic.BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The keys allowed where an unknown one was found, by walking the JSON Schema of the model."""
    schema = model.model_json_schema()
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
        elif len(rest) > 1 and ("properties" in node or "items" in node):
            walk(node, rest[1:])  # the name of a union's member, which is not in the schema's path

    walk(schema, loc[:-1])
    return sorted(names)
