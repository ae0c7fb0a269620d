"""Build marshmallow fields and schemas from the declarations of every API (acl/README.md).

The RPC reads leniently, as its frontend needs: numbers, flags and JSON may arrive as text, and `undefined`,
`null` and "" are absent. With `strict`, JSON has types: only 5 is a number, and null is a value where a
declaration says `nullable`. Either way undeclared names are ignored. An invalid value is refused with the
constraint that it breaks and a sentence: `[("max_length", "is longer than 3 characters")]`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar, TypeVar

import orjson
from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load

from service.errors import invalid_param, missing_param
from service.ids import ID, from_uuid
from service.web.email_address import normal_email
from service.web.timestamps import wire_time
from service.web.trees import tree_flaw

T = TypeVar("T")

CONTROL_CHARACTERS = r"\x00-\x1f\x7f"
CONTROL_BUT_LAYOUT_CHARACTERS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
"""Control characters except tab, line feed and carriage return."""
CONTROL = re.compile(rf"[{CONTROL_CHARACTERS}\ud800-\udfff]")
CONTROL_BUT_LAYOUT = re.compile(rf"[{CONTROL_BUT_LAYOUT_CHARACTERS}\ud800-\udfff]")
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
FALSE_TEXTS = {"0", "false", "no", "off"}
TRUE_TEXTS = {"1", "true", "yes", "on"}

Declaration = Mapping[str, Any]
Check = Callable[[Any], None]


def broken(constraint: str, sentence: str) -> ValidationError:
    """Return the error of a value that breaks a constraint."""
    return ValidationError([(constraint, sentence)])


class DeclaredField(fields.Field[T]):
    """A field of a declaration; `strict` fields refuse text for a number, a flag, a list or an object."""

    def __init__(self, *, strict: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.strict = strict


class Line(DeclaredField[str]):
    """A string without control characters; white space around it is removed. Lenient: or a number."""

    forbidden = CONTROL

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> str:
        kinds: tuple[type, ...] = (str,) if self.strict else (str, int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise broken("type", "must be a string")
        text = str(value) if self.strict else str(value).strip()
        if self.forbidden.search(text):
            raise broken("characters", "contains a control character")
        return text.strip()


class Text(Line):
    """A string of several lines."""

    forbidden = CONTROL_BUT_LAYOUT


class Id(Line):
    """An opaque id; one of ours may have the form of a UUID, as in the REST API."""

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> str:
        text = super()._deserialize(value, attr, data, **options)
        # An empty text only gets here where it clears the field.
        if text and not ID.fullmatch(text):
            raise broken("id", "is not an id (1 to 64 of 0-9 A-Z a-z _ . * -)")
        return from_uuid(text) or text


class Word(Line):
    """One of the words of an enum, which are in lower case; loads in lower case."""

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> str:
        return super()._deserialize(value, attr, data, **options).lower()


class Email(Line):
    """An email address; loads in lower case."""

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> str:
        address = normal_email(super()._deserialize(value, attr, data, **options))
        if address is None:
            raise broken("email", "is not an email address")
        return address


class Time(Line):
    """A moment with its time zone; loads in UTC, with milliseconds."""

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> str:
        text = super()._deserialize(value, attr, data, **options)
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None or "T" not in text.upper():
                raise ValueError
            return wire_time(moment)
        except (ValueError, OverflowError):
            raise broken("date_time", "is not a time as 2026-02-16T10:30:00.123Z") from None


class Secret(DeclaredField[str]):
    """A password or token, taken as it is."""

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> str:
        if not isinstance(value, str):
            raise broken("type", "must be a string")
        return value.encode("utf-8", "replace").decode()


class Flag(DeclaredField[str]):
    """A flag in any spelling of clients; loads as "0" or "1"."""

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> str:
        text = str(value).lower() if isinstance(value, bool | int | str) else ""
        if text in TRUE_TEXTS:
            return "1"
        if text in FALSE_TEXTS:
            return "0"
        raise broken("type", "must be 0 or 1")


class Boolean(DeclaredField[bool]):
    """true or false."""

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> bool:
        if not isinstance(value, bool):
            raise broken("type", "must be true or false")
        return value


class Integer(DeclaredField[int]):
    """A whole number; not a boolean, which is an int in Python. Lenient: or the text of a number."""

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        # int() alone would accept "1_000" and digits of other scripts.
        if not self.strict and isinstance(value, str) and WHOLE_NUMBER.fullmatch(value.strip()):
            return int(value)
        raise broken("type", "must be a whole number")


class Number(DeclaredField[float]):
    """A finite number. Lenient: or the text of a number."""

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> float:
        number = math.nan
        refused: tuple[type, ...] = (bool, str) if self.strict else (bool,)
        if isinstance(value, int | float | str) and not isinstance(value, refused):
            with suppress(ValueError, OverflowError):
                number = float(value)
        if not math.isfinite(number):
            raise broken("type", "must be a number")
        return number


class Tree(DeclaredField[Any]):
    """An array or object of bounded size and depth. Lenient: or its JSON text."""

    kind: ClassVar[type]
    noun: ClassVar[str]

    def __init__(self, inner: Any, max_bytes: int, **options: Any) -> None:
        super().__init__(**options)
        self.inner = inner
        """Loads the entries; None: any entries."""
        self.max_bytes = max_bytes

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> Any:
        if isinstance(value, str) and not self.strict:
            value = self._parse(value)
        if not isinstance(value, self.kind):
            raise broken("type", f"must be {self.noun}")
        # A strict API relies on the limits that the declared entries have.
        if self.inner is None or not self.strict:
            self._check_size(value)
        return value if self.inner is None else self._load(value)

    def _parse(self, text: str) -> Any:
        try:
            return orjson.loads(text)
        except ValueError:
            raise broken("type", f"must be {self.noun}") from None

    def _check_size(self, value: object) -> None:
        check_tree(value)
        if len(orjson.dumps(value)) > self.max_bytes:
            raise broken("max_bytes", f"is larger than {self.max_bytes} bytes")

    def _load(self, value: Any) -> Any:
        raise NotImplementedError


class Array(Tree):
    """A list, with entries of one kind or of any."""

    kind, noun = list, "an array"

    def _load(self, value: list[Any]) -> list[Any]:
        entries = []
        for index, item in enumerate(value):
            try:
                entries.append(self.inner.deserialize(item))
            except ValidationError as exc:
                raise ValidationError({index: exc.messages}) from None
        return entries


class Object(Tree):
    """An object, with declared properties or with any."""

    kind, noun = dict, "an object"

    def __init__(self, inner: Any, max_bytes: int, *, short: str = "", **options: Any) -> None:
        super().__init__(inner, max_bytes, **options)
        self.short = short
        """The property that a bare string stands for; "": none does."""

    def _deserialize(self, value: object, attr: str | None, data: object, **options: object) -> Any:
        if self.short and isinstance(value, str):
            value = {self.short: value}
        return super()._deserialize(value, attr, data, **options)

    def _load(self, value: dict[str, Any]) -> Any:
        return self.inner.load(value)


def check_tree(value: object) -> None:
    """Refuse values that MariaDB cannot store as JSON."""
    if sentence := tree_flaw(value):
        raise broken("content", sentence)


FORMATS: dict[str, type[DeclaredField[str]]] = {
    "id": Id,
    "email": Email,
    "word": Word,
    "flag": Flag,
    "secret": Secret,
    "text": Text,
    "date-time": Time,
}
SIMPLE_TYPES: dict[str, type[DeclaredField[Any]]] = {"integer": Integer, "number": Number, "boolean": Flag}
STRICT_TYPES: dict[str, type[DeclaredField[Any]]] = {**SIMPLE_TYPES, "boolean": Boolean}


class DeclaredSchema(Schema):
    """A schema of declared fields."""

    declarations: ClassVar[Mapping[str, Declaration]] = {}

    class Meta:
        """Ignore undeclared names: clients send whole records back, and keys of their own."""

        unknown = EXCLUDE


class LenientSchema(DeclaredSchema):
    """A schema that treats several values as absent."""

    @pre_load
    def leave_out_absent_values(self, data: object, **_: object) -> object:
        """Drop `undefined`, `null` and "", in lists and objects as well."""
        if not isinstance(data, Mapping):
            return data
        return {
            name: data[name]
            for name, declaration in self.declarations.items()
            if name in data and not _absent(data[name], declaration)
        }


def build_schema(params: Mapping[str, Declaration], *, strict: bool = False) -> DeclaredSchema:
    """Return the schema of some declared parameters."""
    base = DeclaredSchema if strict else LenientSchema
    built = base.from_dict({name: build_field(p, strict=strict) for name, p in params.items()})
    schema: DeclaredSchema = type("Params", (built,), {"declarations": params})()
    return schema


def build_field(declaration: Declaration, *, strict: bool = False) -> DeclaredField[Any]:
    """Return the field of one declared parameter."""
    null = ("type", "must not be null") if strict else ("required", "is required")
    options: dict[str, Any] = {
        "strict": strict,
        "required": bool(declaration.get("required")),
        "allow_none": bool(declaration.get("nullable")),
        "error_messages": {"required": [("required", "is required")], "null": [null]},
        "validate": _rules(declaration),
    }
    if "default" in declaration:
        options["load_default"] = declaration["default"]
    kind = declaration["type"]
    if kind == "array":
        inner = build_field(declaration["items"], strict=strict) if "items" in declaration else None
        return Array(inner, declaration.get("maxBytes", 262_144), **options)
    if kind == "object":
        properties = declaration.get("properties")
        schema = build_schema(properties, strict=strict) if properties else None
        short = declaration.get("short", "")
        return Object(schema, declaration.get("maxBytes", 65_536), short=short, **options)
    if kind == "string":
        return FORMATS.get(declaration.get("format", ""), Line)(**options)
    field: DeclaredField[Any] = (STRICT_TYPES if strict else SIMPLE_TYPES)[kind](**options)
    return field


RULES: tuple[tuple[str, str, str, Callable[[Any, Any], Any]], ...] = (
    ("enum", "enum", "must be one of {}", lambda value, allowed: value in allowed),
    ("minLength", "min_length", "is shorter than {} characters", lambda value, least: len(value) >= least),
    ("maxLength", "max_length", "is longer than {} characters", lambda value, most: len(value) <= most),
    ("pattern", "pattern", "must match {}", lambda value, form: re.search(form, value)),
    ("minItems", "min_items", "has fewer than {} entries", lambda value, least: len(value) >= least),
    ("maxItems", "max_items", "has more than {} entries", lambda value, most: len(value) <= most),
    ("min", "min", "must be at least {}", lambda value, low: value >= low),
    ("max", "max", "must be at most {}", lambda value, high: value <= high),
)
"""(key of a declaration, constraint, sentence for a value that breaks it, test of a value and its bound)"""


def _rules(declaration: Declaration) -> list[Check]:
    return [
        _rule(constraint, _sentence(key, sentence, declaration), keeps, declaration[key])
        for key, constraint, sentence, keeps in RULES
        if key in declaration
    ]


def _rule(constraint: str, sentence: str, keeps: Callable[[Any, Any], Any], bound: Any) -> Check:
    def check(value: Any) -> None:
        if not keeps(value, bound):
            raise broken(constraint, sentence)

    return check


def _sentence(key: str, sentence: str, declaration: Declaration) -> str:
    if key == "enum":
        return sentence.format(", ".join(str(value) for value in declaration["enum"] if value != ""))
    if key in {"min", "max"} and {"min", "max"} <= declaration.keys():
        return f"must be from {declaration['min']} to {declaration['max']}"
    return sentence.format(declaration[key])


def load(schema: Schema, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the validated parameters; RequestError 400 names the first invalid one and the reason."""
    try:
        loaded: dict[str, Any] = schema.load(values)
    except ValidationError as exc:
        path, constraint, sentence = first_problem(exc.messages_dict)
        raise (missing_param(path) if constraint == "required" else invalid_param(path, sentence)) from None
    return loaded


def first_problem(messages: Mapping[Any, Any]) -> tuple[str, str, str]:
    """Return (path, constraint, sentence) of the first problem that a schema reports."""
    path, detail = next(iter(messages.items()))
    while isinstance(detail, Mapping):
        key, detail = next(iter(detail.items()))
        path += f"[{key}]" if isinstance(key, int) else f".{key}"
    constraint, sentence = detail[0]
    return path, constraint, sentence


def _absent(value: object, declaration: Declaration) -> bool:
    if value is None:
        return True
    if not isinstance(value, str) or declaration.get("format") == "secret":
        return bool(value == "")
    if not value.strip():
        return not declaration.get("clearable", False)
    # Free text may really say "null"; an id, a number or a list never does.
    free_text = declaration["type"] == "string" and declaration.get("format") in {None, "text"}
    return value in {"undefined", "null"} and not free_text
