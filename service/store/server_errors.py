"""Error numbers of MariaDB, and what each kind means to a caller."""

from __future__ import annotations

import asyncio
import re

import pymysql

from service.errors import (
    MOVING,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    EntityMovingError,
    Refused,
    read_refusal,
)

SIGNALLED = 1644
TIMED_OUT = 1969
DUPLICATE = 1062
RETRYABLE = {
    1213: "deadlock: InnoDB, or the certification of Galera, chose us as the victim",
    1205: "lock wait timeout: only a statement was undone, so we undo the rest",
    1020: "record changed since it was read (innodb_snapshot_isolation)",
}
MISREAD = {1064, 1146}
"""A syntax error, and a table that does not exist. Routines of a deployed database have neither, but a Galera
node was seen to misread the body of a trigger after a conflict with another node."""
RETRIED_ONCE = {DUPLICATE, *MISREAD}
CONNECTION_LOST = {
    2002: "server not reachable on its socket",
    2003: "server not reachable",
    2006: "server has gone away",
    2013: "connection lost during a query",
    2026: "TLS failed",
    2055: "connection lost",
    1158: "network error while reading",
    1159: "network timeout while reading",
    1160: "network error while writing",
    1161: "network timeout while writing",
    1317: "query was killed",
    1927: "connection was killed",
}
"""The connection, or the statement, was ended: another one may work."""
IN_TROUBLE = {
    3: "error writing a file",
    20: "disk full: the server waits for space",
    1021: "disk full: the server waits for space",
    1026: "error writing a file",
    1037: "out of memory",
    1040: "too many connections",
    1041: "out of memory",
    1047: "a Galera node that is not ready",
    1053: "server is shutting down",
    1114: "table full: mostly the disk is",
    1135: "no new thread for a connection",
    1180: "error while committing: mostly a Galera node that lost its cluster",
    1181: "error while rolling back",
    1203: "too many connections of our account",
    1206: "the lock table is full",
    1226: "a limit of our account is reached",
    1290: "a server that only reads",
    1598: "the binary log cannot be written",
    1637: "too many transactions at once",
    1836: "a server in read-only mode",
}
"""The server cannot work at the moment, for anybody."""
REFUSED = {1047, 1290, 1836}
"""The server has not begun with the statement."""
DISK_NUMBERS = {3, 20, 1021, 1026, 1114}
"""Those that a full disk causes."""
DISK_FULL = re.compile(r"\b(?:errcode: |error |errno: )\"?28\b|no space left on device", re.IGNORECASE)
"""Part of the text of errors with many numbers, such as 1 and 1030."""
FATAL = {1053, 1158, 1159, 1160, 1161, 1927}
"""Errors after which the server closes the connection."""
OF_THE_DRIVER = range(2000, 3000)
"""Numbers of errors that the driver raises by itself; after those the connection is not usable."""
NOT_OF_AN_OWNER = {
    1044: "no rights on the database",
    1054: "no such column",
    1142: "no rights on the table",
    1143: "no rights on the column",
    1146: "no such table",
    1305: "no such routine",
    1318: "wrong number of arguments",
    1370: "no rights on the routine",
}
"""Errors of the schema or of rights, which every owner would meet."""


class RetryableError(Exception):
    """The server asks to run the transaction again."""

    def __init__(self, number: int) -> None:
        super().__init__(RETRYABLE[number])
        self.number = number


class ServerTroubleError(DatabaseUnavailableError):
    """The server reports that it cannot work at the moment."""


class DiskFullError(ServerTroubleError):
    """The server cannot write to its disk."""


def translate(exc: Exception) -> Exception:
    """Return the error that callers expect instead of a driver error; other errors unchanged."""
    if isinstance(exc, TimeoutError):
        return DatabaseTimeoutError("no answer")
    number = number_of(exc)
    if number == SIGNALLED and exc.args[1] == MOVING:
        return EntityMovingError("the owner has moved to another shard")
    if number == SIGNALLED:
        return Refused(read_refusal(str(exc.args[1])))
    if number in RETRYABLE:
        return RetryableError(number)
    if number == TIMED_OUT:
        return DatabaseTimeoutError(str(exc))
    if isinstance(exc, pymysql.err.MySQLError) and is_disk_full(number, str(exc)):
        return DiskFullError(str(exc))
    if number in IN_TROUBLE:
        trouble = ServerTroubleError(str(exc))
        trouble.is_undone = number in REFUSED
        return trouble
    if number in CONNECTION_LOST or isinstance(
        exc, OSError | asyncio.IncompleteReadError | pymysql.err.InterfaceError
    ):
        return DatabaseUnavailableError(str(exc))
    return exc


def is_disk_full(number: int, text: str) -> bool:
    """Return whether an error of the server says that its disk has no room for what a statement writes."""
    return number in DISK_NUMBERS or bool(DISK_FULL.search(text))


def number_of(exc: Exception) -> int:
    """Return the number of an error of the server or the driver, 0 when it has none."""
    return exc.args[0] if exc.args and isinstance(exc.args[0], int) else 0


def ends_connection(exc: Exception) -> bool:
    """Return whether the connection is of no use after an error of the server or the driver."""
    number = number_of(exc)
    return not number or number in FATAL or number in OF_THE_DRIVER


def concerns_one_owner(exc: Exception) -> bool:
    """Return whether a failed CALL for one owner is due to the data of that owner."""
    number = number_of(exc) if isinstance(exc, pymysql.err.MySQLError) else 0
    return not isinstance(exc, DatabaseUnavailableError | LookupError) and number not in NOT_OF_AN_OWNER
