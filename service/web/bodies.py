"""Refuse bodies by their headers, and close connections whose bodies were not read.

aiohttp decompresses nothing here (OPTIONS in server.py): 9 MB of gzip are gigabytes of work for the one
event loop. No client of ours compresses, so a compressed body is refused before a byte is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestPayloadError

from service.errors import SlowBodyError
from service.web.deadline import BODY_SECONDS, own_limit

SLOWEST_RATE = 500
"""Bytes a second of an upload that goes on for more than BODY_SECONDS."""
SMALL_BODY = 64 * 1024
"""Bytes that are read before it is known who calls: the body may name the cookie of the session."""

FROM_USER = web.RequestKey("from_user", bool)
"""Set when a signed-in user has sent the request."""


@dataclass(frozen=True)
class Discard:
    """How much of a body that nobody wants is read and dropped."""

    size: int
    """Bytes."""
    seconds: float
    pause: float
    """Seconds without a byte after which the client has stopped."""


OF_STRANGERS = Discard(256 * 1024, seconds=0.25, pause=0.25)
OF_USERS = Discard(32 * 1024 * 1024, seconds=BODY_SECONDS, pause=2.0)

Handler = TypeVar("Handler", bound=Callable[..., Any])


def is_encoded(request: web.Request) -> bool:
    """Return whether the headers announce a content coding other than identity."""
    codings = ",".join(request.headers.getall(hdrs.CONTENT_ENCODING, ())).split(",")
    return any(coding.strip().lower() not in {"", "identity"} for coding in codings)


def has_unknown_transfer_coding(request: web.Request) -> bool:
    """Return whether the body is sent in a coding besides chunks, which nobody here decodes.

    aiohttp answers 400 when the last coding is not `chunked`, because the end of the body is unknown then
    (RFC 9112, 6.3), and passes on what is coded below the chunks.
    """
    return request.headers.get(hdrs.TRANSFER_ENCODING, "chunked").strip().lower() != "chunked"


def refuses_encoded(handler: Handler) -> Handler:
    """Mark a handler that refuses encoded bodies in the format of its API; other handlers never see them."""
    handler.__dict__["refuses_encoded"] = True
    return handler


def must_refuse(request: web.Request) -> bool:
    """Return whether the body is encoded and the handler does not refuse it by itself."""
    return is_encoded(request) and not hasattr(request.match_info.handler, "refuses_encoded")


def is_big(request: web.Request) -> bool:
    """Return whether the body has more than SMALL_BODY bytes, or may have."""
    size = request.content_length
    return request.body_exists and (size is None or size > SMALL_BODY)


async def read_body(request: web.Request) -> bytes:
    """Return the whole body; HTTPRequestEntityTooLarge when it exceeds the limit."""
    check_length(request)
    async with body_deadline():
        return await request.read()


@asynccontextmanager
async def body_deadline() -> AsyncIterator[None]:
    """Read a body in the block; SlowBodyError when it has not come within BODY_SECONDS."""
    # The limit of the request is a little later, so that it is this one that ends the wait.
    with own_limit(BODY_SECONDS + 1):
        try:
            async with asyncio.timeout(BODY_SECONDS):
                yield
        except TimeoutError:
            raise SlowBodyError from None


async def paced(chunks: AsyncIterator[bytes], seconds: float) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of a body; SlowBodyError when they take more than `seconds`, or drip.

    A client may take BODY_SECONDS, and a second more for each SLOWEST_RATE bytes, as in Apache's
    mod_reqtimeout: ten times less than GPRS. Only the wait for the client counts, not our own work.
    """
    now, waited, size = asyncio.get_running_loop().time, 0.0, 0
    with own_limit(seconds + 1):
        while True:
            before = now()
            patience = min(seconds, BODY_SECONDS + size / SLOWEST_RATE) - waited
            try:
                async with asyncio.timeout(patience):
                    chunk = await anext(chunks, b"")
            except TimeoutError:
                raise SlowBodyError from None
            waited += now() - before
            if not chunk:
                return
            size += len(chunk)
            yield chunk


def check_length(request: web.Request) -> None:
    """Raise HTTPRequestEntityTooLarge, before a byte is read, when Content-Length exceeds the limit."""
    size = request.content_length or 0
    if size > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size, size)


async def close_if_unread(request: web.Request, response: web.StreamResponse) -> None:
    """Send the answer and close the connection when the body was not read to its end, or cannot be.

    When a socket is closed over unread bytes, the kernel resets the connection, and the client may lose the
    answer. So the rest is read and dropped, within the limits of OF_STRANGERS, after the answer. The rest of
    a user is dropped before the answer, within those of OF_USERS: many clients, and HAProxy, fail when an
    answer comes while they write. Nothing of an encoded body is read.
    """
    content = request.content
    if is_encoded(request) or has_unknown_transfer_coding(request):
        response.force_close()
        return
    if not content.is_eof() and _ends_soon(request, response):
        await _discard(request, OF_USERS)
    if content.exception() is not None:
        # aiohttp closes the connection when it finds the rest of the body; `Connection: close` says so.
        response.force_close()
    elif not content.is_eof():
        response.force_close()
        with suppress(OSError, RequestPayloadError):
            await response.prepare(request)
            await response.write_eof()
        await _discard(request, OF_STRANGERS)


def _ends_soon(request: web.Request, response: web.StreamResponse) -> bool:
    """Return whether a user sends a body that may end within OF_USERS. One that was too slow does not."""
    is_slow = response.status == HTTPStatus.REQUEST_TIMEOUT
    size = request.content_length or 0
    return FROM_USER in request and not response.prepared and not is_slow and size <= OF_USERS.size


async def _discard(request: web.Request, most: Discard) -> None:
    """Read and drop the rest of a body until it ends, breaks off, pauses, or exceeds the limits."""
    remaining = most.size
    with suppress(OSError, RequestPayloadError):
        async with asyncio.timeout(most.seconds):
            while remaining > 0 and not request.content.at_eof():
                async with asyncio.timeout(most.pause):
                    remaining -= len(await request.content.readany())
