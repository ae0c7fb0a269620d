"""Big tables are changed by pt-online-schema-change, or not at all; small ones are copied by the server."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest

from service.deploy import online
from service.deploy.deployer import Deployer
from service.settings import Settings
from service.store.admin import Connection, DeployError
from tests.support.admin import Admin
from tests.support.migrations import COPIED, MESSAGES, MIGRATION, needs_percona_toolkit, with_migration
from tests.support.sites import DeployerMaker

OF_CHILD = "ALTER TABLE contact_email MODIFY position BIGINT UNSIGNED NOT NULL"
OF_PARENT = "ALTER TABLE contact MODIFY comment LONGTEXT NULL"
ROWS = 20_000
CONTACTS = """
    INSERT INTO shard1.contact (owner_id, id, entity, ctime, mtime)
    SELECT LPAD(1, 16, '0'), LPAD(seq, 16, '0'), CONCAT('e', seq), 1, 1 FROM shard1.seq_1_to_100
"""
ADDRESSES = """
    INSERT INTO shard1.contact_email (owner_id, id, contact_id, email, position)
    SELECT owner_id, id, id, CONCAT(entity, '@example.org'), 1 FROM shard1.contact
"""

Make = Callable[..., Deployer]


@pytest.fixture
def big(site: Settings, output: list[str]) -> Make:
    """Create deployers for which every table is a big one."""

    def make(*statements: str, **options: object) -> Deployer:
        settings = dataclasses.replace(site, big_table_mb=0)
        return Deployer(
            settings,
            output.append,
            files=with_migration(*statements),
            examples=False,
            **options,  # type: ignore[arg-type]
        )

    return make


def type_of(dba: Admin, table: str, column: str) -> str:
    return str(
        dba.one(
            "SELECT COLUMN_TYPE FROM information_schema.COLUMNS "
            "WHERE TABLE_SCHEMA = 'shard1' AND TABLE_NAME = %s AND COLUMN_NAME = %s",
            table,
            column,
        )
    )


def made_by_the_tool(dba: Admin) -> list[str]:
    names = dba.rows(
        "SELECT TABLE_NAME FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = 'shard1' AND TABLE_NAME LIKE '\\_%%' "
        "UNION SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_NAME LIKE 'pt\\_%%'"
    )
    return [name for (name,) in names]


@needs_percona_toolkit
def test_a_big_table_is_copied_beside_its_users_and_keeps_rows_triggers_and_keys(
    big: Make, dba: Admin, output: list[str]
) -> None:
    for statement in (MESSAGES.format(rows=500), CONTACTS, ADDRESSES):
        dba.rows(statement)
    assert big(COPIED, OF_CHILD).deploy().status == 0
    assert (type_of(dba, "message", "is_read"), type_of(dba, "contact_email", "position")) == (
        "bigint(20)",
        "bigint(20) unsigned",
    )
    assert dba.rows(
        "SELECT (SELECT COUNT(*) FROM shard1.message), (SELECT COUNT(*) FROM shard1.contact_email)"
    ) == [(500, 100)]
    assert made_by_the_tool(dba) == []
    assert big(COPIED, OF_CHILD).drift() == []  # guard triggers, and names of foreign keys
    assert dba.rows("SELECT name, state FROM yp.deploy_journal WHERE action = 'online' ORDER BY number") == [
        ("_message_new", "done"),
        ("_contact_email_new", "done"),
    ]
    assert any("pt-online-schema-change: others read and write meanwhile" in line for line in output)
    assert sum("the rows of both tables are counted" in line for line in output) == 2


@contextmanager
def writes(dba: Admin, counts: list[int]) -> Iterator[None]:
    """Insert, change and delete messages from another connection during the block; note how many are left."""
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            dba.rows(
                "INSERT INTO shard1.message (owner_id, peer_id, message_id, author_id, message, ctime) "
                "VALUES (LPAD(1, 16, '0'), LPAD(2, 16, '0'), LPAD(%s, 16, '0'), LPAD(1, 16, '0'), 'new', 1)",
                number,
            )
            dba.rows(
                "UPDATE shard1.message SET message = 'changed' WHERE owner_id = LPAD(1, 16, '0') "
                "AND peer_id = LPAD(2, 16, '0') AND message_id = LPAD(%s, 16, '0')",
                number,
            )
            dba.rows("DELETE FROM shard1.message WHERE message_id = LPAD(%s, 16, '0')", number)
            counts.append(number)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@needs_percona_toolkit
def test_what_others_write_meanwhile_is_in_the_new_table(big: Make, dba: Admin) -> None:
    dba.rows(MESSAGES.format(rows=ROWS))
    written: list[int] = []
    with writes(dba, written):
        assert big(COPIED).deploy().status == 0
    last = written[-1]
    assert last > 1
    assert dba.one("SELECT COUNT(*) FROM shard1.message WHERE peer_id = LPAD(2, 16, '0')") == 0
    assert dba.one("SELECT COUNT(*) FROM shard1.message") == ROWS - min(last, ROWS)


@needs_percona_toolkit
@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("ALTER TABLE contact_email MODIFY email VARCHAR(4) COLLATE utf8mb4_bin NOT NULL", "does not fit"),
        (
            "ALTER TABLE contact_email MODIFY email VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL",
            "rows with equal keys would be lost",
        ),
    ],
)
def test_a_change_that_would_lose_values_fails_and_leaves_nothing(
    big: Make, dba: Admin, statement: str, reason: str
) -> None:
    dba.rows(CONTACTS)
    dba.rows(ADDRESSES)
    dba.rows(ADDRESSES.replace("'@example.org'", "'@EXAMPLE.org'"))
    outcome = big(statement).deploy()
    assert reason in outcome.failed["shard1"]
    assert type_of(dba, "contact_email", "email") == "varchar(255)"
    assert dba.one("SELECT COUNT(*) FROM shard1.contact_email") == 200
    assert made_by_the_tool(dba) == []
    assert dba.one("SELECT state FROM yp.deploy_journal WHERE action = 'online'") == "failed"


REFUSED = {
    OF_PARENT: "foreign keys of contact_address, contact_email, contact_group_member, contact_phone",
    "CREATE FULLTEXT INDEX by_text ON message (message)": "it takes ALTER TABLE only",
    "ALTER TABLE message MODIFY is_read INT, RENAME COLUMN message TO text": "message may become text",
    "ALTER TABLE message MODIFY is_read INT, ADD UNIQUE KEY by_ctime (owner_id, ctime)": "new unique key",
}


@needs_percona_toolkit
@pytest.mark.parametrize(("statement", "reason"), REFUSED.items())
def test_a_change_that_the_tool_cannot_make_is_refused_before_anything_is_touched(
    big: Make, dba: Admin, statement: str, reason: str
) -> None:
    table = statement.split(" ON ")[1].split()[0] if " ON " in statement else statement.split()[2]
    with pytest.raises(DeployError) as caught:
        big("ALTER TABLE contact_event ADD COLUMN IF NOT EXISTS note TEXT NULL", statement).deploy()
    text = str(caught.value)
    assert reason in text
    assert f"`make deploy ALLOW={table}` makes them wait nevertheless" in text
    assert text.endswith("Nothing was touched.")
    assert not dba.rows("SHOW COLUMNS FROM shard1.contact_event LIKE 'note'")
    assert dba.one("SELECT COUNT(*) FROM yp.deploy_item WHERE name = %s", MIGRATION) == 0


def test_a_script_of_the_plan_has_no_statement_that_makes_others_wait(
    big: Make, dba: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online, "obstacle", lambda _c, _db, table, _s: "" if table == "message" else "no")
    deployer = big(COPIED, OF_PARENT)
    statements = [text for text in deployer.statements(deployer.plan()) if "ALTER TABLE" in text]
    assert [text.split()[1] for text in statements] == ["pt-online-schema-change", "refused,"]
    for text in statements:
        with pytest.raises(pymysql.err.OperationalError, match="ALGORITHM=INPLACE is not supported"):
            dba.rows(text.replace("ALTER TABLE ", "ALTER TABLE shard1."))


@needs_percona_toolkit
def test_the_question_to_the_tool_reaches_no_replica(big: Make, dba: Admin) -> None:
    """A replica does not know the scratch database: a statement in it would end the replication."""
    before = dba.rows("SHOW MASTER STATUS")
    (change,) = big(COPIED).plan().changes
    assert change.is_online("shard1")
    assert dba.rows("SHOW MASTER STATUS") == before


@pytest.mark.parametrize("name", ["contact", MIGRATION])
def test_a_blocking_change_is_made_by_name(big: Make, dba: Admin, output: list[str], name: str) -> None:
    assert big(OF_PARENT, allow=[name]).deploy().status == 0
    assert type_of(dba, "contact", "comment") == "longtext"
    assert any("COPY, as ALLOW= says" in line for line in output)


def test_a_small_table_is_copied_by_the_server(
    tool: DeployerMaker, dba: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online, "find_program", lambda *_: None)
    assert tool(files=with_migration(OF_PARENT)).deploy().status == 0
    assert type_of(dba, "contact", "comment") == "longtext"


def test_a_cluster_does_not_swap_a_table_with_triggers(
    big: Make, dba: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Connection.one

    def of_a_cluster(connection: Connection, statement: str, *args: object) -> object:
        return 1 if statement == "SELECT @@GLOBAL.wsrep_on" else asked(connection, statement, *args)

    monkeypatch.setattr(Connection, "one", of_a_cluster)
    monkeypatch.setattr("service.deploy.scratch.unlogged", lambda _: None)
    monkeypatch.setattr("service.deploy.alters.unlogged", lambda _: None)
    monkeypatch.setattr("service.deploy.expected.unlogged", lambda _: None)
    (change,) = big(COPIED).plan().changes
    assert change.refusal.startswith("message has triggers, for which it locks the tables at the swap")


def test_without_the_tool_the_refusal_names_its_package(big: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "find_program", lambda *_: None)
    with pytest.raises(DeployError, match="not installed here: `apt-get install percona-toolkit`"):
        big(COPIED).deploy()


def test_the_server_is_asked_again_on_the_real_table(big: Make, dba: Admin) -> None:
    """A table that cannot do at once what the scratch database could is not copied without a word."""
    statement = "ALTER TABLE contact_event DROP COLUMN IF EXISTS writer"
    deployer = big(statement)
    plan = deployer.plan()
    assert [change.way for change in plan.changes] == ["INSTANT"]
    dba.rows("ALTER TABLE shard1.contact_event ADD FULLTEXT KEY by_text (before_record), DROP KEY by_age")
    outcome = big(statement).deploy()
    assert "is not as planned, and stays as it is" in outcome.failed["shard1"]
    assert dba.rows("SHOW COLUMNS FROM shard1.contact_event LIKE 'writer'")


@needs_percona_toolkit
def test_a_table_of_the_same_name_that_is_not_ours_is_left_alone(big: Make, dba: Admin) -> None:
    dba.rows("CREATE TABLE shard1._message_new (id INT PRIMARY KEY)")
    outcome = big(COPIED).deploy()
    assert "shard1._message_new is there, and not from a deploy" in outcome.failed["shard1"]
    assert made_by_the_tool(dba) == ["_message_new"]


@needs_percona_toolkit
def test_an_interrupted_copy_is_completed_by_repeating_the_migration(big: Make, dba: Admin) -> None:
    """The first statements of the migration are done already, and cost nothing the second time."""
    dba.rows(f"ALTER TABLE shard1.message {COPIED.partition('message ')[2]}")
    assert big(COPIED).deploy().status == 0
    assert dba.one("SELECT COUNT(*) FROM yp.deploy_journal WHERE action = 'online'") == 0


def test_the_plug_in_is_part_of_the_package() -> None:
    assert online.PLUGIN.is_file()
    assert online.PLUGIN.parent == Path(online.__file__).parent
