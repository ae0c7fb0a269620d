"""Call routines directly, on the connections of the service: readers cannot write."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from service.admin.registry import Registry
from service.errors import Refused
from service.store.database import Database, ResultSet, document, documents
from tests.support.scene import NODE


@dataclass
class Somebody:
    """A registered user."""

    uid: str
    email: str
    shard: str


class Direct:
    """Call routines, and create the users that they need."""

    def __init__(self, db: Database, registry: Registry) -> None:
        self.db = db
        self.registry = registry

    async def sets(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """Return all result sets of a CALL."""
        return await self.db.call(db, name, *args)

    async def one(self, db: str, name: str, *args: Any) -> Any:
        """Return the document of the first row, or None."""
        return document((await self.sets(db, name, *args))[0])

    async def all(self, db: str, name: str, *args: Any) -> list[Any]:
        """Return the documents of the first result set."""
        return documents((await self.sets(db, name, *args))[0])

    async def refusal(self, db: str, name: str, *args: Any) -> str:
        """Return the code with which a CALL is refused."""
        with pytest.raises(Refused) as caught:
            await self.sets(db, name, *args)
        return caught.value.code

    def person(self, name: str = "Ada", domain: str | None = None, shard: str = "shard1") -> Somebody:
        """Register a user."""
        email = f"{name.lower()}.{secrets.token_hex(5)}@{domain or 'example.org'}"
        ((uid, _, db),) = self.registry.call(
            "yp", "drumate_create", None, email, email.partition("@")[0], "-", name, "Test", domain, shard
        )
        return Somebody(uid, email, db)

    async def session(self, uid: str) -> str:
        """Sign a user in; return the session id."""
        sid = secrets.token_hex(16)
        await self.sets("yp", "session_signin", uid, sid, None, None, 60, 50, "test", "127.0.0.1")
        return sid

    async def socket(self, sid: str, node: str = NODE) -> str:
        """Bind a socket to a session; return its id."""
        token, socket = secrets.token_hex(16), secrets.token_hex(8)
        await self.sets("yp", "authn_store", sid, token, 60)
        assert await self.one("yp", "socket_bind", socket, sid, token, node)
        return socket

    async def contact(self, owner: Somebody, email: str = "", **more: Any) -> str:
        """Add a contact; return its id."""
        email = email or f"{secrets.token_hex(5)}@example.com"
        fields = {
            "email": [{"email": email, "is_default": 1}],
            "firstname": "Grace",
            "lastname": "Hopper",
            **more,
        }
        contact = await self.one(owner.shard, "my_contact_add", owner.uid, json_text(fields))
        return str(contact["id"])


def json_text(value: Any) -> str:
    """Return JSON text, as routines take it."""
    return orjson.dumps(value).decode()


def with_emails(*emails: str, default: int = 0) -> dict[str, Any]:
    """Return a contact with these addresses."""
    return {"email": [{"email": e, "is_default": int(n == default)} for n, e in enumerate(emails)]}


async def race(direct: Direct, code: str, *calls: tuple[Any, ...]) -> None:
    """Run CALLs at the same moment: one succeeds, all others are refused with this code."""
    results = await asyncio.gather(*(direct.sets(*call) for call in calls), return_exceptions=True)
    outcomes = sorted(r.code if isinstance(r, Refused) else "done" for r in results)
    unexpected = [r for r in results if isinstance(r, BaseException) and not isinstance(r, Refused)]
    assert not unexpected, unexpected
    assert sorted(outcomes) == sorted(["done", *[code] * (len(calls) - 1)])
