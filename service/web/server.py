"""Add to aiohttp's server: errors with our headers, and a refusal of WebSocket frames without a mask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import web

from service.log import WIRE
from service.web.answers import plain_error, protect

OPTIONS: dict[str, Any] = {
    # The frontend sends lists in the query string: 500 excluded addresses are 30 KB.
    "max_line_size": 65_536,
    "max_field_size": 65_536,
    "access_log": None,
    "logger": WIRE,
    "keepalive_timeout": 75,
    # bodies.py refuses compressed bodies; if one were read, it must stay compressed.
    "auto_decompress": False,
    # close_if_unread decides how much of an unread body is drained.
    "lingering_time": 0,
}
BROKEN_FRAME = b"\x83\x00"
"""A frame of a reserved kind: the reader of aiohttp closes the socket with 1002 for it."""


class Runner(web.AppRunner):
    """Runs an application whose connections are each a ClientConnection."""

    def __init__(
        self,
        app: web.Application,
        before_stop: Callable[[], Awaitable[None]] | None = None,
        **options: Any,
    ) -> None:
        """`before_stop` runs first when the runner stops, while it still accepts connections."""
        self._before_stop = before_stop
        self._options = {**OPTIONS, **options}
        super().__init__(app, **self._options)

    async def cleanup(self) -> None:
        """Stop."""
        if self._before_stop is not None:
            await self._before_stop()
        await super().cleanup()

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return Server(server.request_handler, request_factory=server.request_factory, **self._options)


class Server(web.Server):
    """Makes a ClientConnection for each client."""

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return ClientConnection(self, loop=self._loop, **self._kwargs)


class Reader(Protocol):
    """Takes the bytes of a WebSocket."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Read bytes; return (whether the socket has ended, the rest)."""

    def feed_eof(self) -> None:
        """Note that no more bytes come."""


class ClientConnection(web.RequestHandler):
    """One connection of a client."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that cannot be parsed. `message` quotes the request, so it is not sent."""
        super().handle_error(request, status, exc)  # It logs the error.
        response = plain_error(status, HTTPStatus(status).phrase)
        protect(response)
        response.force_close()
        return response

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """Read a WebSocket from now on."""
        frames: Any = MaskedFrames(parser)
        super().set_parser(frames, data_received_cb)


class MaskedFrames:
    """Passes the frames of a client to a reader, and breaks off at the first one without a mask.

    RFC 6455, 5.1: a server must close the connection then. aiohttp reads on, and its reader is compiled, so
    that a subclass cannot look inside.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._held = b""
        """Start of a frame whose head is not complete."""
        self._rest = 0
        """Bytes of the present frame that are still to come."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Read bytes; return (whether the socket has ended, the rest)."""
        data = self._held + data
        position = min(self._rest, len(data))
        self._rest -= position
        while len(data) - position >= 2:
            if not data[position + 1] & 0x80:
                self._reader.feed_data(data[:position] + BROKEN_FRAME)
                return True, b""
            size = _frame_size(data[position : position + 10])
            if size is None:
                break
            end = position + size
            position, self._rest = min(end, len(data)), max(0, end - len(data))
        self._held = data[position:]
        return self._reader.feed_data(data[:position])

    def feed_eof(self) -> None:
        """Note that no more bytes come."""
        self._reader.feed_eof()


def _frame_size(head: bytes) -> int | None:
    """Return the bytes of a frame with a mask; None while its length is not known."""
    length = head[1] & 0x7F
    extra = {126: 2, 127: 8}.get(length, 0)
    if len(head) < 2 + extra:
        return None
    return 2 + extra + 4 + (int.from_bytes(head[2 : 2 + extra]) if extra else length)
