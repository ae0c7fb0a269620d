"""The deadline of a request, and work that has a limit of its own."""

from __future__ import annotations

import asyncio

import pytest

from service.web.deadline import allow, deadline, own_limit


async def test_a_block_ends_at_its_deadline() -> None:
    with pytest.raises(TimeoutError):
        async with deadline(0.01) as timeout:
            await asyncio.sleep(60)
    assert timeout.expired()


async def test_work_with_a_limit_of_its_own_stops_the_clock() -> None:
    async with deadline(60) as timeout:
        before = _remaining(timeout)
        with own_limit(1000):
            assert 990 < _remaining(timeout) < 1001
        assert before - 5 < _remaining(timeout) <= before


async def test_work_that_exceeds_its_own_limit_ends_the_request() -> None:
    async def request() -> None:
        async with deadline(60):
            with own_limit(0.01):
                await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        await request()


async def test_long_work_gets_more_time_and_never_less() -> None:
    async with deadline(60) as timeout:
        allow(1)
        assert _remaining(timeout) > 50
        allow(1000)
        assert 990 < _remaining(timeout) < 1001


async def test_without_a_deadline_nothing_is_limited() -> None:
    allow(0.001)
    with own_limit(0.001):
        await asyncio.sleep(0.01)


def _remaining(timeout: asyncio.Timeout) -> float:
    return (timeout.when() or 0.0) - asyncio.get_running_loop().time()
