"""marshmallow schemas built from the `params` of a declaration.

The forgiving part is what the frontend needs (contract 1.2-1.4): numbers, flags and JSON may arrive as text,
names that are not declared are ignored, and `undefined`, `null` and "" are absent. Everything else is refused
with the name of the parameter and the reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import orjson
from email_validator import EmailNotValidError, validate_email
from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

from service.errors import RequestError, invalid_param, missing_param
from service.ids import from_uuid

ID = re.compile(r"[0-9A-Za-z_.*-]{1,64}")
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
CONTROL_BUT_LAYOUT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
MAX_DEPTH = 12
MISSING = "is required"
FALSE_TEXTS = {"0", "false", "no", "off"}
TRUE_TEXTS = {"1", "true", "yes", "on"}

Declaration = Mapping[str, Any]


def normal_email(text: str) -> str | None:
    """An email address as it is stored, or None when the text is none."""
    try:
        # test_environment admits the domain .test, which installations use for their trials
        found = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return found.normalized.lower()


class Line(fields.Field[str]):
    """A string without control characters; numbers become their text, white space around is cut."""

    forbidden = CONTROL

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValidationError("must be a string")
        text = str(value).strip()
        if self.forbidden.search(text):
            raise ValidationError("contains a control character")
        return text


class Text(Line):
    """A string of several lines."""

    forbidden = CONTROL_BUT_LAYOUT


class Id(Line):
    """An opaque id; one of ours may come as the UUID that the REST API shows."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        # "" got here because it clears the field
        if text and not ID.fullmatch(text):
            raise ValidationError("is not an id (1 to 64 of 0-9 A-Z a-z _ . * -)")
        return from_uuid(text) or text


class Email(Line):
    """An email address, lower case."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        found = normal_email(super()._deserialize(value, attr, data, **kwargs))
        if found is None:
            raise ValidationError("is not an email address")
        return found


class Flag(fields.Field[str]):
    """0 or 1, in any of the ways clients write it; loads as "0" or "1"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = str(value).lower() if isinstance(value, bool | int | str) else ""
        if text in TRUE_TEXTS:
            return "1"
        if text in FALSE_TEXTS:
            return "0"
        raise ValidationError("must be 0 or 1")


class Secret(fields.Field[str]):
    """A password: taken as it is."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("must be a string")
        return value.encode("utf-8", "replace").decode()


class Integer(fields.Field[int]):
    """A whole number or its text; never a boolean, which Python counts as a number."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        # int() would also take "1_000" and digits of other scripts
        if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value.strip()):
            return int(value)
        raise ValidationError("must be a whole number")


