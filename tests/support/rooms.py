"""A room as one client sees it: the answer of its join, and all updates since."""

from __future__ import annotations

from typing import Any

from service.bench.view import RoomView
from tests.support.admin import Admin
from tests.support.people import Person, Tab


class View:
    """The members of a room, by socket, as this client knows them."""

    def __init__(self, person: Person, tab: Tab, hub: str, room: str) -> None:
        self.person = person
        self.tab = tab
        self._here = {"hub_id": hub, "room_id": room}
        self._view = RoomView(room)
        self._heard = 0

    async def read(self) -> dict[str, Any]:
        """Join, or join again, which reads the room afresh."""
        joined: dict[str, Any] = await self.person.ok(
            "conference.join", socket_id=self.tab.id, metadata={"type": "meeting", "audio": 1}, **self._here
        )
        self._view.read(joined)
        return joined

    async def come_back(self) -> None:
        """Open a new connection after a drop, as the frontend does, without joining again."""
        self.members()
        self.tab = await self.person.tab(was=self.tab)
        self._heard = 0

    def members(self) -> dict[str, str]:
        """Return the uid by socket."""
        for frame in self.tab.frames[self._heard :]:
            self._view.hear(frame)
        self._heard = len(self.tab.frames)
        return self._view.members()


def stored(admin: Admin, room: str) -> dict[str, str]:
    """Return the uid by socket, from the database."""
    return dict(admin.rows("SELECT socket_id, uid FROM yp.conference WHERE room_id = %s", room))
