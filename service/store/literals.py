"""Values as SQL: the only place of the service that puts them into a statement."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pymysql.converters import escape_string

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
MARK = "%s"
"""Stands for a value in a template."""


def literal(value: Any, *, backslash: bool = True) -> bytes:
    """Return a value as an SQL literal in UTF-8.

    `backslash`: whether the server reads a backslash as an escape (no NO_BACKSLASH_ESCAPES in sql_mode).
    TypeError or ValueError for a value without a literal: another type, a lone surrogate, an infinite float.
    """
    kind = type(value)
    if value is None:
        return b"NULL"
    if kind is str:
        return b"'" + _escaped(value, backslash).encode() + b"'"
    if kind is bool or kind is int:
        return b"%d" % value
    if kind is float and math.isfinite(value):
        return repr(value).encode()
    if kind is bytes:
        # Any bytes pass as they are but those that end the literal, which are ASCII.
        text = value.decode("ascii", "surrogateescape")
        return b"_binary'" + _escaped(text, backslash).encode("ascii", "surrogateescape") + b"'"
    if kind is Decimal and value.is_finite():
        # A number that a routine has answered: sums and counters are decimals.
        return format(value, "f").encode()
    if isinstance(value, str):
        # Enumerations and keys that are a subclass of str.
        return literal(str.__str__(value), backslash=backslash)
    if isinstance(value, int):
        return b"%d" % int(value)
    raise TypeError(f"no SQL for a {kind.__name__}")


def call_statement(db: str, name: str, args: Sequence[Any], *, backslash: bool = True) -> bytes:
    """Return the CALL of a routine; ValueError for a name that is none."""
    values = b", ".join([literal(value, backslash=backslash) for value in args])
    return b"%s(%s)" % (_called(db, name), values)


def fill(template: str, args: Sequence[Any], *, backslash: bool = True) -> bytes:
    """Return a statement with each `%s` replaced by a value; ValueError unless there are as many."""
    first, *parts = template.encode().split(MARK.encode())
    filled = [literal(arg, backslash=backslash) + part for arg, part in zip(args, parts, strict=True)]
    return b"".join([first, *filled])


def _escaped(text: str, backslash: bool) -> str:
    return escape_string(text) if backslash else text.replace("'", "''")


@lru_cache(maxsize=4096)
def _called(db: str, name: str) -> bytes:
    if not (IDENTIFIER.fullmatch(db) and IDENTIFIER.fullmatch(name)):
        raise ValueError(f"not a routine: {db}.{name}")
    return f"CALL {db}.{name}".encode()
