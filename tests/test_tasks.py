"""Work that no answer waits for."""

from __future__ import annotations

import asyncio
from typing import cast

from service.database import Database
from service.tasks import Background, end


async def test_what_runs_is_finished_and_nothing_is_begun_after_the_end() -> None:
    background, done = Background(cast(Database, None)), []

    async def work(name: str) -> None:
        await asyncio.sleep(0.01)
        done.append(name)

    async def first() -> None:
        await work("first")
        background.start(work("second"))
        # as a socket does that drops while the process ends
        background.later(0.05, lambda: work("too late"))

    background.later(0.02, lambda: work("never"))
    background.start(first())
    await background.stop()
    assert done == ["first", "second"]
    await asyncio.sleep(0.1)
    assert done == ["first", "second"]


async def test_a_task_that_loses_a_cancellation_ends_all_the_same() -> None:
    lost: list[str] = []

    async def deaf() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append("once")

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(task, None)
    assert (lost, task.cancelled()) == (["once"], True)
