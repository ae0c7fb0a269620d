"""A room as a careful client sees it: the answer of its join, and all updates since, by serial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RoomView:
    """The members of a room, as one client knows them.

    Pushes of two processes may overtake each other; `serial` orders them.
    """

    def __init__(self, room: str) -> None:
        self._room = room
        self._serial = 0
        self._read: dict[str, str] = {}
        self._news: list[Mapping[str, Any]] = []

    def read(self, joined: Mapping[str, Any]) -> None:
        """Take over the answer of conference.join."""
        self._start(joined["serial"], [*joined["attendees"], joined["user"]])

    def hear(self, frame: Mapping[str, Any]) -> None:
        """Take over a frame of the WebSocket; ignore other kinds."""
        model = frame.get("model", {})
        if "serial" not in model or model.get("room_id") != self._room:
            return
        if "attendees" in model and model["serial"] >= self._serial:
            # A new socket has taken over the place of a lost one; there was no update in between.
            self._start(model["serial"], model["attendees"])
        else:
            self._news.append({"service": frame["options"]["service"], **model})

    def members(self) -> dict[str, str]:
        """Return the uid by socket."""
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
