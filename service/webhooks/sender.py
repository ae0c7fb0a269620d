"""Send one event to one URL: signed, to an address that is allowed, in a bounded time."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from standardwebhooks import Webhook
from yarl import URL

from service.webhooks.addresses import Rules

SECONDS = 10.0
"""For one attempt, from the name to the answer."""
CONNECT_SECONDS = 5.0
ANSWER_BYTES = 4096
"""Bytes of an answer that are read, so that its connection can be used again."""
STATUS_GONE = 410
AGENT = "Drumee-Webhooks"


class RefusedAddressError(OSError):
    """The name of a receiver leads to an address that is not allowed."""


@dataclass(frozen=True)
class Reply:
    """What became of one request."""

    status: int | None
    """HTTP status of the answer; None: there was none."""
    error: str = ""
    """At most 64 characters, for the owner; "": delivered. It tells nothing about networks behind."""

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more events."""
        return self.status == STATUS_GONE


class Sender:
    """Sends events over connections of its own."""

    def __init__(self, rules: Rules, resolver: AbstractResolver | None = None) -> None:
        """Prepare to send. `resolver` finds addresses; None: the one of the system."""
        self._rules = rules
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def send(self, url: str, secrets: list[str], message_id: str, body: str) -> Reply:
        """Send an event, signed with each of the secrets; return what became of it."""
        target = URL(url)
        if self._rules.problem(url):
            return Reply(None, "the URL is not allowed")
        now = datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(Webhook(each).sign(message_id, now, body) for each in secrets),
        }
        try:
            async with asyncio.timeout(SECONDS):
                return await self._post(target, headers, body)
        except Exception as exc:
            error = _error(exc)
            if error is None:
                raise
            return Reply(None, error)

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    async def _post(self, url: URL, headers: dict[str, str], body: str) -> Reply:
        session = self._session(encrypted=url.scheme == "https")
        # A redirect could lead anywhere.
        async with session.post(url, data=body.encode(), headers=headers, allow_redirects=False) as response:
            status = response.status
            await _read_little(response)
        if 200 <= status < 300:
            return Reply(status)
        return Reply(status, f"redirect {status}" if 300 <= status < 400 else f"status {status}")

    def _session(self, *, encrypted: bool) -> aiohttp.ClientSession:
        """Return the session for https or http: which addresses are allowed depends on it."""
        if encrypted not in self._sessions:
            connector = aiohttp.TCPConnector(
                resolver=self._resolver,
                use_dns_cache=False,
                limit=0,
                socket_factory=lambda info: self._connectable(info, encrypted=encrypted),
            )
            self._sessions[encrypted] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=SECONDS, connect=CONNECT_SECONDS),
                auto_decompress=False,
                trust_env=False,
                # A long header must not fill the memory.
                max_line_size=8190,
                max_field_size=8190,
            )
        return self._sessions[encrypted]

    def _connectable(self, info: Any, *, encrypted: bool) -> socket.socket:
        """Return a socket for the very address that is connected to; RefusedAddressError for another one.

        A check of the name before could see another address than the connection gets (DNS rebinding).
        """
        family, kind, protocol, _, (host, port, *_) = info
        if not self._rules.allows(host, port, encrypted=encrypted):
            raise RefusedAddressError
        return socket.socket(family, kind, protocol)


async def _read_little(response: aiohttp.ClientResponse) -> None:
    """Read an answer that is short; close the connection of another one."""
    if len(await response.content.read(ANSWER_BYTES)) == ANSWER_BYTES or not response.content.at_eof():
        response.close()


def _error(exc: Exception) -> str | None:
    """Return a failure in the words for the owner; None for one that is a fault of ours."""
    causes = (exc, exc.__cause__, getattr(exc, "os_error", None))
    if any(isinstance(cause, RefusedAddressError) for cause in causes):
        return "the address is not allowed"
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    if isinstance(exc, aiohttp.ClientConnectorDNSError):
        return "the host has no address"
    if isinstance(exc, aiohttp.ClientSSLError | ssl.SSLError):
        return "no valid certificate"
    if isinstance(exc, aiohttp.ClientConnectionError | OSError):
        return "no connection"
    return "the answer is not HTTP" if isinstance(exc, aiohttp.ClientError | ValueError) else None
