"""Tables, views, triggers and events of a database, as the server shows them."""

from __future__ import annotations

import re

from service.store.admin import Connection

Name = tuple[str, str]
"""(table, view, trigger or event; name)"""


def definitions(connection: Connection, db: str) -> dict[Name, str]:
    """Return the statements of all objects in a database except routines."""
    connection.raw.select_db(db)
    statements: dict[Name, str] = {}
    for name, kind in connection.rows(f"SHOW FULL TABLES FROM `{db}`"):
        if kind == "VIEW":
            ((_, text, *_),) = connection.rows(f"SHOW CREATE VIEW `{name}`")
            statements["view", name] = text.replace(f"`{db}`.", "")
        else:
            ((_, text, *_),) = connection.rows(f"SHOW CREATE TABLE `{name}`")
            statements["table", name] = re.sub(r" AUTO_INCREMENT=\d+", "", text)
    for name, event, table, statement, timing, *others in connection.rows(f"SHOW TRIGGERS FROM `{db}`"):
        definer = others[2]
        statements["trigger", name] = f"{definer} {timing} {event} ON {table}\n{statement}"
    for name, definer, body in connection.rows(
        "SELECT EVENT_NAME, DEFINER, EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s",
        db,
    ):
        statements["event", name] = f"{definer}\n{body}"
    return statements


def trigger_statement(name: str, definition: str) -> str:
    """Return the statement that makes a trigger as `definitions` shows it."""
    head, _, statement = definition.partition("\n")
    definer, timing, event, _, table = head.split(" ", 4)
    user, _, host = definer.rpartition("@")
    return (
        f"CREATE OR REPLACE DEFINER = '{user}'@'{host}' TRIGGER `{name}`\n"
        f"{timing} {event} ON `{table}` FOR EACH ROW\n{statement}"
    )
