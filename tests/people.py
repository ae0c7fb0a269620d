"""People as tests need them: a browser session each, and tabs with a real WebSocket."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from yarl import URL

from service.acl import load_pushes
from service.demo import Registry

if TYPE_CHECKING:
    from tests.conftest import Admin

PASSWORD = "correct horse battery"
WAIT = 5.0
"""Longer than any push takes on a busy machine; what arrives earlier is taken at once."""
QUIET = 0.25
"""How long nothing may happen before a test believes that nothing will."""


PUSHES = load_pushes()
JSON_TYPES = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
}  # fmt: skip


def misfit(frame: dict[str, Any]) -> str | None:
    """How a frame differs from its declaration in acl/, which is what frontend developers read."""
    is_update = frame["service"] == "live.update"
    name = frame["options"]["service"] if is_update else frame["service"]
    if name not in PUSHES:
        return f"{name} is not declared"
    fields = PUSHES[name].get("model")
    for key, value in (frame["model"] if is_update else frame["data"]).items() if fields else ():
        if key not in fields:
            return f"{name}: {key} is not declared"
        if value is not None and not isinstance(value, JSON_TYPES[fields[key]["type"]]):
            return f"{name}: {key} is no {fields[key]['type']}: {value!r}"
    return None


@dataclass(frozen=True)
class Answer:
    """HTTP status and decoded body of a call."""

    status: int
    body: dict[str, Any]
    headers: Any

    @property
    def data(self) -> Any:
        return self.body["data"]

    @property
    def code(self) -> str | None:
        """The code of an error or business refusal."""
        return self.body.get("error") or (self.data.get("status") if isinstance(self.data, dict) else None)


class Socket:
    """One WebSocket and everything it has received."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.frames: list[dict[str, Any]] = []
        self._arrived = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.ws:
            if message.type is aiohttp.WSMsgType.TEXT:
                async with self._arrived:
                    self._take(orjson.loads(message.data))
                    self._arrived.notify_all()
        async with self._arrived:
            self._arrived.notify_all()

    def _take(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)

    async def _wait(self, done: Any) -> None:
        async with self._arrived:
            try:
                await asyncio.wait_for(self._arrived.wait_for(lambda: done() or self.ws.closed), WAIT)
            except TimeoutError:
                return

    async def close(self) -> None:
        """Close properly."""
        await self.ws.close()
        await self._reader


