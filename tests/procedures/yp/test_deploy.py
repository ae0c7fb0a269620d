"""procedures/yp/deploy, called directly."""

from __future__ import annotations

from service.schema.routines import load_migrations
from tests.support.admin import SECOND_SHARD
from tests.support.direct import Direct


async def test_schema_state_lists_every_migration_of_every_database(direct: Direct) -> None:
    (rows,) = await direct.sets("yp", "schema_state")
    for db in ("yp", "shard1", SECOND_SHARD):
        wanted = {s.name for s in load_migrations("yp" if db == "yp" else "shard")}
        assert {name for where, name in rows if where == db} == wanted
