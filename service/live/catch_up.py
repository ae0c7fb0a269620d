"""Rebuild stale contact records: a big group or tag changed, many contacts were imported, or an upgrade ran.

Works on one owner at a time. An owner whose records cannot be built is set aside in a table of the shard: all
processes skip the owner until the next try is due, also after a restart. Other owners go on.
"""

from __future__ import annotations

import asyncio
import logging
import time

from service import metrics
from service.live.phone_numbers import international, region_for
from service.live.shards import on_each_shard
from service.log import kind_of
from service.loops import Loops
from service.store.database import Database, ResultSet, encode
from service.store.server_errors import concerns_one_owner

log = logging.getLogger(__name__)

NUMBERS = 500
"""Phone numbers of one owner whose international form is written in one transaction."""
CONTACTS = 200
"""Contacts per transaction; their owner cannot write meanwhile."""
ROUND_SECONDS = 3.0
SHARDS = 200
"""Shards of one round: it ends in time for a site with a thousand of them, too."""


class CatchUp:
    """Rebuilds stale records, round by round."""

    def __init__(self, db: Database, loops: Loops, phone_region: str) -> None:
        self._db = db
        self._phone_region = phone_region
        self._loops = loops
        self._remaining: list[str] = []
        """Shards whose turn is still to come, before the first one has another."""
        self._set_aside_in: dict[str, int] = {}
        """Number of owners who are set aside, by shard."""

    async def round(self) -> float:
        """Work on the next shards; return the pause in seconds: none until every shard had its turn."""
        if not self._remaining:
            self._remaining = await self._db.shards()
            self._set_aside_in = {s: self._set_aside_in.get(s, 0) for s in self._remaining}
        shards, self._remaining = self._remaining[:SHARDS], self._remaining[SHARDS:]
        await on_each_shard(shards, self._work)
        self._loops.set_aside = sum(self._set_aside_in.values())
        metrics.SET_ASIDE.set(self._loops.set_aside)
        return 0.0 if self._remaining else ROUND_SECONDS

    async def _work(self, shard: str) -> None:
        """Write numbers and rebuild records of one shard; count the owners who are set aside."""
        await self._write_international(shard)
        self._set_aside_in[shard] = await self._catch_up(shard)

    async def _write_international(self, shard: str) -> None:
        """Write the international form of new phone numbers, for at most 3 s; their contacts become stale."""
        started = time.monotonic()
        while time.monotonic() - started < ROUND_SECONDS:
            (number_rows,) = await self._db.call(shard, "contact_phone_unknown", NUMBERS)
            if not number_rows:
                return
            numbers = await asyncio.to_thread(self._known, number_rows)
            await self._db.call(shard, "contact_phones_set", number_rows[0][0], encode(numbers))

    def _known(self, number_rows: ResultSet) -> list[dict[str, str]]:
        *_, region, own_number = number_rows[0]
        region = region_for(region, own_number, self._phone_region)
        return [
            {
                "contact": contact,
                "id": number_id,
                "number": number,
                "international": international(number, region),
            }
            for _, contact, number_id, number, *_ in number_rows
        ]

    async def _catch_up(self, shard: str) -> int:
        """Rebuild records of one shard for at most 3 s; return how many owners are set aside."""
        started = time.monotonic()
        while True:
            ((owner, set_aside),) = (await self._db.call(shard, "contact_stale_owner"))[0]
            if owner is None or time.monotonic() - started > ROUND_SECONDS:
                return int(set_aside)
            try:
                (((_, failures),),) = await self._db.call(shard, "my_contacts_catch_up", owner, CONTACTS)
            except Exception as exc:
                if not concerns_one_owner(exc):
                    raise
                await self._set_aside(shard, owner, exc)
            else:
                if failures:
                    log.info("records of an owner are made again", extra={"uid": owner, "shard": shard})

    async def _set_aside(self, shard: str, owner: str, exc: Exception) -> None:
        """Skip an owner until the next try; log the error unless it is the same as the last one."""
        error = f"{type(exc).__name__}: {exc}"
        (((is_new_error,),),) = await self._db.call(shard, "contact_set_aside_add", owner, error)
        metrics.SET_ASIDE_FAILURES.inc()
        if is_new_error:
            log.error(
                "records of an owner cannot be made, set aside",
                extra={"uid": owner, "shard": shard, "error": kind_of(exc)},
                exc_info=exc,
            )
