"""Put an error of MariaDB into a sentence: of a right that is missing, with the statement that gives it."""

from __future__ import annotations

import re

import pymysql

from service import as_typed

DENIED = re.compile(
    r"(?P<right>[A-Za-z][A-Za-z ,]*?) command denied to user (?P<account>'[^']*'@'[^']*') for "
    r"(?:table|routine|column \S+ in table) [`']?(?P<db>\w+)[`']?\.[`']?\w+[`']?"
)
"""Errors 1142, 1143 and 1370."""
NOT_THERE = {1049, 1146, 1305, 1449}
"""No such database, table, routine, or definer."""
READ_ONLY = 1290
PRIVILEGES = re.compile(r"need \(at least one of\) the (?P<rights>[A-Z_, ]+?) privilege")
"""Error 1227."""


def explain(exc: pymysql.err.MySQLError) -> str:
    """Return the text of an error, without its number, with what to do: a GRANT, a deploy, another server."""
    text = str(exc.args[-1] if exc.args else exc) or "the connection was lost"
    if denied := DENIED.search(text):
        right, account = denied["right"].upper(), denied["account"]
        place = denied["db"].replace("_", r"\_")  # a wildcard otherwise
        return f"{text}\n  GRANT {right} ON `{place}`.* TO {account};"
    if needed := PRIVILEGES.search(text):
        first = needed["rights"].partition(",")[0].strip()
        return f"{text}\n  GRANT {first} ON *.* TO the account of DRUMEE_DB_ADMIN;"
    if exc.args and exc.args[0] in NOT_THERE:
        return f"{text}. `{as_typed('deploy')}` installs what is missing, `{as_typed('plan')}` shows it"
    if exc.args and exc.args[0] == READ_ONLY and "read-only" in text:
        return (
            "the server only reads (read_only is ON): it is a replica, or somebody has stopped writers. "
            "Nothing was changed. Set DRUMEE_DB_ADMIN to the primary, or "
            "run SET GLOBAL read_only = OFF if this is it"
        )
    return text
