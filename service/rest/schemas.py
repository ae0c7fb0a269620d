"""Validate bodies and queries, and build JSON Schemas from the same declarations.

The values of a query are text; they are converted to the declared types first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError

from service.rest.errors import invalid, invalid_query, rest_error
from service.web.fields import (
    CONTROL_BUT_LAYOUT_CHARACTERS,
    CONTROL_CHARACTERS,
    Declaration,
    build_schema,
    first_problem,
)

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
HUGE = 10**18


def load_body(schema: Schema, body: object) -> dict[str, Any]:
    """Return the validated body; RequestError 400 names the first invalid field and the rule it breaks."""
    if not isinstance(body, dict):
        raise rest_error(
            "VALIDATION_ERROR", "The body must be a JSON object", {"field": "", "constraint": "type"}
        )
    try:
        loaded: dict[str, Any] = schema.load(body)
    except ValidationError as exc:
        raise invalid(*first_problem(exc.messages_dict)) from None
    return loaded


FREE_SCHEMA = build_schema({"custom_fields": {"type": "object", "maxBytes": 65_535}}, strict=True)


def load_free_body(body: object) -> dict[str, Any]:
    """Return a body that may be any object of a size that custom_fields can hold."""
    fields: dict[str, Any] = load_body(FREE_SCHEMA, {"custom_fields": body})["custom_fields"]
    return fields


def load_query(
    schema: Schema, declarations: Mapping[str, Declaration], query: Mapping[str, list[str]]
) -> dict[str, Any]:
    """Return the validated query; RequestError 400 names the first invalid parameter.

    When a parameter occurs twice, the last one counts, unless it is declared as a list.
    """
    values = {
        name: _from_text(declarations[name], texts) for name, texts in query.items() if name in declarations
    }
    try:
        loaded: dict[str, Any] = schema.load(values)
    except ValidationError as exc:
        raise invalid_query(*first_problem(exc.messages_dict)) from None
    return loaded


def _from_text(declaration: Declaration, texts: list[str]) -> list[str] | str | int | bool:
    kind, text = declaration["type"], texts[-1].strip()
    if kind == "array":
        return texts
    if kind == "integer" and WHOLE_NUMBER.fullmatch(text):
        return _whole_number(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    return texts[-1]


def _whole_number(text: str) -> int:
    """Return the number, or ±HUGE for one with more digits: every limit refuses both, and int() is cheap."""
    digits = text.lstrip("+-0")
    number = int(digits or "0") if len(digits) < len(str(HUGE)) else HUGE
    return -number if text.startswith("-") else number


def json_schema(declaration: Declaration) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one declaration."""
    kind = declaration["type"]
    schema: dict[str, Any] = {"type": kind, **_keywords(declaration), **_text_form(declaration)}
    if kind == "array":
        schema["items"] = json_schema(declaration["items"])
    if "properties" in declaration:
        schema |= object_schema(declaration["properties"])
    elif kind == "object":
        # Some generators take an object without properties for an empty one.
        schema["additionalProperties"] = True
    if declaration.get("nullable"):
        schema["type"] = [kind, "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


KEYWORDS = {
    "doc": "description",
    **{
        name: name
        for name in ("enum", "pattern", "minLength", "maxLength", "minItems", "maxItems", "default")
    },
    "min": "minimum",
    "max": "maximum",
}
"""Keys of a declaration and the keywords of JSON Schema with the same value."""


def _keywords(declaration: Declaration) -> dict[str, Any]:
    keywords = {keyword: declaration[name] for name, keyword in KEYWORDS.items() if name in declaration}
    return {**keywords, "examples": [declaration["example"]]} if "example" in declaration else keywords


def _text_form(declaration: Declaration) -> dict[str, str]:
    """Return the keyword for the form of a string: a format, or a pattern without control characters."""
    form = declaration.get("format")
    if form in {"email", "date-time", "uuid", "binary"}:
        return {"format": form}
    if declaration["type"] != "string" or {"enum", "pattern"} & declaration.keys() or form == "secret":
        return {}
    controls = CONTROL_BUT_LAYOUT_CHARACTERS if form == "text" else CONTROL_CHARACTERS
    return {"pattern": f"^[^{controls}]*$"}


def object_schema(declarations: Mapping[str, Declaration]) -> dict[str, Any]:
    """Return the JSON Schema of an object with these fields."""
    properties = {name: json_schema(declaration) for name, declaration in declarations.items()}
    required = [name for name, declaration in declarations.items() if declaration.get("required")]
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return {**schema, "required": required} if required else schema
