"""Strict marshmallow schemas, and the JSON Schema of the same declarations.

A declaration is that of `acl/README.md`, with `nullable`: null is a value, which clears the field. Where the
RPC takes "5" for 5 this API does not, JSON has types. A query has none: texts are read as what is declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from service.dialects.rest.errors import ApiError, invalid, invalid_query
from service.dialects.rest.times import wire_time
from service.schema import CONTROL, CONTROL_BUT_LAYOUT, check_tree, normal_email

Declaration = Mapping[str, Any]

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
HUGE = 10**18


def _fail(constraint: str, sentence: str) -> ValidationError:
    return ValidationError([(constraint, sentence)])


class Text(fields.Field[str]):
    """A string; white space around it is cut."""

    forbidden = CONTROL_BUT_LAYOUT

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise _fail("type", "must be a string")
        if self.forbidden.search(value):
            raise _fail("characters", "contains a control character")
        return value.strip()


class Line(Text):
    """A string without line breaks."""

    forbidden = CONTROL


class Email(Line):
    """An e-mail address, lower case."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        found = normal_email(super()._deserialize(value, attr, data, **kwargs))
        if found is None:
            raise _fail("email", "is not an e-mail address")
        return found


class Time(Line):
    """A moment with its time zone; loads as the same in UTC, to the millisecond."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            found = datetime.fromisoformat(text)
            if found.tzinfo is None or "T" not in text.upper():
                raise ValueError
            return wire_time(found)
        except (ValueError, OverflowError):
            raise _fail("date_time", "is not a time as 2026-02-16T10:30:00.123Z") from None


class Secret(fields.Field[str]):
    """A password or token: taken as it is."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise _fail("type", "must be a string")
        return value.encode("utf-8", "replace").decode()


class Boolean(fields.Field[bool]):
    """true or false."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise _fail("type", "must be true or false")
        return value


class Integer(fields.Field[int]):
    """A whole number."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _fail("type", "must be a whole number")
        return value


