"""Kill a deploy while it changes a big table: the next one removes what is left, and goes on."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.deploy import online
from service.deploy.deployer import Deployer
from service.settings import Settings, database_servers
from service.store.admin import Connection
from tests.support.admin import Admin
from tests.support.migrations import (
    COPIED,
    MESSAGES,
    needs_percona_toolkit,
    plugin_that_waits,
    start_deploy,
    with_migration,
)

ROWS = 60_000
UNDER_WAY = """
    SELECT COUNT(*)
    FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = 'shard1' AND TABLE_NAME = '_message_new'
"""
TRIGGERS = """
    SELECT COUNT(*)
    FROM information_schema.TRIGGERS
    WHERE TRIGGER_SCHEMA = 'shard1' AND TRIGGER_NAME LIKE 'pt\\_osc\\_%%'
"""
Make = Callable[[], Deployer]


@pytest.fixture
def next_deploy(site: Settings, output: list[str]) -> Make:
    """Create deployers of the same version, for which every table is a big one."""

    def make() -> Deployer:
        output.clear()
        settings = dataclasses.replace(site, big_table_mb=0)
        return Deployer(settings, output.append, files=with_migration(COPIED), examples=False)

    return make


@pytest.fixture
def killed(site: Settings, dba: Admin) -> None:
    """Kill a deploy with -9 while rows are copied."""
    dba.rows(MESSAGES.format(rows=ROWS))
    process = start_deploy(site, COPIED)
    while not (dba.one(UNDER_WAY) and dba.one(TRIGGERS) == 3) and process.poll() is None:
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()[0]
    process.send_signal(signal.SIGKILL)
    process.communicate()


@needs_percona_toolkit
@pytest.mark.usefixtures("killed")
class TestAfterKill:
    """The tool ends with its deploy; tables and triggers stay."""

    def test_plan_and_drift_call_them_remains_of_a_deploy(self, next_deploy: Make, output: list[str]) -> None:
        deployer = next_deploy()
        lines = deployer.drift()
        assert [line.split()[:3] for line in lines][:1] == [["remains", "table", "_message_new"]]
        assert sum(line.split()[:2] == ["remains", "trigger"] for line in lines) == 3
        assert all(
            line.endswith("an interrupted change left it; `make deploy` puts it in order") for line in lines
        )
        deployer.show(deployer.plan())
        assert {line.split()[0] for line in output if line.startswith("  ") and line[2] != " "} == {
            "apply",
            "remains",
        }

    def test_the_next_deploy_removes_them_and_changes_the_table(
        self, next_deploy: Make, dba: Admin, output: list[str]
    ) -> None:
        assert next_deploy().deploy().status == 0
        assert output[0] == "shard1: a change of message was interrupted; its tables and triggers are removed"
        assert (dba.one(UNDER_WAY), dba.one(TRIGGERS)) == (0, 0)
        assert dba.one("SELECT COUNT(*) FROM shard1.message") == ROWS
        assert next_deploy().drift() == []
        assert dba.rows("SELECT state FROM yp.deploy_journal WHERE action = 'online' ORDER BY run_id") == [
            ("failed",),
            ("done",),
        ]


GAP = "DROP TRIGGER IF EXISTS `shard1`.`message_moved`"
"""Its next statement makes the guard trigger on the new table."""
GUARDED = "SELECT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE TRIGGER_NAME = 'message_moved'"


def stopped_at(site: Settings, folder: Path, moment: str) -> tuple[subprocess.Popen[str], int]:
    """Deploy until pt-online-schema-change waits at a moment; return the deploy, and the process of it."""
    process = start_deploy(site, COPIED, plugin=plugin_that_waits(folder, moment))
    waits = folder / "waits"
    while not waits.exists() and process.poll() is None:
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()[0]
    return process, int(waits.read_text())


@needs_percona_toolkit
@pytest.mark.parametrize("moment", ["after_swap_tables", "after_drop_old_table"])
def test_a_deploy_that_was_killed_after_the_swap_is_named_at_once_and_completed(
    site: Settings, dba: Admin, next_deploy: Make, output: list[str], tmp_path: Path, moment: str
) -> None:
    dba.rows(MESSAGES.format(rows=100))
    process, _ = stopped_at(site, tmp_path, moment)
    dba.rows("UPDATE shard1.message SET message = 'written after the swap' WHERE ctime = 7")
    process.kill()
    process.communicate()
    remains = [line.split()[:3] for line in next_deploy().drift()]
    assert ["remains", "table", "message"] in remains
    assert (["remains", "table", "_message_old"] in remains) == (moment == "after_swap_tables")
    assert next_deploy().deploy().status == 0
    assert output[0] == "shard1: a change of message was interrupted; its tables and triggers are removed"
    assert not dba.rows("SHOW TABLES FROM shard1 LIKE '\\_message\\_%%'")
    assert dba.one("SELECT message FROM shard1.message WHERE ctime = 7") == "written after the swap"
    assert dba.one("SELECT COUNT(*) FROM shard1.message") == 100
    assert next_deploy().drift() == []


@needs_percona_toolkit
def test_a_guard_trigger_that_a_killed_tool_has_dropped_comes_back_with_the_end_of_the_deploy(
    site: Settings, dba: Admin, tmp_path: Path, next_deploy: Make
) -> None:
    dba.rows(MESSAGES.format(rows=100))
    process, tool = stopped_at(site, tmp_path, GAP)
    os.kill(tool, signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "has not completed shard1.message: it was killed (SIGKILL)" in output
    assert dba.one(GUARDED) == "message"
    assert next_deploy().drift() == []
    assert next_deploy().deploy().status == 0
    assert dba.one(GUARDED) == "message"


@needs_percona_toolkit
def test_a_guard_trigger_that_a_killed_deploy_has_dropped_comes_back_with_the_next_one(
    site: Settings, dba: Admin, tmp_path: Path, next_deploy: Make
) -> None:
    dba.rows(MESSAGES.format(rows=100))
    process, _ = stopped_at(site, tmp_path, GAP)
    process.kill()
    process.communicate()
    lines = next_deploy().drift()
    assert lines[0].split()[:3] == ["repair", "trigger", "message_moved"]
    assert lines[0].endswith("an interrupted change has dropped it")
    assert next_deploy().deploy().status == 0
    assert dba.one(GUARDED) == "message"
    assert next_deploy().drift() == []


@pytest.fixture
def connection(site: Settings) -> Iterator[Connection]:
    """Return a connection to the shard."""
    connection = Connection(site)
    connection.raw.select_db("shard1")
    yield connection
    connection.close()


def interrupted_by_hand(connection: Connection) -> None:
    """Note a change of message as a killed deploy does."""
    connection.run(
        "INSERT INTO yp.deploy_run (revision, operator, started) VALUES ('test', 'x', UNIX_TIMESTAMP())"
    )
    connection.run(
        "INSERT INTO yp.deploy_journal (run_id, number, db_name, action, kind, name, from_digest, to_digest, "
        "state, ctime) VALUES (LAST_INSERT_ID(), 1, 'shard1', 'online', 'table', '_message_new', '', '', "
        "'planned', 0)"
    )


def test_a_guard_trigger_that_the_tool_has_moved_already_comes_back(
    connection: Connection, next_deploy: Make, dba: Admin
) -> None:
    dba.rows(MESSAGES.format(rows=10))
    interrupted_by_hand(connection)
    ((_, _, statement, *_),) = connection.rows("SHOW CREATE TRIGGER message_moved")
    connection.run("CREATE TABLE _message_new LIKE message")
    connection.run("DROP TRIGGER message_moved")
    connection.run(
        statement.replace("ON message", "ON _message_new").replace("ON `message`", "ON `_message_new`")
    )
    lines = next_deploy().drift()
    assert {tuple(line.split()[:3]) for line in lines} == {
        ("remains", "table", "_message_new"),
        ("remains", "trigger", "message_moved"),
    }
    online.clean_up(connection, "shard1", "message", connection.run)
    assert dba.one(GUARDED) == "message"
    assert dba.one(UNDER_WAY) == 0


def test_after_the_swap_the_new_table_stays_and_the_old_one_goes(
    connection: Connection, next_deploy: Make, dba: Admin
) -> None:
    dba.rows(MESSAGES.format(rows=10))
    interrupted_by_hand(connection)
    connection.run("CREATE TABLE _message_new LIKE message")
    connection.run(f"ALTER TABLE _message_new {COPIED.partition('message ')[2]}")
    connection.run("INSERT INTO _message_new SELECT * FROM message")
    connection.run("RENAME TABLE message TO _message_old, _message_new TO message")
    connection.run("DROP TRIGGER message_moved")
    assert next_deploy().deploy().status == 0
    assert dba.one("SELECT COUNT(*) FROM shard1.message") == 10
    assert not dba.rows("SHOW TABLES FROM shard1 LIKE '\\_message\\_%%'")
    assert next_deploy().drift() == []


def test_a_running_change_is_no_drift(connection: Connection, next_deploy: Make) -> None:
    interrupted_by_hand(connection)
    connection.run("CREATE TABLE _message_new LIKE message")
    connection.run("UPDATE yp.deploy_lease SET until = UNIX_TIMESTAMP() + 60")
    assert next_deploy().drift() == []


@needs_percona_toolkit
def test_ctrl_c_ends_the_copy_and_leaves_nothing(site: Settings, dba: Admin) -> None:
    dba.rows(MESSAGES.format(rows=ROWS))
    process = start_deploy(site, COPIED)
    while not dba.one(UNDER_WAY) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert "stopping after this item" in output
    assert process.returncode != 0
    assert (dba.one(UNDER_WAY), dba.one(TRIGGERS)) == (0, 0)
    assert dba.one("SELECT state FROM yp.deploy_journal WHERE action = 'online'") == "failed"


@needs_percona_toolkit
def test_a_password_is_on_no_command_line(site: Settings, dba: Admin) -> None:
    dba.rows("CREATE USER boss@localhost IDENTIFIED BY 'ge\\\\h\"e#im é'")
    dba.rows("GRANT ALL ON *.* TO boss@localhost WITH GRANT OPTION")
    dba.rows(MESSAGES.format(rows=ROWS))
    socket = database_servers(site.db_admin)[0].unix_socket
    url = f"mysql://boss:ge%5Ch%22e%23im%20%C3%A9@localhost/?unix_socket={socket}"
    process = start_deploy(dataclasses.replace(site, db_admin=url), COPIED)
    while not dba.one(UNDER_WAY) and process.poll() is None:
        time.sleep(0.01)
    lines = [line for path in Path("/proc").glob("[0-9]*/cmdline") if online.PROGRAM in (line := _text(path))]
    output, _ = process.communicate(timeout=120)
    dba.rows("DROP USER boss@localhost")
    assert process.returncode == 0, output
    assert lines
    assert not any("e#im" in text for text in [*lines, output])


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""
