"""Delete what is too old: history of contacts (docs/decisions/history.md), and reports of imports."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from service.live.shards import on_each_shard
from service.store.database import Database, ResultSet

DAYS = 30
"""For so long a change can be taken back."""
ROWS = 1000
"""Rows of one transaction, for which other changes of the owner wait."""
ROUND_SECONDS = 3.0

Answers = Awaitable[list[ResultSet]]


async def expire_history(db: Database) -> None:
    """Delete old rows in every shard, for at most 3 s in each."""
    await _expire(
        db,
        lambda shard: db.call(shard, "contact_aged_owner", DAYS),
        lambda shard, owner: db.call(shard, "my_history_expire", owner, DAYS, ROWS),
    )


async def expire_reports(db: Database) -> None:
    """End imports whose process has died, and delete old reports, for at most 3 s in each shard."""
    await _expire(
        db,
        lambda shard: db.call(shard, "import_report_due"),
        lambda shard, owner: db.call(shard, "import_report_expire", owner),
    )


async def _expire(
    db: Database, find: Callable[[str], Answers], expire: Callable[[str, str], Answers]
) -> None:
    """Let `expire` work for each owner of a shard whom `find` returns."""

    async def work(shard: str) -> None:
        started = time.monotonic()
        while time.monotonic() - started < ROUND_SECONDS:
            (((owner,),),) = await find(shard)
            if owner is None:
                return
            await expire(shard, owner)

    await on_each_shard(await db.shards(), work)
