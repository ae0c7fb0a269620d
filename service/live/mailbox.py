"""Live updates for WebSockets that are lost, kept in Redis until their tab is back.

A frame for a lost socket goes into its mailbox, or to its successor when the tab is back already. One script
decides that: Redis runs it alone, so no frame falls between the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from redis.asyncio import Redis

MOST_FRAMES = 200
MOST_BYTES = 256 * 1024
"""A mailbox drops its oldest frames beyond these limits."""
MORE_SECONDS = 30
"""A mailbox outlives the grace period by this time: a page that comes too late learns why, too."""
MOVED_SECONDS = 60
"""Longest time in which a process may still hold a frame for a socket that has a successor."""
REPEATED = "~"
"""First letter of a frame that was sent before the connection broke, and may have arrived."""

SCRIPT = r"""
local ids, frame = cjson.decode(ARGV[1]), ARGV[2]
local seconds, most, bytes, keep = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local mark, left = table.remove(ids), {}
if keep and not redis.call('SET', 'drumee:kept:' .. mark, 1, 'NX', 'EX', seconds) then
    return left
end
for _, id in ipairs(ids) do
    local moved = redis.call('GET', 'drumee:moved:' .. id)
    local box = 'drumee:missed:' .. id
    local size = box .. ':bytes'
    if moved then
        local node, successor = string.match(moved, '^(%S+) (%S+)$')
        -- Two successors may be in one process, which drops what comes again with the same mark.
        local array = cjson.encode({successor, mark .. '.' .. successor})
        local text = array .. '\n' .. string.gsub(frame, '^~', '')
        if redis.call('PUBLISH', 'drumee:push:' .. node, text) == 0 then
            table.insert(left, moved)
        end
    elseif keep then
        redis.call('RPUSH', box, frame)
        local total = redis.call('INCRBY', size, #frame)
        local count = redis.call('LLEN', box)
        while count > 0 and (count > most or total > bytes) do
            total = redis.call('DECRBY', size, #redis.call('LPOP', box))
            count = count - 1
        end
        redis.call('EXPIRE', box, seconds)
        redis.call('EXPIRE', size, seconds)
    else
        table.insert(left, id)
    end
end
return left
"""
"""Returns the ids of lost sockets that are not kept, and `<process> <successor>` that nobody listens to."""


def add(pipe: Any, socket_ids: bytes, frame: bytes, *, seconds: int, keep: bool) -> None:
    """Queue a command: pass a frame on to the successors of sockets, and keep it for those without one.

    `socket_ids` is a JSON array that ends with the mark of the message: one that comes again is not kept
    twice. Without `keep`, the frame is only passed on.
    """
    pipe.eval(SCRIPT, 0, socket_ids, frame, seconds, MOST_FRAMES, MOST_BYTES, int(keep))


def sort(outcome: Sequence[bytes]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the lost sockets, and the rows (process, JSON array of the successor), that the script left."""
    names = [name.decode() for name in outcome]
    moved = [name.split(" ") for name in names if " " in name]
    successors = [(node, orjson.dumps([socket_id]).decode()) for node, socket_id in moved]
    return [name for name in names if " " not in name], successors


async def take(client: Redis, former: str, node: str, successor: str) -> list[str]:
    """Empty the mailbox of a lost socket; from now on its frames go to its successor in this process.

    Frames from before the connection broke come first: a process that stops knows only at the end that they
    have not arrived, when others have put newer frames into the mailbox.
    """
    box = f"drumee:missed:{former}"
    async with client.pipeline(transaction=True) as pipe:
        pipe.set(f"drumee:moved:{former}", f"{node} {successor}", ex=MOVED_SECONDS)
        pipe.lrange(box, 0, -1)
        pipe.delete(box, f"{box}:bytes")
        _, frames, _ = await pipe.execute()
    return sorted((frame.decode() for frame in frames), key=lambda frame: not frame.startswith(REPEATED))


def repeated(frames: Iterable[str]) -> list[str]:
    """Mark frames that may have arrived before the connection broke."""
    return [REPEATED + frame for frame in frames]