class Array(fields.Field[list[Any]]):
    """A list of entries of one kind."""

    def __init__(self, inner: fields.Field[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise _fail("type", "must be an array")
        found = []
        for index, item in enumerate(value):
            try:
                found.append(self.inner.deserialize(item))
            except ValidationError as exc:
                raise ValidationError({index: exc.messages}) from None
        return found


class Object(fields.Field[dict[str, Any]]):
    """An object, of declared properties or of any."""

    def __init__(self, inner: Schema | None, max_bytes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner
        self.max_bytes = max_bytes

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _fail("type", "must be an object")
        if self.inner is not None:
            loaded: dict[str, Any] = self.inner.load(value)
            return loaded
        try:
            check_tree(value)
        except ValidationError as exc:
            raise _fail("content", str(exc.messages[0])) from None
        if len(orjson.dumps(value)) > self.max_bytes:
            raise _fail("max_bytes", f"is larger than {self.max_bytes} bytes")
        return value


STRINGS: dict[str, type[fields.Field[str]]] = {
    "email": Email,
    "secret": Secret,
    "text": Text,
    "date-time": Time,
}


class _Base(Schema):
    class Meta:
        """What is not known is ignored: clients send the whole record back."""

        unknown = EXCLUDE


def build_schema(params: Mapping[str, Declaration]) -> Schema:
    """The schema of some declared fields."""
    schema: type[Schema] = _Base.from_dict({name: build_field(p) for name, p in params.items()})
    return schema()


def build_field(declaration: Declaration) -> fields.Field[Any]:
    """The field of one declaration."""
    nullable = declaration.get("nullable", False)
    options: dict[str, Any] = {
        "required": bool(declaration.get("required")),
        "allow_none": nullable,
        "error_messages": {
            "required": [("required", "is required")],
            "null": [("type", "must not be null")],
        },
        "validate": _rules(declaration),
    }
    if "default" in declaration:
        options["load_default"] = declaration["default"]
    kind = declaration["type"]
    if kind == "array":
        return Array(build_field(declaration["items"]), **options)
    if kind == "object":
        properties = declaration.get("properties")
        inner = build_schema(properties) if properties else None
        return Object(inner, declaration.get("maxBytes", 65_536), **options)
    if kind == "string":
        return STRINGS.get(declaration.get("format", ""), Line)(**options)
    return Boolean(**options) if kind == "boolean" else Integer(**options)


RULES: tuple[tuple[str, str, str, Callable[[Any, Any], Any]], ...] = (
    ("enum", "enum", "must be one of {}", lambda value, allowed: value in allowed),
    ("minLength", "min_length", "is shorter than {} characters", lambda value, least: len(value) >= least),
    ("maxLength", "max_length", "is longer than {} characters", lambda value, most: len(value) <= most),
    ("pattern", "pattern", "must match {}", lambda value, form: re.search(form, value)),
    ("minItems", "min_items", "has less than {} entries", lambda value, few: len(value) >= few),
    ("maxItems", "max_items", "has more than {} entries", lambda value, many: len(value) <= many),
    ("min", "min", "must be at least {}", lambda value, low: value >= low),
    ("max", "max", "must be at most {}", lambda value, high: value <= high),
)
"""(key of a declaration, what it is called when it is broken, what is said then, whether a value keeps it)"""


class _Rule(validate.Validator):
    def __init__(self, constraint: str, sentence: str, keeps: Callable[[Any, Any], Any], bound: Any) -> None:
        self.constraint, self.sentence, self.keeps, self.bound = constraint, sentence, keeps, bound

    def __call__(self, value: Any) -> Any:
        if not self.keeps(value, self.bound):
            raise _fail(self.constraint, self.sentence)
        return value


def _rules(declaration: Declaration) -> list[_Rule]:
    found = []
    for key, constraint, sentence, keeps in RULES:
        if key in declaration:
            bound = declaration[key]
            shown = ", ".join(bound) if key == "enum" else bound
            found.append(_Rule(constraint, sentence.format(shown), keeps, bound))
    return found


def load_body(schema: Schema, given: Any) -> dict[str, Any]:
    """A validated body; VALIDATION_ERROR names the first field that is no good, and the rule it breaks."""
    if not isinstance(given, dict):
        raise ApiError(
            "VALIDATION_ERROR", "The body must be a JSON object", {"field": "", "constraint": "type"}
        )
    try:
        loaded: dict[str, Any] = schema.load(given)
    except ValidationError as exc:
        raise invalid(*_first(exc.messages_dict)) from None
    return loaded


FREE = build_schema({"custom_fields": {"type": "object", "maxBytes": 65_535}})


def check_free(given: Any) -> dict[str, Any]:
    """A body that is any object: those custom fields that it names."""
    found: dict[str, Any] = load_body(FREE, {"custom_fields": given})["custom_fields"]
    return found


def load_query(
    schema: Schema, params: Mapping[str, Declaration], given: Mapping[str, list[str]]
) -> dict[str, Any]:
    """A validated query; INVALID_QUERY names what cannot be used. Of a name given twice the last one counts,
    unless a list is declared."""
    read = {name: _from_text(params[name], texts) for name, texts in given.items() if name in params}
    try:
        loaded: dict[str, Any] = schema.load(read)
    except ValidationError as exc:
        raise invalid_query(*_first(exc.messages_dict)) from None
    return loaded


def _from_text(declaration: Declaration, texts: list[str]) -> Any:
    kind, text = declaration["type"], texts[-1].strip()
    if kind == "array":
        return texts
    if kind == "integer" and WHOLE_NUMBER.fullmatch(text):
        return _whole(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    return texts[-1]


def _whole(text: str) -> int:
    """The number, or HUGE for one with more digits: it is beyond every limit as well."""
    digits = text.lstrip("+-0")
    number = int(digits or "0") if len(digits) < len(str(HUGE)) else HUGE
    return -number if text.startswith("-") else number


def _first(messages: Mapping[Any, Any]) -> tuple[str, str, str]:
    """(path, constraint, sentence) of the first problem."""
    path, detail = next(iter(messages.items()))
    while isinstance(detail, Mapping):
        key, detail = next(iter(detail.items()))
        path += f"[{key}]" if isinstance(key, int) else f".{key}"
    constraint, sentence = detail[0]
    return path, constraint, sentence


def json_schema(declaration: Declaration) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one declaration."""
    found: dict[str, Any] = {"type": declaration["type"]}
    if "doc" in declaration:
        found["description"] = declaration["doc"]
    for name in ("enum", "pattern", "minLength", "maxLength", "minItems", "maxItems", "default"):
        if name in declaration:
            found[name] = declaration[name]
    for name, word in (("min", "minimum"), ("max", "maximum")):
        if name in declaration:
            found[word] = declaration[name]
    if "example" in declaration:
        found["examples"] = [declaration["example"]]
    kind, form = declaration["type"], declaration.get("format")
    if form in {"email", "date-time", "uuid", "binary"}:
        found["format"] = form
    elif kind == "string" and not {"enum", "pattern"} & declaration.keys() and form != "secret":
        controls = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f" if form == "text" else r"\x00-\x1f\x7f"
        found["pattern"] = f"^[^{controls}]*$"
    if kind == "array":
        found["items"] = json_schema(declaration["items"])
    if "properties" in declaration:
        found |= object_schema(declaration["properties"])
    if declaration.get("nullable"):
        found["type"] = [kind, "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    return found


def object_schema(params: Mapping[str, Declaration]) -> dict[str, Any]:
    """The JSON Schema of an object of declared fields."""
    found: dict[str, Any] = {
        "type": "object",
        "properties": {name: json_schema(p) for name, p in params.items()},
    }
    required = [name for name, p in params.items() if p.get("required")]
    return {**found, "required": required} if required else found
