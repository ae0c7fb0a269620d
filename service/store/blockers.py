"""Name the connection that a statement waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymysql

if TYPE_CHECKING:
    from service.store.admin import Connection

LONGEST_TEXT = 200
TRANSACTIONS = """
    SELECT p.ID, p.USER, p.HOST, COALESCE(p.DB, ''), TIMESTAMPDIFF(SECOND, t.trx_started, NOW()),
           COALESCE(p.INFO, t.trx_query, '')
    FROM information_schema.INNODB_TRX AS t
    JOIN information_schema.PROCESSLIST AS p ON p.ID = t.trx_mysql_thread_id
    WHERE p.ID NOT IN (CONNECTION_ID(), %s)
    ORDER BY t.trx_started
    LIMIT 1
"""
"""The oldest one holds locks for the longest time; the server tells no owner of a metadata lock by itself."""
CALLS = """
    SELECT ID, USER, HOST, COALESCE(DB, ''), TIME, COALESCE(INFO, '')
    FROM information_schema.PROCESSLIST
    WHERE ID NOT IN (CONNECTION_ID(), %s) AND COMMAND = 'Query' AND INFO IS NOT NULL
      AND COALESCE(STATE, '') NOT LIKE 'Waiting for %%lock%%'
    ORDER BY TIME_MS DESC
    LIMIT 1
"""


STRONG = """
    SELECT p.ID, p.USER, p.HOST, COALESCE(p.DB, ''), p.TIME, COALESCE(p.INFO, '')
    FROM information_schema.METADATA_LOCK_INFO AS l
    JOIN information_schema.PROCESSLIST AS p ON p.ID = l.THREAD_ID
    WHERE p.ID NOT IN (CONNECTION_ID(), %s)
      AND l.LOCK_MODE REGEXP 'FTWRL|BLOCK|NO_WRITE|NO_READ_WRITE|EXCLUSIVE'
    ORDER BY p.TIME DESC
    LIMIT 1
"""
"""Locks of FLUSH TABLES WITH READ LOCK and LOCK TABLES, which need neither a transaction nor a statement."""
ROW_LOCK = """
    SELECT p.ID, p.USER, p.HOST, COALESCE(p.DB, ''), TIMESTAMPDIFF(SECOND, t.trx_started, NOW()),
           COALESCE(p.INFO, '')
    FROM information_schema.INNODB_LOCK_WAITS AS w
    JOIN information_schema.INNODB_TRX AS r ON r.trx_id = w.requesting_trx_id
    JOIN information_schema.INNODB_TRX AS t ON t.trx_id = w.blocking_trx_id
    JOIN information_schema.PROCESSLIST AS p ON p.ID = t.trx_mysql_thread_id
    WHERE r.trx_mysql_thread_id = %s
    ORDER BY t.trx_started
    LIMIT 1
"""
"""The transaction that a thread waits for, while it does."""
WAITING = "(STATE LIKE 'Waiting for %%lock%%' OR STATE = 'Waiting for table flush')"
"""For the lock of a table, a routine, or the server."""
WAITS = f"SELECT ID FROM information_schema.PROCESSLIST WHERE ID = %s AND {WAITING}"  # noqa: S608
WAITERS = f"""
    SELECT ID
    FROM information_schema.PROCESSLIST
    WHERE USER = SUBSTRING_INDEX(CURRENT_USER(), '@', 1) AND {WAITING}
      AND INFO REGEXP '^(SHOW |SELECT /[*]!40001 |SELECT COLUMN_NAME)'
    ORDER BY TIME_MS DESC
"""  # noqa: S608
"""Statements of mariadb-dump: one that changes a table may wait for the dump."""
NO_PLUGIN = 1109
IDLE = (
    "an idle one has run FLUSH TABLES WITH READ LOCK or LOCK TABLES; after INSTALL SONAME "
    "'metadata_lock_info' on the server, this line names it"
)


def longest_transaction(connection: Connection) -> str:
    """Describe the oldest transaction, or the longest statement, of other connections in a sentence."""
    try:
        row = _longest(connection)
    except pymysql.err.MySQLError as exc:
        if exc.args[0] == NO_PLUGIN:
            return (
                "no connection has a transaction or statement open: run the same command again. If it waits "
                f"again, {IDLE}"
            )
        return f"who holds the lock cannot be read ({exc.args[-1]})"
    if not row:
        return "no other connection holds it any more: run the same command again"
    return f"{_sentence(row)}: wait for it, or KILL {row[0]}, and run the same command again"


def holder_of_lock(connection: Connection, thread: int) -> str:
    """Describe the connection that this thread waits for just now; "" when it waits for no lock."""
    try:
        rows = connection.rows(ROW_LOCK, thread)
        if not (rows or connection.one(WAITS, thread)):
            return ""
        row = rows[0] if rows else _longest(connection, thread)
    except pymysql.err.MySQLError as exc:
        if exc.args[0] == NO_PLUGIN:
            return f"no connection has a transaction or statement open: {IDLE}"
        return f"who holds the lock cannot be read ({exc.args[-1]})"
    return f"{_sentence(row)}; KILL {row[0]} ends it" if row else ""


def waiting_thread(connection: Connection) -> int:
    """Return the thread of a dump by the same account that waits for a lock; 0 when none waits."""
    return int(connection.one(WAITERS) or 0)


def _longest(connection: Connection, waiter: int = 0) -> tuple[Any, ...] | None:
    rows = (
        connection.rows(TRANSACTIONS, waiter)
        or connection.rows(CALLS, waiter)
        or connection.rows(STRONG, waiter)
    )
    return rows[0] if rows else None


def _sentence(row: tuple[Any, ...]) -> str:
    thread, user, host, db, seconds, text = row
    statement = " ".join(str(text).split())[:LONGEST_TEXT]
    doing = f"runs {statement}" if statement else "runs no statement just now"
    where = f" in {db}" if db else ""
    return (
        f"thread {thread} ({user}@{host}{where}) has had a transaction or statement open for {seconds} s and "
        f"{doing}"
    )
