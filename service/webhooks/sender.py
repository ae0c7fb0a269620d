"""Send one event to one URL: signed, to an address that is allowed, in a bounded time."""

from __future__ import annotations

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
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


LOOKUPS = 50
"""Threads that look up names: a look-up that hangs must not keep other receivers waiting."""


class RefusedAddressError(OSError):
    """The name of a receiver leads to an address that is not allowed."""


class Lookups(AbstractResolver):
    """Looks names up with the system, in threads of its own: those of aiohttp are shared with files.

    The look-up of a receiver whose name server hangs holds its thread for longer than the attempt lasts.
    """

    def __init__(self) -> None:
        """Prepare to look names up."""
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="webhook-lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return all addresses of a name; OSError when it has none."""
        look_up = partial(
            socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        entries = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]) if len(address) < 4 or not address[3] else f"{address[0]}%{address[3]}",
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in entries
        ]

    async def close(self) -> None:
        """Begin no more look-ups, and wait for none."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedResolver(AbstractResolver):
    """Refuses a name of which any address is not allowed; the connection is made to the addresses it returns.

    A name that has a private address beside a public one is an attempt to get behind the check.
    """

    def __init__(self, names: AbstractResolver, rules: Rules, *, encrypted: bool) -> None:
        """Prepare to check what `names` finds."""
        self._names = names
        self._rules = rules
        self._encrypted = encrypted

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return all addresses of a name; RefusedAddressError when one of them is not allowed."""
        addresses = await self._names.resolve(host, port, family)
        for address in addresses:
            if not self._rules.allows(address["host"], address["port"], encrypted=self._encrypted):
                raise RefusedAddressError
        return addresses

    async def close(self) -> None:
        """Leave the look-ups to their owner."""


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
        """Prepare to send. `resolver` finds addresses; None: the system."""
        self._rules = rules
        self._resolver = resolver or Lookups()
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
        await self._resolver.close()

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
                resolver=CheckedResolver(self._resolver, self._rules, encrypted=encrypted),
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

        URLs with an address reach no resolver, so this is their check. A name is checked a second time.
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
    if isinstance(exc, aiohttp.ClientConnectorDNSError | aiohttp.InvalidURL | UnicodeError):
        return "the host has no address"
    if isinstance(exc, aiohttp.ClientSSLError | ssl.SSLError):
        return "no valid certificate"
    if isinstance(exc, aiohttp.ClientConnectionError | OSError):
        return "no connection"
    return "the answer is not HTTP" if isinstance(exc, aiohttp.ClientError | ValueError) else None
