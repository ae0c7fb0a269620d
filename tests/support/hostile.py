"""Values that a declaration forbids, and hostile ones that it allows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ABSENT = object()

HOLE = "@hole@"
"""Placeholder of the bad value, inserted as JSON text: Python's encoder would refuse or repair some."""

SAMPLES = {
    "list": "[1]",
    "object": '{"a": 1}',
    "boolean": "true",
    "number": "5",
    "text": '"no value"',
}

ACCEPTED = {
    "string": {"text", "number"},
    "secret": {"text"},
    "id": {"number"},
    "flag": {"boolean"},
    "email": set(),
    "enum": set(),
    "boolean": {"boolean"},
    "integer": {"number"},
    "number": {"number"},
    "array": {"list"},
    "object": {"object"},
}
"""The SAMPLES that a declared type accepts."""

DEEP = {f"{n} levels": "[" * n + "]" * n for n in (50, 1000)}

INSIDE = {
    "2**63 inside": '{"a": 9223372036854775808}',
    "NUL inside": r'{"a": "\u0000"}',
    "NUL in a name": r'{"a\u0000": 1}',
    "deep inside": '{"a": ' + "[" * 50 + "]" * 50 + "}",
}

NO_JSON = {
    "lone surrogate": r'"\ud800"',
    "reversed surrogates": r'"\udc00\ud800"',
    "1e309": "1e309",
    "NaN": "NaN",
    "5000 digits": "9" * 5000,
    "5000 levels": "[" * 5000 + "]" * 5000,
}
"""Texts that are not JSON, whatever the parameter."""

HOSTILE = {
    "SQL": "'; DROP TABLE contact; --",
    "SQL in double quotes": '") OR ("1"="1" #',
    "SQL comment": "x*/ UNION SELECT 1 /*",
    "wildcards": "%_%",
    "backslash": "a\\",
    "JSON": '{"$ne": null}',
    "JSON path": '$.email[*]."x',
    "formats": "%s %(x)s {0} {{7*7}} ${7*7}",
    "markup": "<script>alert(1)</script>",
    "path": "../../etc/passwd",
    "four bytes": "\U0001d4b3 \U0001f469‍\U0001f467",
    "right to left": "\u202eשלום",
    "invisible": "a\u200bb\ufeffc",
    "noncharacter": "\uffff",
    "very long": "a" * 100_000,
}
"""Texts that would be dangerous if they were executed or rendered."""

LEAVES = ("null", "true", "5", "-1.5", "[]", "[1]", "{}", '{"a": 1}', '""', '"x"', '"%_\U0001f600"')
"""Values for the properties of objects that declare none."""

BODIES = {
    "2 MB": (b'{"a": "' + b"x" * 2_000_000 + b'"}', 413),
    "broken JSON": (b'{"a": ', 400),
    "an array": (b"[1]", 400),
    "a text": (b'"page"', 400),
    "null": (b"null", 400),
    "not UTF-8": (b'{"a": "\xff"}', 400),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), 400),
}


@dataclass(frozen=True)
class Spot:
    """A place where a value goes: a parameter, an entry of a list, or a property of an object."""

    path: str
    declaration: Mapping[str, Any]
    put: Callable[[Any], Any]
    """The value of the whole parameter with this one in its place."""


def spots(name: str, declaration: Mapping[str, Any], valid: Any) -> Iterator[Spot]:
    return _spots(name, declaration, valid, lambda value: value)


def _put_property(put: Callable[[Any], Any], valid: Any, name: str) -> Callable[[Any], Any]:
    return lambda value: put({**valid, name: value})


def _spots(
    path: str, declaration: Mapping[str, Any], valid: Any, put: Callable[[Any], Any]
) -> Iterator[Spot]:
    yield Spot(path, declaration, put)
    if items := declaration.get("items"):
        first, *more = valid
        yield from _spots(f"{path}[0]", items, first, lambda value: put([value, *more]))
    for name, inner in declaration.get("properties", {}).items():
        yield from _spots(f"{path}.{name}", inner, valid.get(name), _put_property(put, valid, name))


def forbidden(
    declaration: Mapping[str, Any], accepted: Mapping[str, set[str]] = ACCEPTED
) -> Iterator[tuple[str, Any]]:
    """Generate (label, JSON text or ABSENT) of values that the declaration does not allow."""
    kind = "enum" if "enum" in declaration else declaration.get("format") or declaration["type"]
    for label, text in SAMPLES.items():
        if label not in accepted["string" if kind == "text" else kind]:
            yield label, text
    yield from DEEP.items()
    if declaration["type"] == "string" and kind != "secret":
        yield "NUL", r'"a\u0000b"'
        yield "control character", r'"a\u001bb"'
        if "maxLength" in declaration:
            yield "too long", json.dumps("a" * (declaration["maxLength"] + 1))
    if declaration["type"] in {"integer", "number"}:
        bounds = [declaration[k] + s for k, s in (("min", -1), ("max", 1)) if k in declaration]
        for number in (*bounds, 2**63, -(2**63) - 1, *('"NaN"', '"1e309"', '"0x1"', '"1 2"')):
            yield str(number), str(number)
    if declaration["type"] == "integer":
        yield from (("1.5", "1.5"), ("1.5 as text", '"1.5"'))
    if declaration["type"] == "object":
        yield from INSIDE.items()
        too_large = "x" * declaration.get("maxBytes", 65_536)
        yield "too large", json.dumps({"a": too_large})
    if declaration.get("required"):
        yield "missing", ABSENT
        yield "null", "null"
        yield "empty", '""'
        if kind in {"string", "text", "id", "email"}:
            yield "blank", '"  "'


def hostile(declaration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from HOSTILE.items()
    if "maxLength" in declaration:
        yield "as long as allowed", "a" * declaration["maxLength"]
        yield "as many bytes as allowed", "\U0001f600" * declaration["maxLength"]


def value_at(data: Any, path: str) -> Any:
    """Return the value at a path of an answer, or None without such a path."""
    for key in re.findall(r"\w+", path):
        try:
            data = data[int(key) if key.isdigit() else key]
        except (KeyError, IndexError, TypeError):
            return None
    return data
