"""Delete what is too old in the history of contacts (docs/decisions/history.md)."""

from __future__ import annotations

import time

from service.store.database import Database

DAYS = 30
"""For so long a change can be taken back."""
ROWS = 1000
"""Rows of one transaction, for which other changes of the owner wait."""
ROUND_SECONDS = 3.0


async def expire_history(db: Database) -> None:
    """Delete old rows in every shard, for at most 3 s in each."""
    for shard in await db.shards():
        started = time.monotonic()
        while time.monotonic() - started < ROUND_SECONDS:
            (((owner,),),) = await db.call(shard, "contact_aged_owner", DAYS)
            if owner is None:
                break
            await db.call(shard, "my_history_expire", owner, DAYS, ROWS)
