"""WebSocket frames that no browser sends: a client must mask its frames (RFC 6455, 5.1)."""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from service.web.server import MaskedFrames
from tests.support.people import People, Person

TEXT, CONTINUATION, CLOSE = 1, 0, 8
PROTOCOL_ERROR = 1002
PING = b'["sys.ping",{"type":"checkConnection"}]'


def frame(payload: bytes, kind: int = TEXT, *, fin: bool = True, masked: bool = True, wide: int = 0) -> bytes:
    """Return a frame; `wide`: bytes of an extended length, though a short one would do."""
    size = wide or (0 if len(payload) < 126 else 2 if len(payload) < 65_536 else 8)
    length = {0: len(payload), 2: 126, 8: 127}[size]
    head = bytes([fin << 7 | kind, masked << 7 | length]) + (len(payload).to_bytes(size) if size else b"")
    return head + (bytes(4) if masked else b"") + payload


class Wire:
    """A WebSocket of which the test writes every byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def receive(self) -> tuple[int, bytes]:
        """Return (kind, payload) of the next frame."""
        async with asyncio.timeout(60):
            first, length = await self.reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await self.reader.readexactly(2))
            return first & 0xF, await self.reader.readexactly(length)

    async def close_code(self) -> int:
        """Return the code with which the server closes; it must end the connection, too."""
        while True:
            kind, payload = await self.receive()
            if kind == CLOSE:
                async with asyncio.timeout(60):
                    assert await self.reader.read() == b""
                return int.from_bytes(payload[:2])

    async def pong(self) -> bool:
        """Return whether the server answers a ping of the frontend."""
        while True:
            _, payload = await self.receive()
            if b"sys.ping" in payload:
                return b'"ok":1' in payload


@asynccontextmanager
async def socket(person: Person, node: URL, first: bytes = b"") -> AsyncIterator[Wire]:
    """Open a WebSocket; `first` travels in one packet with the handshake."""
    token = (await person.ok("bootstrap.authn"))["token"]
    reader, writer = await asyncio.open_connection(node.host, node.port)
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = [f"GET /-/websocket/?otak={token} HTTP/1.1", "Host: x", "Upgrade: websocket",
             "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]  # fmt: skip
    writer.write("\r\n".join([*lines, "", ""]).encode() + first)
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    yield Wire(reader, writer)
    writer.transport.abort()


MASKED = frame(PING)
UNMASKED = frame(PING, masked=False)


@pytest.mark.parametrize(
    "parts",
    [
        (UNMASKED,),
        (MASKED + UNMASKED,),
        (MASKED, UNMASKED[:1], UNMASKED[1:]),
        (MASKED[:9], MASKED[9:] + UNMASKED),
        (frame(b"[", fin=False), frame(b"]", CONTINUATION, masked=False)),
        (frame(bytes(300)), frame(bytes(300), masked=False)),
        (frame(bytes(5), CLOSE, masked=False),),
    ],
    ids=["at once", "after a good one", "in two packets", "behind a cut", "fragment", "long", "close"],
)
async def test_an_unmasked_frame_closes_the_socket(
    people: People, node: URL, parts: tuple[bytes, ...]
) -> None:
    async with socket(await people("Alice"), node) as wire:
        for part in parts:
            wire.writer.write(part)
            await wire.writer.drain()
            await asyncio.sleep(0.05)
        assert await wire.close_code() == PROTOCOL_ERROR


async def test_an_unmasked_frame_in_the_packet_of_the_handshake(people: People, node: URL) -> None:
    async with socket(await people("Alice"), node, UNMASKED) as wire:
        assert await wire.close_code() == PROTOCOL_ERROR


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
async def test_masked_frames_arrive_however_they_are_cut(people: People, node: URL, size: int) -> None:
    stream = b"".join(
        (frame(b"x" * 40_000), frame(b"", 9), frame(PING[:5], fin=False, wide=8), frame(b"", 9),
         frame(PING[5:], CONTINUATION, wide=2))
    )  # fmt: skip
    async with socket(await people("Alice"), node) as wire:
        for start in range(0, len(stream), size):
            wire.writer.write(stream[start : start + size])
            if start % 500 < size:
                await wire.writer.drain()
                await asyncio.sleep(0)
        assert await wire.pong()


def test_nothing_is_lost_or_doubled_at_any_cut() -> None:
    stream = frame(b"a" * 5) + frame(b"b" * 130) + frame(b"") + frame(b"c" * 70_000) + frame(b"d", wide=8)
    for cut in (*range(1, 300), *range(len(stream) - 40, len(stream))):
        fed = bytearray()
        reader = MaskedFrames(Recording(fed))
        reader.feed_data(stream[:cut])
        reader.feed_data(stream[cut:])
        assert fed == stream, cut


class Recording:
    """Notes what it is fed."""

    def __init__(self, fed: bytearray) -> None:
        self.fed = fed

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.fed += data
        return False, b""

    def feed_eof(self) -> None:
        raise AssertionError


@pytest.mark.parametrize("path", ["-/websocket/", "ws"])
async def test_the_protocols_that_a_client_offers_are_not_logged(
    people: People, node: URL, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    alice = await people("Alice")
    async with alice.http.ws_connect(node / path, protocols=("bearer.geheimes-wort",)) as ws:
        await ws.receive()
    assert "geheimes" not in caplog.text
