"""A room as one client sees it: what it read when it came in, and what it was told since."""

from __future__ import annotations

from typing import Any

from tests.conftest import Admin
from tests.people import Person, Tab

ARRIVALS = {"conference.join", "conference.start", "conference.accept"}


class View:
    """Who is in the room, by socket, as this client knows it."""

    def __init__(self, person: Person, tab: Tab, hub: str, room: str) -> None:
        self.person = person
        self.tab = tab
        self._here = {"hub_id": hub, "room_id": room}
        self._known: dict[str, str] = {}
        self._since = 0

    async def read(self) -> dict[str, Any]:
        """Join, or join again: that reads the room afresh."""
        self._since = len(self.tab.frames)
        joined = await self.person.ok(
            "conference.join", socket_id=self.tab.id, metadata={"type": "meeting", "audio": 1}, **self._here
        )
        rows = [*joined["attendees"], joined["user"]]
        self._known = {row["socket_id"]: row["uid"] for row in rows}
        found: dict[str, Any] = joined
        return found

    async def come_back(self) -> None:
        """The connection broke; a new one, as the frontend opens it: it does not join again."""
        self._known = self.members()
        self.tab = await self.person.tab()
        self._since = 0

    def members(self) -> dict[str, str]:
        """uid by socket."""
        known = dict(self._known)
        for frame in self.tab.frames[self._since :]:
            if frame["service"] != "live.update" or frame["model"].get("room_id") != self._here["room_id"]:
                continue
            service, model = frame["options"]["service"], frame["model"]
            if service in ARRIVALS and "socket_id" in model:
                known[model["socket_id"]] = model["uid"]
            elif service == "conference.leave":
                known.pop(model["socket_id"], None)
            elif "attendees" in model:
                known = {row["socket_id"]: row["uid"] for row in model["attendees"]}
            elif "was" in model:
                known.pop(model["was"], None)
                known[model["socket_id"]] = model["uid"]
        return known


def stored(admin: Admin, room: str) -> dict[str, str]:
    """uid by socket, in the database."""
    return dict(admin.rows("SELECT socket_id, uid FROM yp.conference WHERE room_id = %s", room))
