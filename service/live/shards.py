"""Work on shards, one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable


async def on_each_shard(shards: Iterable[str], work: Callable[[str], Awaitable[None]]) -> None:
    """Work on each of these shards, given by its name.

    A shard that fails does not stop the others: the first error is raised after the last shard.
    """
    failures: list[Exception] = []
    for shard in shards:
        try:
            await work(shard)
        except Exception as exc:
            failures.append(exc)
    if failures:
        raise failures[0]
