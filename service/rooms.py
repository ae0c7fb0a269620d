"""Tell the people in a room that somebody left it, or came back on another socket, whatever the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from service.database import ResultSet, document
from service.push import Pusher, live_update

LEFT = "conference.leave"
MOVED = "conference.update"


def tell_left(pusher: Pusher, results: Sequence[ResultSet]) -> None:
    """Push for the pairs of sets that `conference_drop` and `conference_moved` answer, one a room."""
    for found, recipients in zip(results[::2], results[1::2], strict=True):
        attendee = document(found)
        peers = attendee.pop("peers")
        if "was" in attendee:
            _tell_moved(pusher, attendee, peers, recipients)
        else:
            pusher.send(recipients, _frame(LEFT, attendee))


def _tell_moved(pusher: Pusher, attendee: dict[str, Any], peers: list[Any], others: ResultSet) -> None:
    """The others learn the new socket; who has come back learns what he missed."""
    own = [(attendee.pop("node"), orjson.dumps([attendee["socket_id"]]).decode())]
    pusher.send(others, _frame(MOVED, attendee))
    pusher.send(own, _frame(MOVED, attendee | {"attendees": peers}))


def _frame(service: str, attendee: dict[str, Any]) -> bytes:
    model = attendee | {"room_type": attendee["type"], "type": service}
    sender = {"uid": attendee["uid"], "id": attendee["uid"], "socket_id": attendee["socket_id"]}
    return live_update(service, model, sender=sender)
