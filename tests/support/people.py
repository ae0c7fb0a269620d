"""People for tests: a browser session each, and tabs with a real WebSocket."""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import aiohttp
import orjson
from jsonschema_rs import Draft7Validator
from yarl import URL

from service.admin.registry import Registry
from service.rpc.declarations import load_declarations, load_pushes
from service.specs.live import frame_name, frame_schema

if TYPE_CHECKING:
    from tests.support.admin import Admin

PASSWORD = "correct horse battery"
WAIT = 60.0
"""Seconds to wait for a frame: longer than any push takes on a machine that is busy with other work."""
FRONTEND = {"x-param-device": "desktop"}
"""The header by which the service knows the frontend."""
QUIET = 0.25
"""Seconds of silence after which a test concludes that no frame will come."""


FRAMES = {
    name: Draft7Validator(frame_schema(name, push, load_declarations()))
    for name, push in load_pushes().items()
}


def misfit(frame: dict[str, Any]) -> str | None:
    """Return the difference between a frame and its schema in /-/asyncapi.json, or None."""
    return difference(FRAMES, frame_name(frame), frame)


def difference(schemas: Mapping[str, Draft7Validator], name: str, frame: dict[str, Any]) -> str | None:
    """Return the first difference between a frame and the schema of this name, or None."""
    if name not in schemas:
        return f"{name} is not declared"
    for error in schemas[name].iter_errors(frame):
        return f"{name}: {'.'.join(map(str, error.instance_path))}: {error.message}"
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
        """Return the code of an error or business refusal."""
        return self.body.get("error") or (self.data.get("status") if isinstance(self.data, dict) else None)


class Socket(ABC):
    """One WebSocket and all frames it has received."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.frames: list[dict[str, Any]] = []
        self.misfits: set[str] = set()
        """How frames differ from the document of this WebSocket."""
        self._arrived = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        # raised for a PING that arrives as the connection breaks: it cannot be answered any more
        with suppress(aiohttp.ClientConnectionResetError):
            async for message in self.ws:
                if message.type is aiohttp.WSMsgType.TEXT:
                    async with self._arrived:
                        self._take(orjson.loads(message.data))
                        self._arrived.notify_all()
        async with self._arrived:
            self._arrived.notify_all()

    def _take(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        self.misfits |= {problem for problem in [self.misfit(frame)] if problem}

    @abstractmethod
    def misfit(self, frame: dict[str, Any]) -> str | None:
        """Return the difference between a frame and its schema, or None."""

    async def _wait(self, done: Any) -> None:
        async with self._arrived:
            try:
                await asyncio.wait_for(self._arrived.wait_for(lambda: done() or self.ws.closed), WAIT)
            except TimeoutError:
                return

    async def close(self) -> None:
        """Close the WebSocket properly."""
        await self.ws.close()
        await self._reader


class Tab(Socket):
    """A WebSocket of the frontend."""

    def misfit(self, frame: dict[str, Any]) -> str | None:
        """Return the difference between a frame and its declaration, or None."""
        return misfit(frame)

    async def hello(self) -> dict[str, Any]:
        """Return the data of sys.hello, which must be the first frame."""
        await self._wait(lambda: bool(self.frames))
        assert self.frames[0]["service"] == "sys.hello", self.frames[0]
        data: dict[str, Any] = self.frames[0]["data"]
        return data

    @property
    def id(self) -> str:
        return str(self.frames[0]["data"]["socket_id"])

    @property
    def transport(self) -> asyncio.Transport:
        """Return the connection below the WebSocket."""
        assert self.ws._response.connection is not None
        transport = self.ws._response.connection.transport
        assert isinstance(transport, asyncio.Transport)
        return transport

    def updates(self, service: str) -> list[dict[str, Any]]:
        """Return the live updates of this service so far."""
        return [
            f for f in self.frames if f["service"] == "live.update" and f["options"]["service"] == service
        ]

    async def expect(self, service: str, count: int = 1) -> dict[str, Any]:
        """Wait for `count` live updates of this service; return the last of them."""
        await self._wait(lambda: len(self.updates(service)) >= count)
        updates = self.updates(service)
        assert len(updates) >= count, f"no {service} in {self.frames}"
        return updates[count - 1]

    async def settles(self, service: str, model: dict[str, Any]) -> None:
        """Wait until the newest live update of this service has this model."""
        await self._wait(lambda: [f["model"] for f in self.updates(service)[-1:]] == [model])
        assert [f["model"] for f in self.updates(service)[-1:]] == [model]

    async def expect_frame(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait for `count` system frames of this name; return the data of the last."""
        await self._wait(lambda: sum(f["service"] == name for f in self.frames) >= count)
        frames = [f for f in self.frames if f["service"] == name]
        assert len(frames) >= count, f"no {name} in {self.frames}"
        data: dict[str, Any] = frames[-1]["data"]
        return data

    async def nothing(self, service: str, seconds: float = QUIET) -> None:
        """Check that no live update of this service arrives."""
        seen = len(self.updates(service))
        await asyncio.sleep(seconds)
        assert len(self.updates(service)) == seen, self.updates(service)[seen:]

    async def cut(self) -> None:
        """Drop the connection without closing the WebSocket, as a pulled cable does."""
        self.transport.abort()
        await asyncio.gather(self._reader, return_exceptions=True)


