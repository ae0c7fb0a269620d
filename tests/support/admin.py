"""An administrator's view of the tables."""

from __future__ import annotations

from typing import Any

import pymysql
import pytest

from service.deploy.deployer import connect
from service.errors import read_refusal
from service.settings import Settings, database_servers

SECOND_SHARD = "shard2"


class Admin:
    """Read the tables directly, which the service cannot."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def rows(self, statement: str, *args: Any) -> list[tuple[Any, ...]]:
        """Return all rows of a statement; each uses its own connection and sees the latest data."""
        connection = connect(database_servers(self._settings.db_admin))
        try:
            # Routines that write need a transaction. SERIALIZABLE SELECTs would lock what they read in one.
            if statement.startswith("CALL "):
                connection.begin()
            with connection.cursor() as cursor:
                cursor.execute(statement, args or None)
                rows = list(cursor.fetchall())
            connection.commit()
            return rows
        finally:
            connection.close()

    def one(self, statement: str, *args: Any) -> Any:
        """Return the first column of the first row."""
        return self.rows(statement, *args)[0][0]

    def refusal(self, statement: str, *args: Any) -> str:
        """Return the code with which a CALL is refused."""
        with pytest.raises(pymysql.err.MySQLError) as caught:
            self.rows(statement, *args)
        return read_refusal(str(caught.value.args[1])).code


STATE = (
    "SELECT table_schema, table_name, create_time FROM information_schema.tables "
    "WHERE table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')",
    "SELECT db, name, body, comment FROM mysql.proc WHERE definer LIKE 'drumee%'",
    "SELECT * FROM mysql.db",
    "SELECT User, Host, Priv FROM mysql.global_priv",
    "SHOW DATABASES",
)


def everything(dba: Admin) -> list[list[tuple[object, ...]]]:
    """Return what a deploy could change."""
    return [sorted(dba.rows(statement), key=str) for statement in STATE]
