"""Requests as bytes, which no HTTP client would send, and the moment when the server hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from yarl import URL

PATIENCE = 5.0
"""Seconds within which the server must close a connection that ends at once."""
PIECE = 65_536


@dataclass(frozen=True)
class Answer:
    """The answer until the server closed the connection."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    """Empty when the connection was reset inside the answer."""


async def send(
    base: URL, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", *, pieces: int = 1
) -> Answer:
    """Send the body, `pieces` times, until the server closes. Raise TimeoutError when it does not."""
    reader, writer = await asyncio.open_connection(base.host, base.port)
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    sending = asyncio.create_task(_pour(writer, body, pieces))
    received = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                while chunk := await reader.read(PIECE):
                    received += chunk
    finally:
        sending.cancel()
        writer.transport.abort()
    return _parsed(bytes(received))


async def _pour(writer: asyncio.StreamWriter, body: bytes, pieces: int) -> None:
    with suppress(ConnectionError):
        for _ in range(pieces):
            for start in range(0, len(body), PIECE):
                writer.write(body[start : start + PIECE])
                await writer.drain()


def _parsed(text: bytes) -> Answer:
    """Return the last answer; 100 Continue may precede it."""
    head, _, body = text.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    fields = (line.partition(":") for line in lines)
    return Answer(int(first.split()[1]), {name.lower(): value.strip() for name, _, value in fields}, body)
