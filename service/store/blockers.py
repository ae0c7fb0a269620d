"""Name the connection that a statement waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymysql

if TYPE_CHECKING:
    from service.store.admin import Connection

LONGEST_TEXT = 200
TRANSACTIONS = """
    SELECT p.ID, p.USER, p.HOST, COALESCE(p.DB, ''), TIMESTAMPDIFF(SECOND, t.trx_started, NOW()),
           COALESCE(p.INFO, t.trx_query, '')
    FROM information_schema.INNODB_TRX AS t
    JOIN information_schema.PROCESSLIST AS p ON p.ID = t.trx_mysql_thread_id
    WHERE p.ID <> CONNECTION_ID()
    ORDER BY t.trx_started
    LIMIT 1
"""
"""The oldest one holds locks for the longest time; the server tells no owner of a metadata lock by itself."""
CALLS = """
    SELECT ID, USER, HOST, COALESCE(DB, ''), TIME, COALESCE(INFO, '')
    FROM information_schema.PROCESSLIST
    WHERE ID <> CONNECTION_ID() AND COMMAND = 'Query' AND INFO IS NOT NULL
    ORDER BY TIME_MS DESC
    LIMIT 1
"""


STRONG = """
    SELECT p.ID, p.USER, p.HOST, COALESCE(p.DB, ''), p.TIME, COALESCE(p.INFO, '')
    FROM information_schema.METADATA_LOCK_INFO AS l
    JOIN information_schema.PROCESSLIST AS p ON p.ID = l.THREAD_ID
    WHERE p.ID <> CONNECTION_ID()
      AND l.LOCK_MODE REGEXP 'FTWRL|BLOCK|NO_WRITE|NO_READ_WRITE|EXCLUSIVE'
    ORDER BY p.TIME DESC
    LIMIT 1
"""
"""Locks of FLUSH TABLES WITH READ LOCK and LOCK TABLES, which need neither a transaction nor a statement."""
NO_PLUGIN = 1109


def longest_transaction(connection: Connection) -> str:
    """Describe the oldest transaction, or the longest statement, of other connections in a sentence."""
    try:
        rows = connection.rows(TRANSACTIONS) or connection.rows(CALLS) or connection.rows(STRONG)
    except pymysql.err.MySQLError as exc:
        if exc.args[0] == NO_PLUGIN:
            return (
                "no connection has a transaction or statement open: run the same command again. If it waits "
                "again, an idle one has run FLUSH TABLES WITH READ LOCK or LOCK TABLES; after "
                "INSTALL SONAME 'metadata_lock_info' on the server, this line names it"
            )
        return f"who holds the lock cannot be read ({exc.args[-1]})"
    if not rows:
        return "no other connection holds it any more: run the same command again"
    thread, user, host, db, seconds, text = rows[0]
    statement = " ".join(str(text).split())[:LONGEST_TEXT]
    doing = f"runs {statement}" if statement else "runs no statement just now"
    where = f" in {db}" if db else ""
    return (
        f"thread {thread} ({user}@{host}{where}) has had a transaction or statement open for {seconds} s and "
        f"{doing}: wait for it, or KILL {thread}, and run the same command again"
    )
