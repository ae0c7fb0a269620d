"""Health of the servers behind the service."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from redis.exceptions import RedisError

from service.loops import Loops
from service.settings import Settings
from service.store.database import Database
from service.store.health import health
from tests.support.admin import Admin


class AwayRedis:
    """Redis that does not answer."""

    async def ping(self) -> None:
        raise RedisError("away")


async def test_routines_that_nobody_may_run_are_no_crash_of_health(
    settings: Settings, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account that a routine belongs to is gone: CALLs fail with 1449, and the server answers."""
    admin.rows(
        "CREATE OR REPLACE DEFINER = gone@localhost PROCEDURE yp.test_orphan() SQL SECURITY DEFINER SELECT 1"
    )
    db = Database(dataclasses.replace(settings, db_pool=1))
    try:
        await db.load_routines()
        redis: Any = AwayRedis()

        async def check_writes(_: str) -> None:
            await db.call("yp", "test_orphan")

        monkeypatch.setattr(db, "check_writes", check_writes)
        state = await health(db, redis, Loops(), node="0" * 16, listening=True)
        assert state["dependencies"] == {"database": "degraded", "redis": "degraded"}
    finally:
        await db.close()
        admin.rows("DROP PROCEDURE yp.test_orphan")
