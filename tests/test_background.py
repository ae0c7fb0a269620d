"""Background tasks, which no answer waits for."""

from __future__ import annotations

import asyncio

from service.background import Background, end


async def test_running_tasks_finish_and_none_start_after_the_end() -> None:
    background, done = Background(), []

    async def work(name: str) -> None:
        await asyncio.sleep(0.01)
        done.append(name)

    async def first() -> None:
        await work("first")
        background.start(work("second"))
        # As a socket does that drops while the process ends.
        background.later(0.05, lambda: work("too late"))

    background.later(0.02, lambda: work("never"))
    background.start(first())
    await background.stop()
    assert done == ["first", "second"]
    await asyncio.sleep(0.1)
    assert done == ["first", "second"]


async def test_a_task_that_loses_a_cancellation_ends_all_the_same() -> None:
    cancellations: list[str] = []

    async def deaf() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if cancellations:
                    raise
                cancellations.append("once")

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await end(task, None)
    assert (cancellations, task.cancelled()) == (["once"], True)
