"""The oldest schema that this service works with: every migration of its own checkout.

A newer schema is welcome: migrations must work with the service that is running (sql/README.md).
"""

from __future__ import annotations

import pymysql

from service.acl import DeclarationError
from service.database import Database, RoutineInfo
from service.deploy.files import load_migrations

NOT_DEPLOYED = {
    1044: "no access to the database",
    1049: "no such database",
    1142: "no right",
    1305: "no such routine",
    1370: "no right to execute",
}


class SchemaTooOldError(DeclarationError):
    """The databases lack what this version needs; the message names it, and the command."""


async def load_schema(db: Database) -> dict[tuple[str, str], RoutineInfo]:
    """The installed routines; SchemaTooOldError when migrations are missing, or everything is."""
    try:
        installed = await db.load_routines()
        ((state),) = await db.call("yp", "schema_state")
    except (pymysql.err.MySQLError, KeyError) as exc:
        number = exc.args[0] if exc.args else 0
        if isinstance(exc, KeyError) or number in NOT_DEPLOYED:
            raise SchemaTooOldError("the databases are not deployed: run `make deploy`") from exc
        raise
    missing = _missing({(str(name), str(migration)) for name, migration in state})
    if missing:
        raise SchemaTooOldError(
            f"the schema is older than this service needs: {', '.join(missing)}; run `make deploy`"
        )
    return installed


def _missing(applied: set[tuple[str, str]]) -> list[str]:
    databases = sorted({name for name, _ in applied} | {"yp"})
    return [
        f"{name} lacks {script.name}"
        for name in databases
        for script in load_migrations("yp" if name == "yp" else "shard")
        if (name, script.name) not in applied
    ]
