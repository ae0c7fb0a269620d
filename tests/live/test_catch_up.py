"""The catch-up works on all shards, some in each round."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from service.live import catch_up
from service.loops import Loops
from service.settings import Settings
from service.store.database import Database, ResultSet


class _Recorder(Database):
    """Answers that nothing is stale; the shard that is named last has three owners who are set aside."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.names = [f"shard{number}" for number in range(5)]
        self.served: list[str] = []

    async def shards(self) -> list[str]:
        return list(self.names)

    async def call(self, db: str, name: str, *args: object) -> list[ResultSet]:
        if name == "contact_phone_unknown":
            return [[]]
        self.served.append(db)
        return [[(None, 3 if db == self.names[-1] else 0)]]


@pytest.fixture
async def db(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Recorder]:
    """Yield five shards, of which a round serves two."""
    monkeypatch.setattr(catch_up, "SHARDS", 2)
    recorder = _Recorder(settings)
    yield recorder
    await recorder.close()


async def test_rounds_follow_each_other_until_every_shard_had_its_turn(db: _Recorder) -> None:
    loops = Loops()
    work = catch_up.CatchUp(db, loops, "DE")
    pauses = [await work.round() for _ in range(3)]
    assert (db.served, pauses) == (db.names, [0.0, 0.0, catch_up.ROUND_SECONDS])
    assert loops.set_aside == 3
    db.names = db.names[:2]
    await work.round()
    assert db.served[5:] == db.names


async def test_owners_of_a_shard_that_is_gone_are_not_counted_as_set_aside(db: _Recorder) -> None:
    loops = Loops()
    work = catch_up.CatchUp(db, loops, "DE")
    for _ in range(3):
        await work.round()
    db.names = ["shard0", "shard1", "shard2"]
    await work.round()
    assert loops.set_aside == 0
