"""The oldest schema that this service works with: every migration of its own checkout.

A newer schema is welcome: migrations must work with the service that is running (sql/README.md).
"""

from __future__ import annotations

import pymysql

from service import as_typed
from service.errors import DeclarationError
from service.schema.routines import migration_names
from service.store.database import Database, RoutineInfo

NOT_DEPLOYED = {
    1044: "no access to the database",
    1049: "no such database",
    1142: "no right",
    1305: "no such routine",
    1370: "no right to execute",
}


class SchemaTooOldError(DeclarationError):
    """The databases lack migrations of this version; the message names them, and the command."""


async def load_schema(db: Database) -> dict[tuple[str, str], RoutineInfo]:
    """Return the installed routines. Raise SchemaTooOldError when migrations are missing."""
    try:
        installed = await db.load_routines()
        ((state),) = await db.call("yp", "schema_state")
    except (pymysql.err.MySQLError, KeyError) as exc:
        number = exc.args[0] if exc.args else 0
        if isinstance(exc, KeyError) or number in NOT_DEPLOYED:
            raise SchemaTooOldError(f"the databases are not deployed: run `{as_typed('deploy')}`") from exc
        raise
    missing = _missing({(str(name), str(migration)) for name, migration in state})
    if missing:
        raise SchemaTooOldError(
            f"the schema is older than this service needs: {', '.join(missing)}; run `{as_typed('deploy')}`"
        )
    return installed


def _missing(applied: set[tuple[str, str]]) -> list[str]:
    databases = sorted({name for name, _ in applied} | {"yp"})
    return [
        f"{name} lacks {migration}"
        for name in databases
        for migration in migration_names("yp" if name == "yp" else "shard")
        if (name, migration) not in applied
    ]
