"""Whether what the service depends on answers: what `/-/health` and `/api/v1/health` say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

from redis.exceptions import RedisError

from service.database import Database
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.push import Pusher

PATIENCE = 2
RETRY = {"Retry-After": "2"}


async def health(db: Database, pusher: Pusher) -> dict[str, Any]:
    """status: ok, degraded (calls work, pushes are lost) or down; dependencies: the same of each; time."""
    database, redis = await asyncio.gather(_state(db.ping(), "down"), _state(_redis_ping(pusher), "degraded"))
    found = {"database": database, "redis": redis}
    worst = next((s for s in ("down", "degraded") if s in found.values()), "ok")
    return {"status": worst, "dependencies": found, "time": int(time.time())}


async def _redis_ping(pusher: Pusher) -> None:
    # the client answers an awaitable or a value, depending on its kind
    await pusher.redis.execute_command("PING")  # type: ignore[no-untyped-call]
    if not pusher.listening.is_set():
        raise RedisError("not subscribed yet")


async def _state(check: Awaitable[None], failure: str) -> str:
    try:
        await asyncio.wait_for(check, PATIENCE)
    except (DatabaseUnavailableError, DatabaseTimeoutError, RedisError, OSError, TimeoutError):
        return failure
    return "ok"
