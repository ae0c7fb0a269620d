"""A client of /api/v1 for tests."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from jsonschema_rs import Draft7Validator
from yarl import URL

from service.admin.registry import Registry
from service.auth.keys import new_key
from service.rest.asyncapi import live_document
from service.rest.openapi import document
from service.rest.operations import OPERATIONS
from tests.support.people import PASSWORD, Person, Socket, difference


@dataclass(frozen=True)
class Answer:
    """Status, body and headers of an answer."""

    status: int
    raw: bytes
    headers: Any

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def data(self) -> Any:
        return self.body["data"]

    @property
    def error(self) -> tuple[int, str]:
        """Return (status, code) of an error."""
        return self.status, self.body["error"]["code"]

    @property
    def flaw(self) -> tuple[str, str]:
        """Return (field, constraint) of a validation error."""
        details = self.body["error"]["details"]
        return details["field"], details["constraint"]

    @property
    def etag(self) -> str:
        return str(self.headers["ETag"])


PATHS = {
    re.compile(re.sub(r"\{[a-z]+\}", "[^/]+", path)): methods
    for path, methods in sorted(document(OPERATIONS)["paths"].items(), key=lambda item: "{" in item[0])
}
"""What the OpenAPI document says about each path; those without parameters first."""


def undescribed(method: str, path: str, response: aiohttp.ClientResponse) -> Iterator[str]:
    """Yield how an answer of an operation differs from its description."""
    bare = path.partition("?")[0]
    methods: dict[str, Any] = next((each for pattern, each in PATHS.items() if pattern.fullmatch(bare)), {})
    described = methods.get("get" if method == "HEAD" else method.lower())
    if described is None:
        return
    answer = described["responses"].get(str(response.status))
    if answer is None:
        yield f"{method} {bare}: {response.status}"
    elif "ETag" in response.headers and "ETag" not in answer.get("headers", {}):
        yield f"{method} {bare}: {response.status} has an ETag"


class Client:
    """A user with a token. The client sends no cookies: this API ignores them."""

    def __init__(self, person: Person, token: str = "", base: URL | None = None) -> None:
        self.person = person
        self.token = token
        self.base = base or person.base
        self.sockets: list[Live] = []
        self.undescribed: set[str] = set()
        """Answers whose status or ETag the OpenAPI document does not have."""
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        """Send a request; `body` is sent as JSON."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            more["json"] = body
        url = self.base / "api/v1" if path == "" else URL(f"{self.base}api/v1{path}", encoded=True)
        async with self.http.request(method, url, headers={**sent, **(headers or {})}, **more) as response:
            self.undescribed |= set(undescribed(method, path, response))
            return Answer(response.status, await response.read(), response.headers)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, headers=_named(headers))

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.send("POST", path, body, _named(headers))

    async def patch(self, path: str, body: Any, **headers: str) -> Answer:
        return await self.send("PATCH", path, body, _named(headers))

    async def delete(self, path: str, **headers: str) -> Answer:
        return await self.send("DELETE", path, headers=_named(headers))

    async def add(self, **fields: Any) -> dict[str, Any]:
        """Create a contact, which must succeed; return its record."""
        answer = await self.post("/contacts", fields)
        assert answer.status == 201, answer.raw
        record: dict[str, Any] = answer.data
        return record

    async def login(self, password: str = PASSWORD) -> dict[str, Any]:
        """Sign in; return the data of the answer."""
        answer = await self.post("/auth/login", {"email": self.person.email, "password": password})
        assert answer.status == 200, answer.raw
        tokens: dict[str, Any] = answer.data
        self.token = tokens["access_token"]
        return tokens

    async def socket(self, base: URL | None = None, token: str | None = None, **headers: str) -> Live:
        """Open a WebSocket of this API; return it after its first ping."""
        url = ((base or self.base) / "ws").with_query(token=self.token if token is None else token)
        live = Live(await self.http.ws_connect(url, headers=_named(headers)))
        self.sockets.append(live)
        await live.expect("ping")
        return live


DOCUMENT = live_document("http://127.0.0.1:8080")
FRAMES = {
    name: Draft7Validator({**message["payload"], "components": DOCUMENT["components"]})
    for name, message in DOCUMENT["components"]["messages"].items()
}


def misfit(frame: dict[str, Any]) -> str | None:
    """Return the difference between a frame of /ws and its schema in /api/v1/asyncapi.json, or None."""
    return difference(FRAMES, frame["event"], frame)


class Live(Socket):
    """A WebSocket of this API."""

    def misfit(self, frame: dict[str, Any]) -> str | None:
        """Return the difference between a frame and its schema, or None."""
        return misfit(frame)

    def named(self, event: str) -> list[dict[str, Any]]:
        """Return the frames of this event so far."""
        return [f for f in self.frames if f["event"] == event]

    async def expect(self, event: str, count: int = 1) -> dict[str, Any]:
        """Wait for `count` frames of an event; return the last of them."""
        await self._wait(lambda: len(self.named(event)) >= count)
        frames = self.named(event)
        assert len(frames) >= count, (event, self.frames, self.ws.close_code)
        return frames[count - 1]

    async def closed(self) -> int:
        """Wait until the server has closed the socket; return the code."""
        await self._wait(lambda: False)
        assert self.ws.closed, self.frames
        return self.ws.close_code or 0

    async def say(self, **frame: Any) -> None:
        await self.ws.send_json(frame)


def make_key(registry: Registry, person: Person, scope: str = "agent") -> str:
    """Create an API key of a user."""
    key = new_key()
    registry.call("yp", "api_key_add", person.uid, key, scope)
    return key


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


ClientMaker = Callable[..., Awaitable[Client]]
