"""Tables, views, triggers and events of databases, as the server shows them.

Views, triggers and events come with one query each for several databases, and equal texts come once: SHOW
CREATE VIEW opens every table below a view, and would take most of the time. Tables come by SHOW CREATE TABLE,
which alone tells everything of them, many in one statement.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from queue import SimpleQueue

from service.settings import DatabaseServer, Settings
from service.store.admin import Connection

Name = tuple[str, str]
"""(table, view, trigger or event; name)"""
BATCH = 10
"""Databases that are read at once: few enough that their tables stay in the smallest caches of a server, and
each is opened once, for its definition and for its triggers."""
READERS = 2
"""Connections that read at the same time: a thread of the server takes 0.3 ms for each table."""

# Each query names one database by =, and several are one statement: with IN, the server reads the folders of
# all databases, and for TRIGGER_SCHEMA it even opens the tables of all. Events come from one table.
NAMES = """
    SELECT TABLE_SCHEMA AS db, TABLE_NAME AS name
    FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = %s
"""
"""Of tables and views: to say which it is, the server would open each file."""

VIEWS = """
    SELECT TABLE_SCHEMA AS db, TABLE_NAME AS name,
           CONCAT('CREATE ALGORITHM=', ALGORITHM, ' DEFINER=`', REPLACE(DEFINER, '@', '`@`'),
                  '` SQL SECURITY ', SECURITY_TYPE, ' VIEW `', TABLE_NAME, '` AS ',
                  REPLACE(VIEW_DEFINITION, CONCAT('`', TABLE_SCHEMA, '`.'), ''),
                  IF(CHECK_OPTION = 'NONE', '', CONCAT(' WITH ', CHECK_OPTION, ' CHECK OPTION'))) AS text,
           VIEW_DEFINITION = '' OR LOCATE('?', VIEW_DEFINITION) > 0 AS is_doubtful
    FROM information_schema.VIEWS
    WHERE TABLE_SCHEMA = %s
"""
"""Doubtful: the account may not see it, or ? stands for a letter that information_schema cannot show."""
TRIGGERS = """
    SELECT TRIGGER_SCHEMA AS db, TRIGGER_NAME AS name,
           CONCAT(DEFINER, ' ', ACTION_TIMING, ' ', EVENT_MANIPULATION, ' ON ', EVENT_OBJECT_TABLE, '\\n',
                  'sql_mode ', SQL_MODE, '; ', CHARACTER_SET_CLIENT, ' ', COLLATION_CONNECTION, '\\n',
                  ACTION_STATEMENT) AS text,
           0 AS is_doubtful
    FROM information_schema.TRIGGERS
    WHERE EVENT_OBJECT_SCHEMA = %s
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
        names = sorted(connection.rows(_of_each(NAMES, databases), *databases))
        views = self._objects(connection, "view", _of_each(VIEWS, databases), databases)
        tables = [(db, name) for db, name in names if ("view", name) not in views[db]]
        statements: dict[str, dict[Name, str]] = {db: {} for db in databases}
        texts = connection.results(f"SHOW CREATE TABLE {quoted(db)}.{quoted(name)}" for db, name in tables)
        for (db, name), ((_, text, *_),) in zip(tables, texts, strict=True):
            statements[db]["table", name] = self._once(re.sub(r" AUTO_INCREMENT=\d+", "", text))
        # After the tables, which it opens: they are still in the cache of the server.
        triggers = self._objects(connection, "trigger", _of_each(TRIGGERS, databases), databases)
        events = self._objects(connection, "event", EVENTS, [databases])
        return {db: statements[db] | views[db] | triggers[db] | events[db] for db in databases}

    def _objects(
        self, connection: Connection, kind: str, query: str, args: Sequence[object]
    ) -> Mapping[str, dict[Name, str]]:
        objects: dict[str, dict[Name, str]] = defaultdict(dict)
        once = EQUAL_ONCE.format(objects=query)
        for places, name, text, is_doubtful in connection.rows(once, *args):
            for db in places.split(","):
                definition = _shown_view(connection, db, name) if is_doubtful else text
                objects[db][kind, name] = self._once(definition)
        return objects

    def _once(self, text: str) -> str:
        return self._texts.setdefault(text, text)


def _of_each(query: str, databases: Sequence[str]) -> str:
    return " UNION ALL ".join([query] * len(databases))


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
