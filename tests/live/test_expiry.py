"""Delete what is too old in every shard, also while one of them fails."""

from __future__ import annotations

import pytest

from service.live.expiry import expire_reports
from service.live.shards import on_each_shard
from service.settings import Settings
from service.store.database import Database
from tests.support.address_files import table, upload
from tests.support.admin import Admin
from tests.support.people import People

WEEK = 604_800


async def test_silent_imports_end_and_old_reports_go(
    people: People, admin: Admin, settings: Settings
) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    silent, old, recent = [(await upload(alice, tab, "a.csv", table(1))).data["import_id"] for _ in range(3)]
    reports = f"{alice.shard}.import_report"
    admin.rows(f"UPDATE {reports} SET state = 'running', beat = beat - 61 WHERE id = %s", silent)
    admin.rows(f"UPDATE {reports} SET ctime = ctime - %s WHERE id = %s", WEEK + 9, old)
    db = Database(settings)
    await db.load_routines()
    await expire_reports(db)
    await db.close()
    stored = dict(admin.rows(f"SELECT id, state FROM {reports} WHERE owner_id = %s", alice.uid))
    assert stored == {silent: "failed", recent: "done"}


async def test_a_shard_that_fails_does_not_stop_the_others(settings: Settings) -> None:
    db = Database(settings)
    await db.load_routines()
    shards = await db.shards()
    served: list[str] = []

    async def work(shard: str) -> None:
        served.append(shard)
        if shard == shards[0]:
            raise ValueError(shard)

    with pytest.raises(ValueError, match=shards[0]):
        await on_each_shard(shards, work)
    await db.close()
    assert served == shards
    assert len(shards) > 1
