"""What tools promise to answer: shapes declared as types, read as JSON Schema and as a check of a body.

Invariant: a declared shape is closed and strict: a field that is not declared, or a number told as text, does not fit.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar

import pydantic
from pydantic import Field
from typing_extensions import TypedDict

from agentbench.errors import UsageError

Item = TypeVar("Item")

DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
INSTANT = DATE[:-1] + r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"

Date = Annotated[str, Field(pattern=DATE, json_schema_extra={"format": "date"})]
Instant = Annotated[str, Field(pattern=INSTANT, json_schema_extra={"format": "date-time"})]
Month = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]

# What says nothing of a body is no declaration.
_OPEN: tuple[Mapping[str, Any], ...] = (
    {},
    {"type": "object"},
    {"type": "object", "additionalProperties": True},
    {"type": "array", "items": {}},
)
_NAMED = {"properties", "$defs"}  # what is in them has names that somebody chose
_CODE = re.compile(r"[a-z][a-z0-9_]*")


class Page(TypedDict, Generic[Item]):
    """A page of a list: `next_cursor` asks for the next one, None on the last; `total` counts all items."""

    items: list[Item]
    next_cursor: str | None
    total: Annotated[int, Field(ge=0)]


class Answer:
    """What a tool's return annotation promises; worked out when it is first asked for.

    `schema` and `problem` raise `UsageError` for an annotation that pydantic refuses.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._annotation = inspect.signature(function, eval_str=True).return_annotation
        self._tool = function.__name__
        self._where = f"{inspect.getfile(function)}:{function.__code__.co_firstlineno}"

    @cached_property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON Schema of the body of a success; None when the annotation says nothing (`Any`, `dict[str, Any]`)."""
        if self._model is None:
            return None
        found = _untitled(self._model.model_json_schema())
        body: dict[str, Any] = found["properties"]["body"]
        if body in _OPEN:
            return None
        return body | ({"$defs": found["$defs"]} if "$defs" in found else {})

    def problem(self, body: Any) -> str:
        """Why a body is not what was promised, as `field: reason`; '' when it is, or when nothing was promised."""
        if self.schema is None or self._model is None:
            return ""
        try:
            self._model.model_validate({"body": body})
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"][1:])
            return f"{place}: {first['msg']}" if place else str(first["msg"])
        return ""

    @cached_property
    def _model(self) -> type[pydantic.BaseModel] | None:
        # Around the annotation, for a typed dictionary inside takes over its strictness and names need none.
        config = pydantic.ConfigDict(extra="forbid", strict=True)
        try:
            made: type[pydantic.BaseModel] = pydantic.create_model(
                "Answer", __config__=config, body=(self._annotation, ...)
            )
        except pydantic.errors.PydanticSchemaGenerationError:  # a class that pydantic knows nothing of
            return None
        except pydantic.errors.PydanticUserError as error:
            raise UsageError(f"the return type of '{self._tool}' cannot be read: {error.message}", where=self._where,
                             remedy="import TypedDict from typing_extensions") from None  # fmt: skip
        return made


def error_problem(body: Any) -> str:
    """Why a body is not `{"error": {"code", "message", …details}}`, as every environment tells errors; '' if it is."""
    error = body.get("error") if isinstance(body, Mapping) and list(body) == ["error"] else None
    if not isinstance(error, Mapping):
        return "not of the shape {'error': {'code', 'message'}}"
    if not isinstance(error.get("code"), str) or not _CODE.fullmatch(error["code"]):
        return "error.code: not a word such as 'not_found'"
    if not isinstance(error.get("message"), str) or not error["message"]:
        return "error.message: not a text"
    return ""


def _untitled(schema: Any) -> Any:
    """A JSON Schema without pydantic's titles; a property that is named `title` stays."""
    if isinstance(schema, list):
        return [_untitled(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: _untitled(each) for key, each in part.items()}
        if name in {"properties", "$defs"}
        else _untitled(part)
        for name, part in schema.items()
        if not (name == "title" and isinstance(part, str))
    }
