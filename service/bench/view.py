"""A room as a careful client sees it: what it read when it came in, and the news since, by their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RoomView:
    """Who is in a room, as one client believes.

    Pushes of two processes may overtake each other; `serial` says which of two news is the later one.
    """

    def __init__(self, room: str) -> None:
        self._room = room
        self._serial = 0
        self._read: dict[str, str] = {}
        self._news: list[Mapping[str, Any]] = []

    def read(self, joined: Mapping[str, Any]) -> None:
        """The answer of conference.join."""
        self._start(joined["serial"], [*joined["attendees"], joined["user"]])

    def hear(self, frame: Mapping[str, Any]) -> None:
        """A frame of the WebSocket, whatever it is."""
        model = frame.get("model", {})
        if "serial" not in model or model.get("room_id") != self._room:
            return
        if "attendees" in model and model["serial"] >= self._serial:
            # the place of a lost socket was taken over; nothing was told to nobody in between
            self._start(model["serial"], model["attendees"])
        else:
            self._news.append({"service": frame["options"]["service"], **model})

    def members(self) -> dict[str, str]:
        """uid by socket."""
        known = dict(self._read)
        for news in sorted(self._news, key=lambda each: each["serial"]):
            if news["serial"] <= self._serial:
                continue
            known.pop(news.get("was", news["socket_id"]), None)
            if news["service"] != "conference.leave":
                known[news["socket_id"]] = news["uid"]
        return known

    def _start(self, serial: int, rows: list[Mapping[str, Any]]) -> None:
        self._serial = serial
        self._read = {row["socket_id"]: row["uid"] for row in rows}
