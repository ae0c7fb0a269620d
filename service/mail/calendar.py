"""The iCalendar file of a meeting (RFC 5545, 5546), which mail programs offer to put into a calendar."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from icalendar import Calendar, Event, vCalAddress, vText

DURATION = timedelta(hours=1)
"""Of a meeting, of which only the start is known."""
DAY = timedelta(days=1)
LAST_YEAR = 9000
METHODS = {"invite": "REQUEST", "change": "REQUEST", "cancel": "CANCEL"}
"""By the kind of the mail."""


class CalendarFile(NamedTuple):
    """A file, and its method, which the mail names as well."""

    content: bytes
    method: str


def start_of(text: str) -> datetime | date | None:
    """Return the time that an ISO 8601 text names: in UTC, or a whole day; None for other words.

    A time without an offset is UTC.
    """
    text = text.strip()
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def calendar_file(meeting: Mapping[str, Any], guest: str) -> CalendarFile | None:
    """Return the file of a meeting for one guest (email address); None without a time.

    `meeting` is the data of its mail. The UID stays for as long as the meeting lives, and `sequence` grows
    with each change, so a calendar changes or removes the entry that it has.
    """
    start = start_of(meeting.get("start") or meeting.get("date") or "")
    if start is None or start.year > LAST_YEAR:
        return None
    method = METHODS[meeting.get("kind") or "invite"]
    event = Event()
    event.add("uid", f"{meeting['room']}@drumee")
    event.add("sequence", int(meeting.get("sequence") or 0))
    event.add("dtstamp", datetime.now(UTC))
    event.add("dtstart", start)
    event.add("dtend", start + (DURATION if isinstance(start, datetime) else DAY))
    event.add("summary", meeting["title"])
    event.add("description", meeting.get("message") or "")
    event.add("location", meeting["url"])
    event.add("url", meeting["url"])
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event.add("organizer", _person(meeting.get("inviter_email") or "", meeting.get("inviter") or ""))
    event.add("attendee", _person(guest, meeting.get("name") or ""))
    calendar = Calendar()
    calendar.add("prodid", "-//Drumee//Meetings//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    return CalendarFile(calendar.to_ical(), method)


def _person(email: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{email}")
    # A parameter holds no quotation marks or control characters, and readers take a backslash for an escape.
    plain = name.replace('"', "'").replace("\\", "/")
    common_name = "".join(c if c.isprintable() else " " for c in plain).strip()
    if common_name:
        person.params["CN"] = vText(common_name)
    return person
