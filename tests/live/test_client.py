"""Frames of a WebSocket: written at once while the client reads, queued and bounded while it does not."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.live.client import Client
from service.settings import Settings


class Peer:
    """Both ends of one WebSocket."""

    def __init__(self, client: Client, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.client = client
        self.ws = ws


@pytest.fixture
async def peer(settings: Settings) -> AsyncIterator[Peer]:
    clients: asyncio.Queue[Client] = asyncio.Queue()
    limited = dataclasses.replace(settings, socket_queue=50)

    async def serve(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(autoping=False, compress=False)
        await ws.prepare(request)
        clients.put_nowait(client := Client(ws, request, limited))
        async for message in ws:
            if message.type is aiohttp.WSMsgType.PONG:
                client.answered()
        return ws

    app = web.Application()
    app.router.add_get("/", serve)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        ws = await http.ws_connect(server.make_url("/"), max_msg_size=0)
        client = await clients.get()
        client.release()
        yield Peer(client, ws)
        await ws.close()


async def test_frames_of_any_size_arrive_in_their_order(peer: Peer) -> None:
    frames = [
        f"{number}:" + "é" * size
        for number, size in enumerate(
            [0, 1, 61, 62, 63, 64, 125, 126, 127, 32_766, 32_767, 32_768, 70_000, 5]
        )
    ]
    for frame in frames:
        peer.client.send(frame)
    assert [await peer.ws.receive_str() for _ in frames] == frames
    peer.client.say("the last")
    assert await peer.ws.receive_str() == "the last"


async def test_a_frame_behind_a_ping_does_not_overtake_the_queue(peer: Peer) -> None:
    peer.client.send("before")
    peer.client.ask(0.0)
    frames = [f"behind {number}" for number in range(10)]
    for frame in frames:
        peer.client.send(frame)
    assert peer.client.queued == frames, "they wait behind the ping"
    assert [await peer.ws.receive_str() for _ in range(11)] == ["before", *frames]
    async with asyncio.timeout(10):
        while len(peer.client.for_mailbox) != len(frames):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_frames_that_wait_for_the_greeting_come_behind_the_first(peer: Peer) -> None:
    peer.client._held = True
    peer.client.send("second")
    peer.client.release(["first"])
    peer.client.send("third")
    assert [await peer.ws.receive_str() for _ in range(3)] == ["first", "second", "third"]


async def test_a_client_that_does_not_read_is_queued_for_and_dropped(peer: Peer) -> None:
    frame = "x" * 100_000
    peer.ws._response.connection.transport.pause_reading()  # type: ignore[union-attr]
    sent = 0
    while not peer.client._transport.is_closing():  # type: ignore[union-attr]
        peer.client.send(frame)
        sent += 1
        await asyncio.sleep(0)
        assert sent < 10_000
        assert peer.client.waiting <= 51
    assert sent > 51, "the first ones were written"
    assert peer.client.waiting == 0


async def test_a_frame_for_a_connection_that_is_gone_is_kept_for_the_mailbox(peer: Peer) -> None:
    peer.client.abort()
    peer.client.send("late")
    await asyncio.sleep(0.05)
    assert any("late" in frame for frame in peer.client.for_mailbox)
