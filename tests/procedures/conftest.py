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

WRONG_DOCUMENTS = """
    SELECT d.id, r.rpc_card, d.rpc_card, r.rpc_full, d.rpc_full
    FROM contact_document AS d
    JOIN contact AS c ON c.owner_id = d.owner_id AND c.id = d.id AND c.box <> 'hidden'
    LEFT JOIN contact_record AS r ON r.owner_id = d.owner_id AND r.contact_id = d.id
    LEFT JOIN contact_stale AS s ON s.owner_id = d.owner_id AND s.contact_id = d.id
    WHERE d.owner_id IN ({}) AND s.contact_id IS NULL
      AND NOT (r.rpc_card <=> d.rpc_card AND r.rpc_full <=> d.rpc_full)
"""


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
    made.written_by_hand = False
    yield made
    owners = ", ".join(f"'{uid}'" for uid in made.users())
    wrong = [] if made.written_by_hand or not owners else made.rows(WRONG_DOCUMENTS.format(owners))
    scene_connection.raw.rollback()
    assert not wrong, "stored cards differ from those that would be made now"
