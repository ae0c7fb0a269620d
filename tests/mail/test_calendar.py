"""Calendar files of meetings: times, names, lengths."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from service.mail.calendar import calendar_file, start_of

MEETING = {"title": "Tea", "message": "", "url": "https://x.example/-/?area=dmz#/a", "room": "f9"}


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("2031-03-01T10:00:00+01:00", datetime(2031, 3, 1, 9, tzinfo=UTC)),
        ("2031-03-01T10:00Z", datetime(2031, 3, 1, 10, tzinfo=UTC)),
        ("2031-03-01T10:00:00.000Z", datetime(2031, 3, 1, 10, tzinfo=UTC)),
        (" 2031-03-01 10:00 ", datetime(2031, 3, 1, 10, tzinfo=UTC)),
        ("2031-03-01", date(2031, 3, 1)),
        ("2031-02-30", None),
        ("Monday at ten", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("", None),
    ],
)
def test_a_start_is_a_time_a_day_or_words(text: str, start: datetime | date | None) -> None:
    assert start_of(text) == start
    file = calendar_file({**MEETING, "date": text}, "a@b.example")
    assert (file is None) == (start is None)


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=80))
def test_whatever_people_write_is_read_back(title: str, message: str, name: str) -> None:
    data: dict[str, Any] = {
        **MEETING, "title": title, "message": message, "name": name, "inviter": name,
        "inviter_email": "i@x.example",
        "start": "2031-03-01T10:00:00Z", "kind": "cancel", "sequence": 3,
    }  # fmt: skip
    file = calendar_file(data, "guest@x.example")
    assert file is not None
    (event,) = Calendar.from_ical(file.content).walk("VEVENT")
    assert (event["sequence"], event["status"], event["attendee"]) == (
        3,
        "CANCELLED",
        "mailto:guest@x.example",
    )
    assert all(len(line) <= 75 for line in file.content.split(b"\r\n"))


def test_a_year_that_has_no_next_day_has_no_file() -> None:
    assert calendar_file({**MEETING, "date": "9999-12-31"}, "a@b.example") is None