class Person:
    """A user with a cookie jar and any number of tabs."""

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
        headers: Mapping[str, str] | None = None,
        /,
        **args: Any,
    ) -> Answer:
        """POST a service, as the frontend's postService does."""
        url = self.base / "-/svc" / service
        async with self.http.post(url, json=args, headers=headers) as response:
            return Answer(response.status, orjson.loads(await response.read()), response.headers)

    async def get(self, service: str, query: str = "") -> Answer:
        """GET a service with a raw query string, as the frontend's fetchService does in a browser."""
        url = URL(f"{self.base}-/svc/{service}?{query}", encoded=True)
        async with self.http.get(url, headers={"Sec-Fetch-Site": "same-origin"}) as response:
            return Answer(response.status, orjson.loads(await response.read()), response.headers)

    async def ok(self, service: str, **args: Any) -> Any:
        """Call a service that must succeed; return its data."""
        answer = await self.call(service, **args)
        assert answer.status == 200, answer.body
        assert "error" not in answer.body, answer.body
        return answer.data

    async def sign_in(self, password: str = PASSWORD) -> Answer:
        """Sign in with yp.login."""
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

    async def calls(self, routine: str) -> float:
        """Return how often the service has called a routine, such as shard.my_contact_add."""
        async with self.http.get(self.base / "-/metrics") as response:
            lines = (await response.text()).splitlines()
        counters = [line for line in lines if line.startswith("drumee_calls_total{")]
        return sum(float(line.split()[-1]) for line in counters if f'routine="{routine}"' in line)

    async def leave(self) -> None:
        """Close all tabs and the session of the test's HTTP client."""
        for tab in self.tabs:
            if not tab.ws.closed:
                await tab.close()
        await self.http.close()


class Where(TypedDict, total=False):
    """The place of a new user."""

    domain: str | None
    """Domain of the email address and of the organisation; None: example.org, and no organisation."""
    shard: str
    base: URL | None
    """Address of the service process that the user calls."""


class People:
    """Create people with accounts that no other test uses."""

    def __init__(self, base: URL, registry: Registry, password_hash: str) -> None:
        self._base = base
        self._registry = registry
        self._hash = password_hash
        self._made: list[Person] = []

    async def __call__(self, name: str = "Alice", **where: Unpack[Where]) -> Person:
        """Create a user who is signed in."""
        person = await self.registered(name, **where)
        answer = await person.sign_in()
        assert answer.data["status"] == "ok", answer.body
        return person

    async def registered(self, name: str = "Alice", **where: Unpack[Where]) -> Person:
        """Create a user who has an account, and has not signed in."""
        domain, shard = where.get("domain"), where.get("shard", "shard1")
        mark = secrets.token_hex(5)
        email = f"{name.lower()}.{mark}@{domain or 'example.org'}"
        username = email.partition("@")[0]
        ((uid, _wicket, db),) = await asyncio.to_thread(
            self._registry.call,
            *("yp", "drumate_create", None, email, username, self._hash, name, "Test", domain, shard),
        )
        person = Person(where.get("base") or self._base, email, uid, db)
        self._made.append(person)
        return person

    async def stranger(self, base: URL | None = None) -> Person:
        """Create a visitor without an account."""
        person = Person(base or self._base, "nobody@example.org", "f" * 16, "")
        self._made.append(person)
        return person

    async def device(self, person: Person, base: URL | None = None) -> Person:
        """Sign the user in once more, on another device."""
        other = Person(base or person.base, person.email, person.uid, person.shard)
        self._made.append(other)
        answer = await other.sign_in()
        assert answer.data["status"] == "ok", answer.body
        return other

    async def close(self) -> None:
        """Close all people; check that every frame they received matches its declaration."""
        for person in self._made:
            await person.leave()
        assert not {misfit for person in self._made for tab in person.tabs for misfit in tab.misfits}


async def befriend(admin: Admin, one: Person, other: Person) -> None:
    """Make two people mutual contacts."""
    for a, b in ((one, other), (other, one)):
        contact = await a.ok("contact.add", invitee_id=b.uid)
        admin.rows(
            f"UPDATE {a.shard}.contact SET uid = peer_id, status = 'active' WHERE id = %s", contact["id"]
        )
