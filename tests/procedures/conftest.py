"""Routines called directly, through the door of the service: readers on connections that cannot write."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from service.database import Database, ResultSet, document, documents
from service.demo import Registry
from service.deploy.connection import Connection
from service.errors import Refused
from service.settings import Settings
from tests.conftest import SECOND_SHARD
from tests.procedures.scene import NODE, Scene


@dataclass
class Somebody:
    """A registered person."""

    uid: str
    email: str
    shard: str


class Direct:
    """CALLs, and the people they are about."""

    def __init__(self, db: Database, registry: Registry) -> None:
        self.db = db
        self.registry = registry

    async def sets(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """All result sets of a CALL."""
        return await self.db.call(db, name, *args)

    async def one(self, db: str, name: str, *args: Any) -> Any:
        """The document of the first row, or None."""
        return document((await self.sets(db, name, *args))[0])

    async def all(self, db: str, name: str, *args: Any) -> list[Any]:
        """The documents of the first result set."""
        return documents((await self.sets(db, name, *args))[0])

    async def refusal(self, db: str, name: str, *args: Any) -> str:
        """The code with which a CALL is refused."""
        with pytest.raises(Refused) as caught:
            await self.sets(db, name, *args)
        return caught.value.code

    def person(self, name: str = "Ada", domain: str | None = None, shard: str = "shard1") -> Somebody:
        """Register somebody."""
        email = f"{name.lower()}.{secrets.token_hex(5)}@{domain or 'example.org'}"
        ((uid, _, db),) = self.registry.call(
            "yp", "drumate_create", None, email, email.partition("@")[0], "-", name, "Test", domain, shard
        )
        return Somebody(uid, email, db)

    async def session(self, uid: str) -> str:
        """Sign somebody in; his session id."""
        sid = secrets.token_hex(16)
        await self.sets("yp", "session_signin", uid, sid, None, 60, "test", "127.0.0.1")
        return sid

    async def socket(self, sid: str, node: str = NODE) -> str:
        """Bind a socket to a session; its id."""
        token, socket = secrets.token_hex(16), secrets.token_hex(8)
        await self.sets("yp", "authn_store", sid, token, 60)
        assert await self.one("yp", "socket_bind", socket, sid, token, node)
        return socket

    async def contact(self, owner: Somebody, email: str = "", **more: Any) -> str:
        """Add a contact; its id."""
        email = email or f"{secrets.token_hex(5)}@example.com"
        given = {
            "email": [{"email": email, "is_default": 1}],
            "firstname": "Grace",
            "lastname": "Hopper",
            **more,
        }
        found = await self.one(owner.shard, "my_contact_add", owner.uid, text(given))
        return str(found["id"])


def text(value: Any) -> str:
    """JSON text, as routines take it."""
    return orjson.dumps(value).decode()


def mail(*emails: str, default: int = 0) -> dict[str, Any]:
    """A contact with these addresses."""
    return {"email": [{"email": e, "is_default": int(n == default)} for n, e in enumerate(emails)]}


@pytest.fixture
async def direct(settings: Settings, registry: Registry) -> AsyncIterator[Direct]:
    """CALLs as the service makes them."""
    db = Database(settings)
    await db.load_routines()
    assert SECOND_SHARD in await db.shards()
    yield Direct(db, registry)
    await db.close()


@pytest.fixture(scope="session")
def scene_connection(settings: Settings) -> Iterator[Connection]:
    """An administrator's connection that locks and reads as those of the service do."""
    made = Connection(settings)
    made.run("SET tx_isolation = 'READ-COMMITTED', innodb_snapshot_isolation = ON")
    made.run("SET group_concat_max_len = 67108864")
    yield made
    made.close()


@pytest.fixture
def scene(scene_connection: Connection) -> Iterator[Scene]:
    """People and CALLs in a transaction of which nothing stays."""
    scene_connection.raw.begin()
    yield Scene(scene_connection)
    scene_connection.raw.rollback()


async def race(direct: Direct, code: str, *calls: tuple[Any, ...]) -> None:
    """CALLs at the same moment: one succeeds, all others are refused with this code."""
    results = await asyncio.gather(*(direct.sets(*call) for call in calls), return_exceptions=True)
    outcomes = sorted(r.code if isinstance(r, Refused) else "done" for r in results)
    unexpected = [r for r in results if isinstance(r, BaseException) and not isinstance(r, Refused)]
    assert not unexpected, unexpected
    assert sorted(outcomes) == sorted(["done", *[code] * (len(calls) - 1)])
