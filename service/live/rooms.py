"""Notify the people in a room that somebody left, or moved to another socket; cache the details of rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from cachetools import TTLCache

from service.live.presence import Presence
from service.live.push import Pusher, live_update
from service.store.database import ResultSet, RoutineCaller, document, documents

DEPARTURE = "conference.leave"
MOVE = "conference.update"
EVICTION = "conference.revoke"
CANCELLATION = "conference.cancel"
ENTRY = "conference.join"
START = "conference.start"
NODE_SECONDS = 60
NODES = 1_000


def notify_departures(pusher: Pusher, result_sets: Sequence[ResultSet]) -> None:
    """Push the changes that `conference_drop` and `conference_moved` answer.

    Each change is a pair of result sets: one row with the attendee, then the sockets of the others in the
    room.
    """
    for attendee_rows, recipients in zip(result_sets[::2], result_sets[1::2], strict=True):
        attendee = document(attendee_rows)
        if "was" in attendee:
            _notify_move(pusher, attendee, attendee.pop("peers"), recipients)
        else:
            pusher.send(recipients, _frame(DEPARTURE, attendee))


def notify_evictions(
    pusher: Pusher,
    presence: Presence,
    eviction_rows: ResultSet,
    service: str = EVICTION,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Notify those whom `conference_remove` took out of rooms, and their contacts.

    With the service of a host's command, which the frontend ignores, they hear of it by that name, too. The
    frontend closes the window of a call at `conference.revoke`, that of a meeting only at
    `conference.cancel`.
    """
    for data, node, sockets, shard in eviction_rows:
        place: dict[str, Any] = orjson.loads(data)
        recipients = [(node, sockets)]
        if service != EVICTION:
            pusher.send(recipients, live_update(service, {**place, **(more or {})}))
        model = {**place, "caller_id": None, "type": EVICTION}
        pusher.send(recipients, live_update(EVICTION, model))
        if model["room_type"] == "meeting":
            notify_cancellation(pusher, recipients, model)
        presence.changed(model["uid"], shard)


def notify_cancellation(pusher: Pusher, recipients: ResultSet, room: Mapping[str, Any]) -> None:
    """Close the windows of a room that is over for these sockets."""
    model = {"uid": None, "socket_id": None, "room_id": room["room_id"], "room_type": room["room_type"]}
    pusher.send(recipients, live_update(CANCELLATION, model | {"type": CANCELLATION}))


def notify_closed(pusher: Pusher, presence: Presence, result_sets: Sequence[ResultSet]) -> None:
    """Close the windows of rooms that the service has ended, and notify contacts.

    Four result sets for each room: one row with the room, then those of `conference_close`.
    """
    for room_rows, recipients, former_rows, _ in zip(*[iter(result_sets)] * 4, strict=True):
        notify_cancellation(pusher, recipients, document(room_rows))
        for attendee in documents(former_rows):
            presence.changed(attendee["uid"], attendee["db"])


def notify_reviews(pusher: Pusher, result_sets: Sequence[ResultSet]) -> None:
    """Push the attendees whose role or rights have changed: pairs of `conference_changed`."""
    for attendee_rows, recipients in zip(result_sets[::2], result_sets[1::2], strict=True):
        for attendee in documents(attendee_rows):
            pusher.send(recipients, _frame(MOVE, attendee, sender=False))


def notify_entries(pusher: Pusher, entry_rows: ResultSet, room_rows: ResultSet) -> None:
    """Tell those whom a host has let in that they may enter, and the room who has come.

    The page of a guest joins again at `conference.start`.
    """
    for data, node, sockets in entry_rows:
        attendee = orjson.loads(data)
        pusher.send([(node, sockets)], _frame(START, attendee, sender=False))
        pusher.send(room_rows, _frame(ENTRY, attendee))


def _notify_move(pusher: Pusher, attendee: dict[str, Any], peers: list[Any], others: ResultSet) -> None:
    """Send the new socket to the others in the room, and the attendee everybody who is in it."""
    own_socket_rows = [(attendee.pop("node"), orjson.dumps([attendee["socket_id"]]).decode())]
    pusher.send(others, _frame(MOVE, attendee))
    pusher.send(own_socket_rows, _frame(MOVE, attendee | {"attendees": peers}))


def _frame(service: str, attendee: dict[str, Any], *, sender: bool = True) -> bytes:
    """Build a frame about an attendee. Their own desk drops one of which they are the sender."""
    model = attendee | {"room_type": attendee["type"], "type": service}
    source = {"uid": attendee["uid"], "id": attendee["uid"], "socket_id": attendee["socket_id"]}
    return live_update(service, model, sender=source if sender else None)


class Nodes:
    """Cache of the `details` of rooms: attributes of the node with the room's id, a meeting or a folder.

    An entry lives for a minute: everybody who enters a meeting asks for it, and it hardly ever changes.
    """

    def __init__(self) -> None:
        self._cache: TTLCache[tuple[str, str], dict[str, Any]] = TTLCache(NODES, NODE_SECONDS)

    async def details(self, db: RoutineCaller, shard: str | None, hub: str, room: str) -> dict[str, Any]:
        """Return the attributes of the node; {} for a room without one."""
        attributes = self._cache.get((hub, room))
        if attributes is None and shard:
            (rows,) = await db.call(shard, "mfs_node_attr", hub, room)
            attributes = self._cache[hub, room] = document(rows) or {}
        return attributes or {}
