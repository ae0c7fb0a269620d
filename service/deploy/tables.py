"""Tables, views, triggers and events of databases, as the server shows them.

Views, triggers and events come with one query each for all databases, and equal texts come once: SHOW CREATE
VIEW opens every table below a view, and would take most of the time. Tables come by SHOW CREATE TABLE, which
alone tells everything of them, many in one statement.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from service.store.admin import Connection

Name = tuple[str, str]
"""(table, view, trigger or event; name)"""
BATCH = 20
"""Databases whose tables are read with one statement."""

VIEWS = """
    SELECT TABLE_SCHEMA AS db, TABLE_NAME AS name,
           CONCAT('CREATE ALGORITHM=', ALGORITHM, ' DEFINER=`', REPLACE(DEFINER, '@', '`@`'),
                  '` SQL SECURITY ', SECURITY_TYPE, ' VIEW `', TABLE_NAME, '` AS ',
                  REPLACE(VIEW_DEFINITION, CONCAT('`', TABLE_SCHEMA, '`.'), ''),
                  IF(CHECK_OPTION = 'NONE', '', CONCAT(' WITH ', CHECK_OPTION, ' CHECK OPTION'))) AS text,
           VIEW_DEFINITION = '' OR LOCATE('?', VIEW_DEFINITION) > 0 AS is_doubtful
    FROM information_schema.VIEWS
    WHERE TABLE_SCHEMA IN %s
"""
"""Doubtful: the account may not see it, or ? stands for a letter that information_schema cannot show."""
TRIGGERS = """
    SELECT TRIGGER_SCHEMA AS db, TRIGGER_NAME AS name,
           CONCAT(DEFINER, ' ', ACTION_TIMING, ' ', EVENT_MANIPULATION, ' ON ', EVENT_OBJECT_TABLE, '\\n',
                  ACTION_STATEMENT) AS text,
           0 AS is_doubtful
    FROM information_schema.TRIGGERS
    WHERE TRIGGER_SCHEMA IN %s
"""
EVENTS = """
    SELECT EVENT_SCHEMA AS db, EVENT_NAME AS name, CONCAT(DEFINER, '\\n', EVENT_DEFINITION) AS text,
           0 AS is_doubtful
    FROM information_schema.EVENTS
    WHERE EVENT_SCHEMA IN %s
"""
EQUAL_ONCE = """
    SELECT GROUP_CONCAT(db), name, text, is_doubtful
    FROM ({objects}) AS objects
    GROUP BY MD5(CONCAT(name, '\\n', text)), is_doubtful
"""
"""By digest: a comparison of texts would overlook the case of letters, and all behind max_sort_length."""


def definitions(connection: Connection, db: str) -> dict[Name, str]:
    """Return the statements of all objects in a database except routines."""
    ((_, statements),) = definitions_of(connection, [db])
    return statements


def definitions_of(connection: Connection, databases: Sequence[str]) -> Iterator[tuple[str, dict[Name, str]]]:
    """Yield the databases in their order, each with the statements of all its objects except routines."""
    others = _others(connection, databases)
    for start in range(0, len(databases), BATCH):
        for db, statements in _tables(connection, databases[start : start + BATCH]).items():
            yield db, statements | others[db]


def _tables(connection: Connection, databases: Sequence[str]) -> Mapping[str, dict[Name, str]]:
    tables: dict[str, dict[Name, str]] = {db: {} for db in databases}
    lists = connection.results(f"SHOW FULL TABLES FROM {quoted(db)}" for db in databases)
    names = [
        (db, name) for db, rows in zip(databases, lists, strict=True) for name, kind in rows if kind != "VIEW"
    ]
    texts = connection.results(f"SHOW CREATE TABLE {quoted(db)}.{quoted(name)}" for db, name in names)
    for (db, name), ((_, text, *_),) in zip(names, texts, strict=True):
        tables[db]["table", name] = re.sub(r" AUTO_INCREMENT=\d+", "", text)
    return tables


def _others(connection: Connection, databases: Sequence[str]) -> Mapping[str, dict[Name, str]]:
    """Return views, triggers and events by database; equal texts are one object in memory."""
    others: dict[str, dict[Name, str]] = defaultdict(dict)
    for kind, objects in (("view", VIEWS), ("trigger", TRIGGERS), ("event", EVENTS)):
        rows = connection.rows(EQUAL_ONCE.format(objects=objects), tuple(databases)) if databases else []
        for places, name, text, is_doubtful in rows:
            key = (kind, name)
            for db in places.split(","):
                others[db][key] = _shown_view(connection, db, name) if is_doubtful else text
    return others


def _shown_view(connection: Connection, db: str, name: str) -> str:
    ((_, text, *_),) = connection.rows(f"SHOW CREATE VIEW {quoted(db)}.{quoted(name)}")
    return str(text).replace(f"`{db}`.", "")


def quoted(name: str) -> str:
    """Return a name in backticks."""
    return "`" + name.replace("`", "``") + "`"


def trigger_statement(name: str, definition: str) -> str:
    """Return the statement that makes a trigger as `definitions` shows it."""
    head, _, statement = definition.partition("\n")
    definer, timing, event, _, table = head.split(" ", 4)
    user, _, host = definer.rpartition("@")
    return (
        f"CREATE OR REPLACE DEFINER = '{user}'@'{host}' TRIGGER `{name}`\n"
        f"{timing} {event} ON `{table}` FOR EACH ROW\n{statement}"
    )
