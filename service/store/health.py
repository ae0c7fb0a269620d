"""Health of the service and of the servers behind it, and the wait of a starting process for MariaDB."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pymysql
from redis.exceptions import RedisError

from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.log import kind_of
from service.loops import Loops
from service.store.database import Database
from service.store.redis import RedisServers

log = logging.getLogger(__name__)

T = TypeVar("T")
TIMEOUT_SECONDS = 2
WAIT_SECONDS = 1.0
"""Pause between two attempts of a process to start while MariaDB is away."""
DATABASE_AWAY = (DatabaseUnavailableError, DatabaseTimeoutError)
RETRY = {"Retry-After": "2"}


async def when_database_answers(step: Callable[[], Awaitable[T]]) -> T:
    """Return the result of a step of the start, which is repeated until MariaDB answers in time.

    gunicorn ends all workers when one of them fails to start, so that a single restart while MariaDB is away
    would close the WebSockets of all. It replaces a worker that waits here longer than its timeout.
    """
    while True:
        try:
            return await step()
        except DATABASE_AWAY as exc:
            log.warning("a worker waits for MariaDB to start", extra={"error": kind_of(exc)})
            await asyncio.sleep(WAIT_SECONDS)


async def health(
    db: Database, redis: RedisServers, loops: Loops, *, node: str, listening: bool
) -> dict[str, Any]:
    """Return the health of the process `node`, for `/-/health` and `/api/v1/health`.

    `listening`: whether it is subscribed to its live updates.
    status: ok, degraded (calls work, but pushes are lost, the database only reads, or a loop is in trouble)
    or down. dependencies: the same of each. slow_databases: those whose CALLs time out; they make the
    database degraded. home: the node in use, and nodes: the state of each, both for several addresses in
    DRUMEE_DB; a node that is down makes the database degraded. loops: those in trouble, each `late` (also in
    another worker of this host) or `dead`.
    set_aside: how many owners have spoiled data. time: unix seconds.
    """
    database_state, writing_state, redis_state = await asyncio.gather(
        _state(db.ping(), "down"),
        _state(db.check_writes(node), "degraded"),
        _state(_ping(redis, listening), "degraded"),
    )
    slow_databases = db.outages.slow_databases()
    if database_state == "ok":
        in_trouble = db.is_in_trouble or db.home.is_degraded or slow_databases
        database_state = "degraded" if in_trouble else writing_state
    dependencies, troubles = {"database": database_state, "redis": redis_state}, loops.troubles()
    states = {*dependencies.values(), "degraded" if troubles else "ok"}
    return {
        "status": next((s for s in ("down", "degraded") if s in states), "ok"),
        "dependencies": dependencies,
        "slow_databases": slow_databases,
        "home": db.home.name,
        "nodes": db.home.nodes(),
        "loops": troubles,
        "set_aside": loops.set_aside,
        "time": int(time.time()),
    }


async def _ping(redis: RedisServers, listening: bool) -> None:
    await redis.ping()
    if not listening:
        raise RedisError("not subscribed yet")


async def _state(check: Awaitable[None], failure: str) -> str:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await check
    except (*DATABASE_AWAY, RedisError, OSError, TimeoutError):
        return failure
    except pymysql.err.MySQLError as exc:
        # such as 1449: the account that the routines belong to is gone
        log.error("the database refuses a health check", extra={"error": kind_of(exc)})
        return failure
    return "ok"