class Number(fields.Field[float]):
    """A finite number or its text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        try:
            found = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            found = math.nan
        if not math.isfinite(found):
            raise ValidationError("must be a number")
        return found


class Json(fields.Field[Any]):
    """An object or array, or its JSON text, of bounded size and depth."""

    def __init__(self, kind: type, max_bytes: int, inner: fields.Field[Any] | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.max_bytes = max_bytes
        self.inner = inner

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        word = "an array" if self.kind is list else "an object"
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except ValueError:
                raise ValidationError(f"must be {word}") from None
        if not isinstance(value, self.kind):
            raise ValidationError(f"must be {word}")
        check_tree(value)
        if len(orjson.dumps(value)) > self.max_bytes:
            raise ValidationError(f"is larger than {self.max_bytes} bytes")
        return self.inner.deserialize(value, attr, data) if self.inner else value


def check_tree(value: Any) -> None:
    """Refuse what MariaDB cannot store as JSON: NUL, surrogates, numbers beyond 64 bits, deep nesting."""
    level = [value]
    for _ in range(MAX_DEPTH):
        following: list[Any] = []
        for item in level:
            _check_leaf(item)
            if isinstance(item, dict):
                following.extend(item)
                following.extend(item.values())
            elif isinstance(item, list):
                following.extend(item)
        if not following:
            return
        level = following
    raise ValidationError(f"is nested deeper than {MAX_DEPTH} levels")


def _check_leaf(item: Any) -> None:
    if isinstance(item, str) and CONTROL_BUT_LAYOUT.search(item):
        raise ValidationError("contains a control character")
    if isinstance(item, int) and abs(item) >= 2**63:
        raise ValidationError("contains a number beyond 64 bits")


FORMATS: dict[str, type[fields.Field[str]]] = {
    "id": Id,
    "email": Email,
    "flag": Flag,
    "secret": Secret,
    "text": Text,
}


SIMPLE_TYPES: dict[str, type[fields.Field[Any]]] = {
    "integer": Integer,
    "number": Number,
    "boolean": Flag,
}


class _Base(Schema):
    declarations: ClassVar[Mapping[str, Declaration]] = {}

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def leave_out_what_is_absent(self, data: Any, **_: Any) -> Any:
        """`undefined`, `null` and "" are absent, also inside lists and objects."""
        if not isinstance(data, Mapping):
            return data
        return {
            name: data[name]
            for name, declaration in self.declarations.items()
            if name in data and not _absent(data[name], declaration)
        }


def build_schema(params: Mapping[str, Declaration]) -> Schema:
    """The schema of some declared parameters."""
    built: type[Schema] = _Base.from_dict({name: build_field(p) for name, p in params.items()})
    schema: Schema = type("Params", (built,), {"declarations": params})()
    return schema


def build_field(declaration: Declaration) -> fields.Field[Any]:
    """The field of one declared parameter."""
    options: dict[str, Any] = {
        "required": bool(declaration.get("required")),
        "error_messages": {"required": MISSING, "null": MISSING},
        "validate": _validators(declaration),
    }
    if "default" in declaration:
        options["load_default"] = declaration["default"]
    kind = declaration["type"]
    if kind == "array":
        inner = fields.List(build_field(declaration["items"])) if "items" in declaration else None
        return Json(list, declaration.get("maxBytes", 262_144), inner, **options)
    if kind == "object":
        properties = declaration.get("properties")
        nested = fields.Nested(build_schema(properties)) if properties else None
        return Json(dict, declaration.get("maxBytes", 65_536), nested, **options)
    if kind == "string":
        return FORMATS.get(declaration.get("format", ""), Line)(**options)
    return SIMPLE_TYPES[kind](**options)


def _validators(declaration: Declaration) -> list[Any]:
    found: list[Any] = []
    if "enum" in declaration:
        listed = ", ".join(str(v) for v in declaration["enum"] if v != "")
        found.append(validate.OneOf(declaration["enum"], error=f"must be one of {listed}"))
    if "maxLength" in declaration:
        limit = declaration["maxLength"]
        found.append(validate.Length(max=limit, error=f"is longer than {limit} characters"))
    if "minLength" in declaration:
        limit = declaration["minLength"]
        found.append(validate.Length(min=limit, error=f"is shorter than {limit} characters"))
    if "maxItems" in declaration:
        limit = declaration["maxItems"]
        found.append(validate.Length(max=limit, error=f"has more than {limit} entries"))
    if "min" in declaration or "max" in declaration:
        low, high = declaration.get("min"), declaration.get("max")
        found.append(validate.Range(low, high, error=f"must be from {low} to {high}"))
    if "pattern" in declaration:
        found.append(validate.Regexp(declaration["pattern"], error="has not the right form"))
    return found


def load(schema: Schema, given: Mapping[str, Any]) -> dict[str, Any]:
    """The validated parameters; RequestError 400 names the first one that cannot be used, and why."""
    try:
        loaded: dict[str, Any] = schema.load(given)
    except ValidationError as exc:
        raise _error(exc.messages_dict) from None
    return loaded


def _absent(value: Any, declaration: Declaration) -> bool:
    if value is None:
        return True
    if not isinstance(value, str) or declaration.get("format") == "secret":
        return bool(value == "")
    if not value.strip():
        return not declaration.get("clearable", False)
    # in free text these two could be meant; an id, a number or a list they never are
    free_text = declaration["type"] == "string" and declaration.get("format") in {None, "text"}
    return value in {"undefined", "null"} and not free_text


def _error(messages: Mapping[str, Any]) -> RequestError:
    name, detail = next(iter(messages.items()))
    path = name
    while isinstance(detail, Mapping):
        key, detail = next(iter(detail.items()))
        path += f"[{key}]" if isinstance(key, int) else f".{key}" if key != "_schema" else ""
    reason = str(detail[0] if isinstance(detail, list) else detail).rstrip(".")
    if reason == MISSING:
        return missing_param(path)
    return invalid_param(path, reason[:1].lower() + reason[1:])
