"""Ids of all data of the bench, computed from a number, in Python and in SQL alike.

mariadb-slap sends every client the same statements. With ids that SQL can compute from CONNECTION_ID(),
each of its clients still acts for somebody else, as the people who call the service do.
"""

from __future__ import annotations

PERSON, HUB, ROOM, SESSION, SOCKET = "abcde"

SMALL, LARGE, ADDER, DIRECT_ADDER = 1, 2, 3, 4
"""Owners of address books: two that are read, and two that grow (one by the service, one by its limit)."""
ATTENDEES, DIRECT_ATTENDEES = 10_000, 20_000
"""First users of two equal groups of attendees: one with real WebSockets, one for the limit."""

STRANGERS = 30_000
"""First users without any relation."""
CARD_OWNER = 40_000
"""User whose address book a phone reads."""
ADDERS, DIRECT_ADDERS, EDITORS, DIRECT_EDITORS = 50_000, 51_000, 52_000, 53_000
"""First users of four groups with a book each: those who add, those who change, and those of their limits."""
LOADERS = 54_000
"""First users of a group that imports files."""
OWNERS = 64
"""Users in each of these groups; as many as the largest number of clients."""

ROOMS, SEATS = 64, 4
"""Teams of attendees and users in each; as many teams as the largest number of clients."""
BROADCAST_ROOM = 9_000
"""Number, within a group, of the hub for broadcasts."""
LISTENERS = 100


def api_key(number: int) -> str:
    """Return the API key of a user."""
    return f"clk_{number:032x}"


class Sql(str):
    """An SQL expression; a plain str is a value."""

    __slots__ = ()


def key(kind: str, number: int) -> str:
    """Return an id: 16 hex characters."""
    return f"{kind}{number:015d}"


def sql_key(kind: str, first: int, step: int = 1) -> Sql:
    """Return the expression of an id that differs from client to client, by `step`, from `first` on."""
    return Sql(f"CONCAT('{kind}', LPAD({first} + CONNECTION_ID() MOD {ROOMS} * {step}, 15, '0'))")
