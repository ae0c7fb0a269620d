"""A receiver of webhooks: a real server that answers as a test wants, and verifies what it gets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from tests.support.rest import Client


def verify(secret: str, body: bytes, headers: dict[str, str]) -> Any:
    """Return the payload; WebhookVerificationError when it is not from the sender, or too old."""
    return Webhook(secret).verify(body, headers)


@dataclass(frozen=True)
class Received:
    """One request."""

    headers: dict[str, str]
    raw: bytes

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)

    def verified(self, secret: str) -> Any:
        """Return the payload as the library of receivers verifies it."""
        return verify(secret, self.raw, self.headers)


class Receiver:
    """Gets events on 127.0.0.1."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.status = 204
        """Of the answers that `next_statuses` does not give."""
        self.next_statuses: list[int] = []
        self.location = ""
        self.hang = asyncio.Event()
        """Unset: answers wait for it."""
        self.hang.set()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/hook"))

    @property
    def types(self) -> list[str]:
        """Return the types of all events so far."""
        return [each.body["type"] for each in self.received]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(headers, await request.read()))
        await self.hang.wait()
        status = self.next_statuses.pop(0) if self.next_statuses else self.status
        return web.Response(status=status, headers={"Location": self.location} if self.location else {})


ReceiverMaker = Callable[[], Awaitable[Receiver]]


async def subscribe(api: Client, url: str, *events: str) -> dict[str, Any]:
    """Subscribe a URL with a sign-in; return the webhook with its secret."""
    key = api.token
    await api.login()
    answer = await api.post("/webhooks", {"url": url, "events": list(events or ("*",))})
    api.token = key
    assert answer.status == 201, answer.raw
    webhook: dict[str, Any] = answer.data
    return webhook