class Tab(Socket):
    """A WebSocket of the frontend."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.misfits: set[str] = set()
        super().__init__(ws)

    def _take(self, frame: dict[str, Any]) -> None:
        super()._take(frame)
        self.misfits |= {found for found in [misfit(frame)] if found}

    async def hello(self) -> dict[str, Any]:
        """The data of sys.hello, which must be the first frame."""
        await self._wait(lambda: bool(self.frames))
        assert self.frames[0]["service"] == "sys.hello", self.frames[0]
        return self.frames[0]["data"]

    @property
    def id(self) -> str:
        return self.frames[0]["data"]["socket_id"]

    def updates(self, service: str) -> list[dict[str, Any]]:
        """The live updates of this service so far."""
        return [
            f for f in self.frames if f["service"] == "live.update" and f["options"]["service"] == service
        ]

    async def expect(self, service: str, count: int = 1) -> dict[str, Any]:
        """Wait until there are `count` live updates of this service; the last of them."""
        await self._wait(lambda: len(self.updates(service)) >= count)
        found = self.updates(service)
        assert len(found) >= count, f"no {service} in {self.frames}"
        return found[count - 1]

    async def settles(self, service: str, model: dict[str, Any]) -> None:
        """Wait until the newest live update of this service has this model."""
        await self._wait(lambda: [f["model"] for f in self.updates(service)[-1:]] == [model])
        assert [f["model"] for f in self.updates(service)[-1:]] == [model]

    async def expect_frame(self, name: str) -> dict[str, Any]:
        """Wait for a system frame; its data."""
        await self._wait(lambda: any(f["service"] == name for f in self.frames))
        found = [f for f in self.frames if f["service"] == name]
        assert found, f"no {name} in {self.frames}"
        return found[-1]["data"]

    async def nothing(self, service: str, seconds: float = QUIET) -> None:
        """No live update of this service arrives."""
        seen = len(self.updates(service))
        await asyncio.sleep(seconds)
        assert len(self.updates(service)) == seen, self.updates(service)[seen:]

    async def cut(self) -> None:
        """The cable is pulled: the connection dies without a goodbye."""
        assert self.ws._response.connection is not None
        transport = self.ws._response.connection.transport
        assert transport is not None
        transport.abort()
        await asyncio.gather(self._reader, return_exceptions=True)


class Person:
    """Somebody with an account, a cookie jar, and any number of tabs."""

    def __init__(self, base: URL, email: str, uid: str, shard: str) -> None:
        self.base = base
        self.email = email
        self.uid = uid
        self.shard = shard
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.tabs: list[Tab] = []

    async def call(
        self,
        service: str,
        *,
        frontend: bool = False,
        headers: dict[str, str] | None = None,
        **args: Any,
    ) -> Answer:
        """POST a service, as the frontend's postService does."""
        sent = {"x-param-device": "desktop"} if frontend else {}
        url = self.base / "-/svc" / service
        async with self.http.post(url, json=args, headers={**sent, **(headers or {})}) as response:
            return Answer(response.status, orjson.loads(await response.read()), response.headers)

    async def get(self, service: str, query: str = "", *, frontend: bool = False) -> Answer:
        """GET a service with a raw query string."""
        url = URL(f"{self.base}-/svc/{service}?{query}", encoded=True)
        sent = {"x-param-device": "desktop"} if frontend else {}
        async with self.http.get(url, headers=sent) as response:
            return Answer(response.status, orjson.loads(await response.read()), response.headers)

    async def ok(self, service: str, **args: Any) -> Any:
        """The data of a call that must succeed."""
        answer = await self.call(service, **args)
        assert answer.status == 200, answer.body
        assert "error" not in answer.body, answer.body
        return answer.data

    async def sign_in(self, password: str = PASSWORD) -> Answer:
        """yp.login."""
        return await self.call("yp.login", vars={"ident": self.email, "password": password})

    async def tab(self, base: URL | None = None, *, was: Tab | None = None) -> Tab:
        """Open a WebSocket as the frontend does, and wait for its hello; `was`: the tab reconnects."""
        base = base or self.base
        named = {"socket_id": was.id} if was else {}
        token = (await self.ok("bootstrap.authn", **named))["token"]
        url = (base / "-/websocket/").with_query(otak=token)
        tab = Tab(await self.http.ws_connect(url, protocols=("service",)))
        self.tabs.append(tab)
        await tab.hello()
        return tab

    async def leave(self) -> None:
        """Close all tabs and the session of the test's HTTP client."""
        for tab in self.tabs:
            if not tab.ws.closed:
                await tab.close()
        await self.http.close()


class People:
    """Makes people, with accounts that no other test uses."""

    def __init__(self, base: URL, registry: Registry, password_hash: str) -> None:
        self._base = base
        self._registry = registry
        self._hash = password_hash
        self._made: list[Person] = []

    async def __call__(
        self,
        name: str = "Alice",
        *,
        domain: str | None = None,
        shard: str = "shard1",
        base: URL | None = None,
    ) -> Person:
        """A person who is signed in."""
        person = await self.registered(name, domain=domain, shard=shard, base=base)
        answer = await person.sign_in()
        assert answer.data["status"] == "ok", answer.body
        return person

    async def registered(
        self,
        name: str = "Alice",
        *,
        domain: str | None = None,
        shard: str = "shard1",
        base: URL | None = None,
    ) -> Person:
        """A person who has an account, and has not signed in."""
        mark = secrets.token_hex(5)
        email = f"{name.lower()}.{mark}@{domain or 'example.org'}"
        username = email.partition("@")[0]
        ((uid, _wicket, db),) = await asyncio.to_thread(
            self._registry.call,
            *("yp", "drumate_create", None, email, username, self._hash, name, "Test", domain, shard),
        )
        person = Person(base or self._base, email, uid, db)
        self._made.append(person)
        return person

    async def stranger(self, base: URL | None = None) -> Person:
        """Somebody without an account."""
        person = Person(base or self._base, "nobody@example.org", "f" * 16, "")
        self._made.append(person)
        return person

    async def close(self) -> None:
        """Everybody leaves; every frame they got was as the reference says."""
        for person in self._made:
            await person.leave()
        assert not {misfit for person in self._made for tab in person.tabs for misfit in tab.misfits}


async def befriend(admin: Admin, one: Person, other: Person) -> None:
    """Two people are mutual contacts."""
    for a, b in ((one, other), (other, one)):
        contact = await a.ok("contact.add", invitee_id=b.uid)
        admin.rows(
            f"UPDATE {a.shard}.contact SET uid = peer_id, status = 'active' WHERE id = %s", contact["id"]
        )
