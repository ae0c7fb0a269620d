"""While a statement of a command waits for a lock, a line says who holds it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import pymysql
import pytest

from service.settings import Settings
from service.store import lock_watch
from service.store.admin import Connection
from service.store.lock_watch import WATCH

LOCK = "SELECT * FROM yp.deploy_lease FOR UPDATE"
DUMPS = "SELECT /*!40001 SQL_NO_CACHE */ * FROM yp.deploy_lease"
WAITS = "UPDATE yp.deploy_lease SET holder = ''"


@pytest.fixture
def connection(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """Return a connection that is watched closely."""
    monkeypatch.setattr(lock_watch, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(lock_watch, "LOOK_SECONDS", 0.02)
    with closing(Connection(settings)) as connection:
        yield connection


@contextmanager
def held(settings: Settings, seconds: float = 1.5) -> Iterator[int]:
    """Hold the lock of a row for a while; return the thread that does."""
    with closing(Connection(settings)) as holder:
        holder.run("BEGIN")
        holder.rows(LOCK)
        end = threading.Timer(seconds, holder.run, ["ROLLBACK"])
        end.start()
        yield int(holder.raw.thread_id())
        end.join()


def test_the_holder_of_a_row_is_named_once_while_a_statement_waits(
    settings: Settings, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    with held(settings) as thread:
        connection.run(WAITS)
    assert capsys.readouterr().err.startswith(f"waiting for a lock: {WAITS}: thread {thread} (root@")
    connection.run("DO SLEEP(0.5)")
    assert capsys.readouterr().err == ""


def test_a_statement_that_is_tried_again_is_one_wait(
    settings: Settings,
    connection: Connection,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lock_watch, "WAIT_SECONDS", 1.2)
    connection.run("SET SESSION innodb_lock_wait_timeout = 1")
    with held(settings, 4) as thread, WATCH.over(connection, WAITS):
        for _ in range(3):
            with pytest.raises(pymysql.err.OperationalError):
                connection.run(WAITS)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(f"runs no statement just now; KILL {thread} ends it")


def test_a_program_that_waits_is_seen_by_its_account(
    settings: Settings, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.run("LOCK TABLES yp.deploy_lease WRITE")
    with closing(Connection(settings)) as client, WATCH.over_client("dump", partial(Connection, settings)):
        reader = threading.Thread(target=client.rows, args=[DUMPS])
        reader.start()
        reader.join(1)
        connection.run("UNLOCK TABLES")
        reader.join()
    assert "waiting for a lock: dump: " in capsys.readouterr().err


def test_a_statement_that_waits_for_a_dump_is_not_taken_for_it(
    settings: Settings, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        held(settings),
        closing(Connection(settings)) as other,
        WATCH.over_client("dump", partial(Connection, settings), limit=0.1) as watched,
    ):
        other.run("SET SESSION lock_wait_timeout = 1")
        with pytest.raises(pymysql.err.OperationalError, match="Lock wait timeout"):
            other.raw.query("ALTER TABLE yp.deploy_lease COMMENT 'other'")
    assert watched.ended_for == ""
    assert "waiting for a lock: dump" not in capsys.readouterr().err
