"""Call routines directly, on the connections of the service: readers cannot write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from service.admin.registry import Registry
from service.settings import Settings
from service.store.admin import Connection
from service.store.database import Database
from tests.support.admin import SECOND_SHARD
from tests.support.direct import Direct
from tests.support.scene import Scene


@pytest.fixture
async def direct(settings: Settings, registry: Registry) -> AsyncIterator[Direct]:
    """Call routines as the service does."""
    db = Database(settings)
    await db.load_routines()
    assert SECOND_SHARD in await db.shards()
    yield Direct(db, registry)
    await db.close()


@pytest.fixture(scope="session")
def scene_connection(settings: Settings) -> Iterator[Connection]:
    """Return an administrator's connection with the isolation and locks of the service."""
    made = Connection(settings)
    made.run("SET tx_isolation = 'READ-COMMITTED', innodb_snapshot_isolation = ON")
    yield made
    made.close()


@pytest.fixture
def scene(scene_connection: Connection) -> Iterator[Scene]:
    """Return a scene in a transaction that is rolled back, without the sockets and rooms of other tests."""
    scene_connection.raw.begin()
    made = Scene(scene_connection)
    # Routines such as conference_review work on all rooms. Participants and bans go with the first two.
    for table in ("socket", "conference_room", "call_invitation"):
        made.sets(f"DELETE FROM yp.{table}")
    yield made
    scene_connection.raw.rollback()
