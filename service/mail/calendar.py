"""The iCalendar file of a meeting (RFC 5545), which mail programs offer to put into a calendar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

STAMP = "%Y%m%dT%H%M%SZ"
HOURS = 1
"""Duration of a meeting, of which only the start is known."""
LINE_BYTES = 73
SPECIAL = re.compile(r"[\\;,]")


def start_of(text: str) -> datetime | None:
    """Return the time that an ISO 8601 text names, in UTC; None for other words."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return None


def calendar_file(meeting: Mapping[str, Any]) -> bytes | None:
    """Return the file of a meeting; None without a time. `meeting` is the data of its mail."""
    start = start_of(meeting.get("start") or meeting.get("date") or "")
    if start is None or start.year > 9000:
        return None
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Drumee//Meetings//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{meeting['room']}@drumee",
        f"DTSTAMP:{datetime.now(UTC).strftime(STAMP)}",
        f"DTSTART:{start.strftime(STAMP)}",
        f"DTEND:{(start + timedelta(hours=HOURS)).strftime(STAMP)}",
        f"SUMMARY:{_escape(meeting['title'])}",
        f"DESCRIPTION:{_escape(meeting.get('message') or '')}",
        f"URL:{meeting['url']}",
        f"LOCATION:{_escape(meeting['url'])}",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return b"".join(_fold(line.encode()) for line in lines)


def _escape(text: str) -> str:
    """Return a text as a property has it: one line, special characters escaped."""
    return (
        SPECIAL.sub(lambda match: f"\\{match[0]}", text)
        .replace("\r\n", "\n")
        .replace("\n", "\\n")
        .replace("\r", "")
    )


def _fold(line: bytes) -> bytes:
    """Return a line in pieces of at most 75 bytes, none of which begins within a character."""
    pieces = []
    while len(line) > LINE_BYTES:
        end = LINE_BYTES
        while line[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(line[:end])
        line = line[end:]
    return b"\r\n ".join([*pieces, line]) + b"\r\n"
