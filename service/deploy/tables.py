"""Tables, views, triggers and events of databases, as the server shows them.

Views and triggers come from information_schema, with a query for each database: SHOW CREATE VIEW opens every
table below a view, and would take most of the time. Tables come by SHOW CREATE TABLE, which alone tells
everything of them. Many such queries are one statement, and equal texts are one in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from queue import SimpleQueue

from service.deploy.state import READERS
from service.settings import DatabaseServer, Settings
from service.store.admin import Connection

AUTO_INCREMENT = re.compile(r" AUTO_INCREMENT=\d+")
Name = tuple[str, str]
"""(table, view, trigger or event; name)"""
BATCH = 10
"""Databases that are read at once: few enough that their tables stay in the smallest caches of a server, and
each is opened once, for its definition and for its triggers."""
# Each query names one database by =: with IN, the server reads the folders of all databases, and for
# TRIGGER_SCHEMA it even opens the tables of all. Events come from one table.
NAMES = """
    SELECT TABLE_NAME
    FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = %s
"""
"""Of tables and views: to say which it is, the server would open each file."""

VIEWS = """
    SELECT TABLE_NAME,
           CONCAT('CREATE ALGORITHM=', ALGORITHM, ' DEFINER=`', REPLACE(DEFINER, '@', '`@`'),
                  '` SQL SECURITY ', SECURITY_TYPE, ' VIEW `', TABLE_NAME, '` AS ',
                  REPLACE(VIEW_DEFINITION, CONCAT('`', TABLE_SCHEMA, '`.'), ''),
                  IF(CHECK_OPTION = 'NONE', '', CONCAT(' WITH ', CHECK_OPTION, ' CHECK OPTION'))),
           VIEW_DEFINITION = '' OR LOCATE('?', VIEW_DEFINITION) > 0
    FROM information_schema.VIEWS
    WHERE TABLE_SCHEMA = %s
"""
"""Doubtful: the account may not see it, or ? stands for a letter that information_schema cannot show."""
TRIGGERS = """
    SELECT TRIGGER_NAME,
           CONCAT(DEFINER, ' ', ACTION_TIMING, ' ', EVENT_MANIPULATION, ' ON ', EVENT_OBJECT_TABLE, '\\n',
                  'sql_mode ', SQL_MODE, '; ', CHARACTER_SET_CLIENT, ' ', COLLATION_CONNECTION, '\\n',
                  ACTION_STATEMENT)
    FROM information_schema.TRIGGERS
    WHERE EVENT_OBJECT_SCHEMA = %s
"""
EVENTS = """
    SELECT EVENT_SCHEMA, EVENT_NAME, CONCAT(DEFINER, '\\n', EVENT_DEFINITION)
    FROM information_schema.EVENTS
    WHERE EVENT_SCHEMA IN %s
"""


def definitions(connection: Connection, db: str) -> dict[Name, str]:
    """Return the statements of all objects in a database except routines."""
    return _Reader().read(connection, [db])[db]


def definitions_of(
    settings: Settings, server: DatabaseServer, databases: Sequence[str]
) -> Iterator[tuple[str, dict[Name, str]]]:
    """Yield the databases in their order, each with the statements of all its objects except routines.

    Equal statements are one object in memory. The server is read over connections of their own.
    """
    batches = [databases[start : start + BATCH] for start in range(0, len(databases), BATCH)]
    reader = _Reader()
    free: SimpleQueue[Connection] = SimpleQueue()

    def read(batch: Sequence[str]) -> Mapping[str, dict[Name, str]]:
        connection = free.get()
        try:
            return reader.read(connection, batch)
        finally:
            free.put(connection)

    with ExitStack() as stack:
        for _ in batches[:READERS]:
            free.put(stack.enter_context(closing(Connection(settings, [server]))))
        pool = ThreadPoolExecutor(READERS, "tables")
        # Before the connections are closed; what nobody has begun to read is not read any more.
        stack.callback(pool.shutdown, cancel_futures=True)
        for statements in pool.map(read, batches):
            yield from statements.items()


class _Reader:
    """Reads databases; keeps a text once, however many objects have it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def read(self, connection: Connection, databases: Sequence[str]) -> Mapping[str, dict[Name, str]]:
        """Return the statements by database, in their order."""
        statements: dict[str, dict[Name, str]] = {db: {} for db in databases}
        views, names = self._views(connection, databases)
        tables = [(db, name) for db in databases for name in names[db] if ("view", name) not in views[db]]
        # The triggers after the tables, which they open: those are still in the cache of the server.
        created = [f"SHOW CREATE TABLE {quoted(db)}.{quoted(name)}" for db, name in tables]
        results = connection.results([*created, *_of_each(connection, TRIGGERS, databases)])
        for (db, name), ((_, text, *_),) in zip(tables, results, strict=False):
            statements[db]["table", name] = self._once(AUTO_INCREMENT.sub("", text))
        for db, triggers in zip(databases, results[len(tables) :], strict=True):
            statements[db] |= views[db]
            statements[db] |= {("trigger", name): self._once(text) for name, text in triggers}
        for db, name, text in connection.rows(EVENTS, databases):
            statements[db]["event", name] = text
        return statements

    def _views(
        self, connection: Connection, databases: Sequence[str]
    ) -> tuple[Mapping[str, dict[Name, str]], Mapping[str, list[str]]]:
        """Return the statements of the views by database, and the names of tables and views."""
        views: dict[str, dict[Name, str]] = {}
        names: dict[str, list[str]] = {}
        count = len(databases)
        results = connection.results(
            [*_of_each(connection, NAMES, databases), *_of_each(connection, VIEWS, databases)]
        )
        for db, of_names, of_views in zip(databases, results[:count], results[count:], strict=True):
            names[db] = sorted(name for (name,) in of_names)
            views[db] = {
                ("view", name): self._once(_shown_view(connection, db, name) if is_doubtful else text)
                for name, text, is_doubtful in of_views
            }
        return views, names

    def _once(self, text: str) -> str:
        return self._texts.setdefault(text, text)


def _of_each(connection: Connection, query: str, databases: Sequence[str]) -> list[str]:
    return [query.replace("%s", connection.raw.escape(db)) for db in databases]


def _shown_view(connection: Connection, db: str, name: str) -> str:
    ((_, text, *_),) = connection.rows(f"SHOW CREATE VIEW {quoted(db)}.{quoted(name)}")
    return str(text).replace(f"`{db}`.", "")


def quoted(name: str) -> str:
    """Return a name in backticks."""
    return "`" + name.replace("`", "``") + "`"


def trigger_statement(name: str, definition: str) -> str:
    """Return the statement that makes a trigger as `definitions` shows it."""
    head, _, statement = definition.split("\n", 2)  # the session decides about the second line
    definer, timing, event, _, table = head.split(" ", 4)
    user, _, host = definer.rpartition("@")
    return (
        f"CREATE OR REPLACE DEFINER = '{user}'@'{host}' TRIGGER `{name}`\n"
        f"{timing} {event} ON `{table}` FOR EACH ROW\n{statement}"
    )
