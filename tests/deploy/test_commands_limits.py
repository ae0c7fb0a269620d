"""A statement of a command that hangs is ended, and the message names it, its blocker and the next step."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing

import pymysql
import pytest

from service.settings import Settings
from service.store.admin import Connection
from tests.support.admin import Admin
from tests.support.sites import Cli

ENDLESS = "SELECT SLEEP(600)"


@pytest.fixture
def other(site: Settings) -> Iterator[Connection]:
    """Return the connection of somebody else."""
    with closing(Connection(site)) as connection:
        yield connection


@pytest.fixture
def hasty(site: Settings) -> Iterator[Connection]:
    """Return a connection whose statements may take a fifth of a second."""
    with closing(Connection(dataclasses.replace(site, db_command_timeout=0.2))) as connection:
        yield connection


def test_a_query_that_does_not_end_is_stopped_with_its_text(hasty: Connection) -> None:
    with pytest.raises(pymysql.err.OperationalError) as caught:
        hasty.rows(ENDLESS)
    assert f"{ENDLESS}: stopped after 0.2 s" in str(caught.value)
    assert "DRUMEE_DB_COMMAND_TIMEOUT" in str(caught.value)
    assert hasty.one("SELECT 1") == 1


def test_work_on_big_tables_has_no_limit(hasty: Connection) -> None:
    with hasty.without_limit():
        assert hasty.one("SELECT SLEEP(0.5)") == 0
    with pytest.raises(pymysql.err.OperationalError, match=r"stopped after 0\.2 s"):
        hasty.one("SELECT SLEEP(0.5)")


def test_the_message_names_the_transaction_that_holds_a_lock(hasty: Connection, other: Connection) -> None:
    hasty.run("SET SESSION lock_wait_timeout = 0")
    with other.transaction():
        other.rows("SELECT COUNT(*) FROM shard1.tag")
        with pytest.raises(pymysql.err.OperationalError) as caught, hasty.without_limit():
            hasty.run("ALTER TABLE shard1.tag ADD COLUMN hanging INT")
    assert caught.value.args[0] == 1205
    assert str(caught.value.args[1]).startswith("ALTER TABLE shard1.tag ADD COLUMN hanging INT: Lock wait")
    thread = other.raw.thread_id()
    assert f"thread {thread} " in str(caught.value)
    assert f"or KILL {thread}, and run the same command again" in str(caught.value)


def test_an_idle_connection_with_locked_tables_is_named_where_the_server_can_tell(
    hasty: Connection, other: Connection, dba: Admin
) -> None:
    hasty.run("SET SESSION lock_wait_timeout = 0")
    other.run("LOCK TABLES shard1.tag WRITE")
    with pytest.raises(pymysql.err.OperationalError, match="INSTALL SONAME 'metadata_lock_info'"):
        hasty.rows("SELECT COUNT(*) FROM shard1.tag")
    dba.rows("INSTALL SONAME 'metadata_lock_info'")
    try:
        with pytest.raises(pymysql.err.OperationalError, match=f"thread {other.raw.thread_id()} "):
            hasty.rows("SELECT COUNT(*) FROM shard1.tag")
    finally:
        dba.rows("UNINSTALL SONAME 'metadata_lock_info'")


def test_a_server_that_never_answers_ends_the_command(hasty: Connection) -> None:
    hasty.run("SET SESSION max_statement_time = 0")
    hasty.raw._read_timeout = 0.2
    with pytest.raises(pymysql.err.OperationalError, match="the server hangs, or the network is gone"):
        hasty.rows("SELECT SLEEP(5)")


def test_a_plan_behind_a_locked_registry_ends_with_one_sentence(
    site: Settings, other: Connection, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRUMEE_DB_COMMAND_TIMEOUT", "0.5")
    other.run("LOCK TABLES yp.shard WRITE")
    result = cli("plan")
    assert result.returncode == 2
    assert "stopped after 0.5 s" in result.stderr
    assert "FROM yp.shard" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_error_of_another_kind_keeps_its_text(hasty: Connection) -> None:
    with pytest.raises(pymysql.err.ProgrammingError, match="doesn't exist"):
        hasty.rows("SELECT * FROM yp.nothing")
