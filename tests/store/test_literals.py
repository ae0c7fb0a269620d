"""Values as SQL: whatever people send stays a value."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from service.settings import Settings, database_servers
from service.store import connection as connections
from service.store.connection import PooledConnection
from service.store.literals import call_statement, fill, literal
from service.store.pool import session_statement

HOSTILE = [
    "'", "''", "\\", "\\'", "\\\\'", "'; DROP TABLE yp.session; -- ", "' OR '1'='1", "%s", "%%s", "%(x)s",
    "{db}", "\0", "\x1a", "\n\r\t", '"', "`", "/*", "*/", "--", "#", ";", "COMMIT", "\u00bf\u005c'",
    "\u00df'", "誠'", "\u2019", "\uff07", "\u02bc", "𝒳'", "e\u0301'", "\ufeff'", "\u2028", "\x7f'", "\x80'",
    "'" * 999, "\\" * 999, "a" * 70_000 + "'", "", "x'); CALL yp.session_drop('x", "_utf8mb4'x'", "0x27",
    "NULL", "\u3031'",
]  # fmt: skip


@pytest.fixture(params=["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"])
async def connection(settings: Settings, request: pytest.FixtureRequest) -> AsyncIterator[PooledConnection]:
    """Provide a connection to a server with this sql_mode."""
    (server,) = database_servers(settings.db)
    session = f"{session_statement(settings, read_only=True)}, sql_mode = '{request.param}'"
    connection = await connections.connect(server, autocommit=True, session=session, seconds=10)
    yield connection
    connection.close()


async def test_every_text_arrives_as_it_is(connection: PooledConnection) -> None:
    for text in HOSTILE:
        assert await connection.query("SELECT %s, %s", (text, "after")) == [[(text, "after")]], text
        both = await connection.query("SELECT %s; SELECT %s", (text, text))
        assert both == [[(text,)], [(text,)]], text


async def test_a_text_follows_the_sql_mode_of_the_moment(connection: PooledConnection) -> None:
    text = "\\' OR '1'='1"
    for mode in ("NO_BACKSLASH_ESCAPES", "", "NO_BACKSLASH_ESCAPES", ""):
        await connection.query("SET SESSION sql_mode = %s", (mode,))
        assert await connection.query("SELECT %s", (text,)) == [[(text,)]]


async def test_every_byte_arrives_as_it_is(connection: PooledConnection) -> None:
    for data in [bytes(range(256)), b"\xbf'", b"\xe8'", b"\xf0\x9f'", b"\\'", b"\0'", b"'; SELECT 1; -- "]:
        assert await connection.query("SELECT %s, HEX(%s)", (data, data)) == [[(data, data.hex().upper())]]


async def test_every_character_beside_a_quote_arrives_as_it_is(connection: PooledConnection) -> None:
    plane = [chr(n) for n in [*range(0xD800), *range(0xE000, 0x11000, 7), *range(0x1F000, 0x20000, 31)]]
    for start in range(0, len(plane), 4096):
        text = "'".join(plane[start : start + 4096]) + "\\"
        assert await connection.query("SELECT %s", (text,)) == [[(text,)]]


class Kind(enum.StrEnum):
    QUOTED = "it's"


class Digit(enum.IntEnum):
    SEVEN = 7


@pytest.mark.parametrize(
    ("value", "sql"),
    [(None, b"NULL"), (True, b"1"), (False, b"0"), (-5, b"-5"), (10**30, b"1" + b"0" * 30), (1.5, b"1.5"),
     (1e300, b"1e+300"), (Kind.QUOTED, b"'it\\'s'"), (b"", b"_binary''"),
     (Decimal("12.50"), b"12.50"), (Decimal("1E+3"), b"1000"), (Decimal("-1E-7"), b"-0.0000001"),
     (Digit.SEVEN, b"7")],
)  # fmt: skip
def test_values_of_other_types(value: Any, sql: bytes) -> None:
    assert literal(value) == sql


@dataclasses.dataclass
class Odd:
    def __str__(self) -> str:
        return "1; DROP TABLE x"


@pytest.mark.parametrize(
    "value",
    [
        Odd(),
        ["a"],
        ("a", "b"),
        {"a": 1},
        {1},
        float("inf"),
        float("nan"),
        Decimal("NaN"),
        Decimal("Infinity"),
        "\ud800",
        "\udcbf\\",
        bytearray(b"x"),
        object,
    ],
)
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        literal(value)
    with pytest.raises((TypeError, ValueError)):
        call_statement("yp", "session_open", [value])


@pytest.mark.parametrize("name", ["x(); DROP TABLE y; --", "X", "1x", "", "x.y", "x`", "x\n", "\u017f", "x'"])
def test_names_are_plain(name: str) -> None:
    for db, routine in ((name, "x"), ("x", name)):
        with pytest.raises(ValueError, match="not a routine"):
            call_statement(db, routine, [])


@pytest.mark.parametrize(("template", "args"), [("SELECT %s", ()), ("SELECT 1", (1,)), ("%s%s", (1, 2, 3))])
def test_a_statement_has_as_many_marks_as_values(template: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        fill(template, args)


def test_a_mark_in_a_value_is_no_mark() -> None:
    assert fill("SELECT %s, %s", ("%s", "b")) == b"SELECT '%s', 'b'"
