"""Tell the people in a room that somebody left it, whatever the reason."""

from __future__ import annotations

from collections.abc import Sequence

from service.database import ResultSet, document
from service.push import Pusher, live_update

SERVICE = "conference.leave"


def tell_left(pusher: Pusher, results: Sequence[ResultSet]) -> None:
    """Push `conference.leave` for the pairs of sets that `conference_drop` answers, one a room."""
    for left, recipients in zip(results[::2], results[1::2], strict=True):
        attendee = document(left)
        del attendee["peers"]
        model = attendee | {"room_type": attendee["type"], "type": SERVICE}
        sender = {"uid": attendee["uid"], "id": attendee["uid"], "socket_id": attendee["socket_id"]}
        pusher.send(recipients, live_update(SERVICE, model, sender=sender))
