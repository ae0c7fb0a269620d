"""Statements of migrations that change rows: the plan says how many, long ones go in batches or by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from service.deploy import changer, row_changes
from service.deploy.deployer import Deployer
from service.deploy.row_changes import read_write
from service.settings import Settings
from service.store.admin import DeployError
from tests.support.admin import Admin
from tests.support.migrations import MESSAGES, MIGRATION, with_migration

ROWS = 300
AT_ONCE = "UPDATE message SET is_read = 1"
IN_BATCHES = "UPDATE message SET is_read = 1 WHERE is_read = 0 LIMIT 100"
Make = Callable[..., Deployer]


@pytest.fixture
def big(site: Settings, dba: Admin, output: list[str], monkeypatch: pytest.MonkeyPatch) -> Make:
    """Create deployers for which a table of 300 rows is big, and two rows take a second."""
    dba.rows(MESSAGES.format(rows=ROWS))
    dba.rows("ANALYZE TABLE shard1.message")
    monkeypatch.setattr(row_changes, "ROWS_A_SECOND", 2)
    monkeypatch.setattr("service.deploy.alters.ROWS_A_SECOND", 1)
    settings = dataclasses.replace(site, big_table_mb=0)

    def make(*statements: str, allow: tuple[str, ...] = ()) -> Deployer:
        output.clear()
        return Deployer(
            settings, output.append, files=with_migration(*statements), examples=False, allow=allow
        )

    return make


@pytest.mark.parametrize(
    ("statement", "table", "source", "is_addition", "batch"),
    [
        ("update `a` as x join b set x.c = 1", "a", "a", False, 0),
        ("UPDATE IGNORE a SET b = 'LIMIT 5' -- LIMIT 7", "a", "a", False, 0),
        ("DELETE FROM a WHERE b IN (SELECT c FROM d LIMIT 3)", "a", "a", False, 0),
        ("DELETE x.* FROM a AS x JOIN b", "a", "a", False, 0),
        ("DELETE FROM a WHERE b = 1\n LIMIT 500", "a", "a", False, 500),
        ("INSERT IGNORE INTO a (b) SELECT c FROM d", "a", "d", True, 0),
        ("INSERT INTO a SELECT * FROM (SELECT * FROM `d`) AS e ON DUPLICATE KEY UPDATE b = 1",
         "a", "d", False, 0),
        ("REPLACE a SELECT * FROM d", "a", "d", False, 0),
    ],
)  # fmt: skip
def test_a_statement_that_changes_rows_is_read(
    statement: str, table: str, source: str, is_addition: bool, batch: int
) -> None:
    write = read_write(statement)
    assert write is not None
    assert (write.table, write.source, write.is_addition, write.batch) == (table, source, is_addition, batch)


@pytest.mark.parametrize(
    "statement", ["INSERT INTO a VALUES (1)", "CREATE TABLE a AS SELECT 1", "ALTER TABLE a ADD b INT"]
)  # fmt: skip
def test_other_statements_change_no_rows_of_a_table(statement: str) -> None:
    assert read_write(statement) is None


@pytest.mark.parametrize(
    "statement", [AT_ONCE, "DELETE FROM message", "REPLACE INTO message SELECT * FROM message"]
)
def test_a_long_change_of_a_big_table_is_refused_before_anything_is_touched(
    big: Make, dba: Admin, output: list[str], statement: str
) -> None:
    deployer = big(statement)
    deployer.show(deployer.plan())
    assert any(
        "refused, the table is big: who writes to its rows would wait about 150 s" in o for o in output
    )
    assert any("about 300 of 300 rows of message" in line for line in output)
    with pytest.raises(DeployError, match="In batches: end the statement with LIMIT 5000"):
        deployer.deploy()
    assert dba.one("SELECT COUNT(*) FROM shard1.message WHERE is_read = 0") == ROWS


def test_a_long_change_is_made_by_name(big: Make, dba: Admin) -> None:
    assert not any(change.is_refused for change in big(AT_ONCE, allow=("message",)).plan().row_changes)
    assert big(AT_ONCE, allow=(MIGRATION,)).deploy().status == 0
    assert dba.one("SELECT COUNT(*) FROM shard1.message WHERE is_read = 1") == ROWS


def test_one_row_new_rows_and_batches_are_changed_to_the_end(
    big: Make, dba: Admin, output: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changer, "TELL_SECONDS", 0)
    one = "UPDATE message SET is_read = 1 WHERE owner_id = '0000000000000001' AND peer_id = ''"
    added = "INSERT IGNORE INTO contact_stale (owner_id, contact_id) SELECT owner_id, message_id FROM message"
    assert big(one, added, IN_BATCHES).deploy().status == 0
    assert [line for line in output if "rows changed" in line] == [
        f"shard1.message: {number} rows changed" for number in (100, 200, 300)
    ]
    assert dba.one("SELECT COUNT(*) FROM shard1.message WHERE is_read = 0") == 0


def test_batches_that_would_not_reach_all_rows_fail(big: Make) -> None:
    outcome = big("UPDATE message SET is_read = 1 WHERE is_read >= 0 LIMIT 100").deploy()
    assert "its WHERE must leave out the rows that are changed already" in outcome.failed["shard1"]


def test_rows_that_come_meanwhile_do_not_keep_batches_from_their_end() -> None:
    write = read_write(IN_BATCHES)
    assert write is not None
    numbers = iter([100, 100, 3, 100])
    totals: list[int] = []
    row_changes.run_in_batches(None, write, lambda _: next(numbers), totals.append)  # type: ignore[arg-type]
    assert totals == [100, 200, 203]
