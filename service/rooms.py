"""Tell the people in a room that somebody left it, or came back on another socket, whatever the reason.

And what is known of the nodes that rooms are made of.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import orjson

from service.database import Database, ResultSet, document
from service.push import Pusher, live_update

LEFT = "conference.leave"
MOVED = "conference.update"
EVICTED = "conference.revoke"
NODE_SECONDS = 60
NODES = 1_000


def tell_left(pusher: Pusher, results: Sequence[ResultSet]) -> None:
    """Push for the pairs of sets that `conference_drop` and `conference_moved` answer, one a room."""
    for found, recipients in zip(results[::2], results[1::2], strict=True):
        attendee = document(found)
        if "was" in attendee:
            _tell_moved(pusher, attendee, attendee.pop("peers"), recipients)
        else:
            pusher.send(recipients, _frame(LEFT, attendee))


def tell_evicted(pusher: Pusher, evicted: ResultSet) -> None:
    """Push for the rows of `conference_evict`: his window closes, as for an invitation that is taken back."""
    for data, node, sockets, _shard in evicted:
        model = {**orjson.loads(data), "caller_id": None, "type": EVICTED}
        pusher.send([(node, sockets)], live_update(EVICTED, model))


def _tell_moved(pusher: Pusher, attendee: dict[str, Any], peers: list[Any], others: ResultSet) -> None:
    """The others learn the new socket; who has come back learns what he missed."""
    own = [(attendee.pop("node"), orjson.dumps([attendee["socket_id"]]).decode())]
    pusher.send(others, _frame(MOVED, attendee))
    pusher.send(own, _frame(MOVED, attendee | {"attendees": peers}))


def _frame(service: str, attendee: dict[str, Any]) -> bytes:
    model = attendee | {"room_type": attendee["type"], "type": service}
    sender = {"uid": attendee["uid"], "id": attendee["uid"], "socket_id": attendee["socket_id"]}
    return live_update(service, model, sender=sender)


class Nodes:
    """`details` of rooms: attributes of the node with the room's id, a scheduled meeting or a folder.

    Remembered for a minute: everybody who comes into a meeting asks, and nearly nothing changes.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}

    async def details(self, shard: str | None, hub: str, room: str) -> dict[str, Any]:
        """Attributes of the node; empty for a room that is none."""
        until, found = self._known.get((hub, room), (0.0, {}))
        if shard and until < time.monotonic():
            (rows,) = await self._db.call(shard, "mfs_node_attr", hub, room)
            found = document(rows) or {}
            self._remember((hub, room), found)
        return found

    def _remember(self, key: tuple[str, str], found: dict[str, Any]) -> None:
        self._known.pop(key, None)
        self._known[key] = (time.monotonic() + NODE_SECONDS, found)
        if len(self._known) > NODES:
            del self._known[next(iter(self._known))]
