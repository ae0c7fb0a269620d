"""The mailbox of a lost socket: bounded, each message once, and passed on when the page is back."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import orjson
import pytest
from redis.asyncio import Redis

from service.live import mailbox
from service.live.push import channel_of
from service.settings import Settings


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    client = Redis.from_url(settings.redis)
    yield client
    await client.aclose()


async def add(
    redis: Redis, socket_ids: list[str], frame: str, *, keep: bool = True, mark: str = ""
) -> list[bytes]:
    """Run the script once; return what it leaves."""
    array = orjson.dumps([*socket_ids, mark or f"#{secrets.token_hex(8)}"])
    async with redis.pipeline(transaction=False) as pipe:
        mailbox.add(pipe, array, frame.encode(), seconds=60, keep=keep)
        (outcome,) = await pipe.execute()
    return list(outcome)


async def test_frames_wait_in_their_order_for_one_reader(redis: Redis) -> None:
    one, other = secrets.token_hex(12), secrets.token_hex(12)
    for number in range(3):
        assert await add(redis, [one, other], f'{{"n":{number}}}') == []
    assert await mailbox.take(redis, one, "node", "next") == ['{"n":0}', '{"n":1}', '{"n":2}']
    assert await mailbox.take(redis, one, "node", "next") == []
    assert len(await mailbox.take(redis, other, "node", "last")) == 3


async def test_a_message_that_comes_again_is_kept_once(redis: Redis) -> None:
    socket, mark = secrets.token_hex(12), f"#{secrets.token_hex(8)}"
    for _ in range(2):
        await add(redis, [socket], "{}", mark=mark)
    assert await mailbox.take(redis, socket, "node", "next") == ["{}"]


@pytest.mark.parametrize("size", [10, 60_000])
async def test_a_mailbox_drops_its_oldest_frames_when_it_is_full(redis: Redis, size: int) -> None:
    socket = secrets.token_hex(12)
    for number in range(mailbox.MOST_FRAMES + 5):
        await add(redis, [socket], f"{number:03}" + "x" * size)
    frames = await mailbox.take(redis, socket, "node", "next")
    assert len(frames) <= mailbox.MOST_FRAMES
    assert sum(map(len, frames)) <= mailbox.MOST_BYTES
    assert frames[-1].startswith(f"{mailbox.MOST_FRAMES + 4:03}")
    assert await redis.exists(f"drumee:missed:{socket}", f"drumee:missed:{socket}:bytes") == 0


async def test_a_frame_for_a_page_that_is_back_goes_to_its_process(redis: Redis) -> None:
    former, successor, node = (secrets.token_hex(8) for _ in range(3))
    await mailbox.take(redis, former, node, successor)
    # Nobody listens there at this moment.
    ids, rows = mailbox.sort(await add(redis, [former], "{}"))
    assert (ids, rows) == ([], [(node, f'["{successor}"]')])
    async with redis.pubsub() as listener:
        await listener.subscribe(channel_of(node))
        await listener.get_message(timeout=5)
        assert await add(redis, [former, "unknown"], "~{}", keep=False, mark="#m") == [b"unknown"]
        message = await listener.get_message(ignore_subscribe_messages=True, timeout=5)
    assert message is not None
    assert message["data"] == f'["{successor}","#m.{successor}"]\n{{}}'.encode()
