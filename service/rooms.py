"""Tell the people in a room that somebody left it, or came back on another socket, whatever the reason."""

from __future__ import annotations

from collections.abc import Sequence

from service.database import ResultSet, document
from service.push import Pusher, live_update

LEFT = "conference.leave"
MOVED = "conference.update"


def tell_left(pusher: Pusher, results: Sequence[ResultSet]) -> None:
    """Push for the pairs of sets that `conference_drop` and `conference_move` answer, one a room."""
    for found, recipients in zip(results[::2], results[1::2], strict=True):
        attendee = document(found)
        attendee.pop("peers", None)
        service = MOVED if "was" in attendee else LEFT
        model = attendee | {"room_type": attendee["type"], "type": service}
        sender = {"uid": attendee["uid"], "id": attendee["uid"], "socket_id": attendee["socket_id"]}
        pusher.send(recipients, live_update(service, model, sender=sender))
