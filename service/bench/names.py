"""Ids of everything the bench makes: computed from a number, in Python and in SQL alike.

mariadb-slap sends every client the same statements. With ids that SQL can compute from CONNECTION_ID(),
each of its clients still acts for somebody else, as the people who call the service do.
"""

from __future__ import annotations

PERSON, HUB, ROOM, SESSION, SOCKET = "abcde"

SMALL, LARGE, ADDER, DIRECT_ADDER = 1, 2, 3, 4
"""Owners of address books: two that are read, and two that grow (one by the service, one by its limit)."""
CROWD, DIRECT_CROWD = 10_000, 20_000
"""First people of two equal crowds that meet: one with real WebSockets, one for the limit."""

STRANGERS = 30_000
"""First people who do not know each other yet."""

ROOMS, SEATS = 64, 4
"""Teams of a crowd and people in each; as many teams as the most clients we measure with."""
PLAZA = 9_000
"""Number, within a crowd, of the hub where one speaks and all hear."""
LISTENERS = 100


def api_key(number: int) -> str:
    """The API key of a person."""
    return f"clk_{number:032x}"


class Sql(str):
    """An SQL expression, where a plain str is a value."""

    __slots__ = ()


def key(kind: str, number: int) -> str:
    """An id: 16 hex characters."""
    return f"{kind}{number:015d}"


def sql_key(kind: str, first: int, step: int = 1) -> Sql:
    """The expression of an id that differs from client to client, by `step`, from `first` on."""
    return Sql(f"CONCAT('{kind}', LPAD({first} + CONNECTION_ID() MOD {ROOMS} * {step}, 15, '0'))")
