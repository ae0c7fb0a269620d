"""Outages of the database: one line of the log at their beginning, one at their end."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from service.store import outages as module
from service.store.outages import CALM_SECONDS, FORGET_SECONDS, STUCK_SECONDS, Outages


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def read(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.read, time=clock.read))
    return clock


def test_an_outage_is_logged_at_its_beginning_and_its_end(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    outages = Outages()
    outages.worked("yp", "session_open")
    assert not caplog.records
    for _ in range(100):
        outages.unavailable("OperationalError 2003")
        clock.now += 0.1
        outages.worked("yp", "session_open")  # Some work in the middle of an outage.
    assert [(m.levelname, m.getMessage()) for m in caplog.records] == [
        ("WARNING", "the database is unavailable")
    ]
    clock.now += CALM_SECONDS
    for _ in range(3):
        outages.worked("yp", "session_open")
    assert caplog.records[1].getMessage() == "the database is available again"
    assert vars(caplog.records[1])["failures"] == 100
    assert len(caplog.records) == 2
    outages.unavailable("OperationalError 2003")
    assert len(caplog.records) == 3


def test_a_database_is_slow_while_a_routine_keeps_timing_out(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    outages = Outages()
    outages.timed_out("shard1", "my_contacts", "1969")
    assert outages.slow_databases() == [], "one slow CALL is no reason for an alarm"
    outages.worked("shard1", "my_contacts")
    outages.timed_out("shard1", "my_contacts", "1969")
    assert outages.slow_databases() == []
    for _ in range(50):
        outages.timed_out("shard1", "my_contacts", "1969")
        outages.worked("shard1", "chat_list")
        outages.worked("shard2", "my_contacts")
    assert outages.slow_databases() == ["shard1"]
    assert len(caplog.records) == 1
    assert vars(caplog.records[0])["database"] == "shard1"
    clock.now += CALM_SECONDS
    outages.worked("shard1", "my_contacts")
    assert outages.slow_databases() == []
    assert [m.getMessage() for m in caplog.records[1:]] == ["no CALL to a database times out any more"]


def test_a_database_that_nobody_calls_any_more_is_forgotten(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    outages = Outages()
    for _ in range(2):
        outages.timed_out("shard1", "my_contacts", "1969")
    clock.now += STUCK_SECONDS
    assert outages.slow_databases() == []
    assert len(caplog.records) == 1
    clock.now += FORGET_SECONDS
    assert outages.slow_databases() == []
    assert len(caplog.records) == 2
