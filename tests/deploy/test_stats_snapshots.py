"""`make stats` keeps the numbers of routines, and compares with those of a moment."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing

import pytest

from service.deploy.stats import Use, collect
from service.deploy.stats_snapshots import begin, keep, uses_since
from service.settings import Settings
from service.store.admin import Connection, DeployError
from tests.support.admin import Admin
from tests.support.sites import Cli, DeployerMaker

LIST = ("yp", "shard_list")
REFUSED = ("shard", "my_contact_delete")


@pytest.fixture
def connection(site: Settings, dba: Admin) -> Iterator[Connection]:
    """Return a connection to a server that has just begun to count; the deploy was long ago."""
    dba.rows("UPDATE yp.deploy_run SET started = 0")
    for summary in ("digest", "program"):
        dba.rows(f"TRUNCATE TABLE performance_schema.events_statements_summary_by_{summary}")
    with closing(Connection(site)) as connected:
        yield connected


def snapshot(connection: Connection, dba: Admin, hours_ago: int) -> None:
    """Keep the numbers of now, as of some hours ago."""
    assert keep(connection, collect(connection, 0)) == ""
    dba.rows(f"UPDATE yp.stats_snapshot SET taken = taken - {3600 * hours_ago} ORDER BY taken DESC LIMIT 1")


def call(dba: Admin, times: int) -> None:
    """Call one routine, and another one that refuses."""
    for _ in range(times):
        dba.rows("CALL yp.shard_list()")
        assert dba.refusal("CALL shard1.my_contact_delete('x', 'y')") == "CONACT_NOT_EXIST"


def uses(connection: Connection, since: str) -> tuple[Use, Use]:
    """Return the use of both routines since a moment."""
    by_name = uses_since(connection, collect(connection, 0), begin(connection, since))
    return by_name[LIST], by_name[REFUSED]


def test_calls_and_errors_count_from_the_last_snapshot_before_the_moment(
    connection: Connection, dba: Admin
) -> None:
    snapshot(connection, dba, 9)
    call(dba, 3)
    snapshot(connection, dba, 5)
    call(dba, 2)
    for since, calls in (("1h", 2), ("5h", 2), ("6h", 5), ("3d", 5)):
        list_use, refused = uses(connection, since)
        assert (list_use.calls, list_use.errors, refused.errors) == (calls, 0, calls), since
        assert 0 < list_use.total_ms < 1000 * calls


def test_numbers_before_a_restart_and_a_replacement_are_added(
    connection: Connection, dba: Admin, tool: DeployerMaker
) -> None:
    snapshot(connection, dba, 9)
    call(dba, 3)
    snapshot(connection, dba, 5)
    # a restart: the server counts from zero, and has started later
    dba.rows("UPDATE yp.stats_snapshot SET started = started - 100000")
    for summary in ("digest", "program"):
        dba.rows(f"TRUNCATE TABLE performance_schema.events_statements_summary_by_{summary}")
    call(dba, 4)
    list_use, refused = uses(connection, "3d")
    assert (list_use.calls, refused.errors) == (7, 7)
    snapshot(connection, dba, 1)
    dba.rows("CREATE OR REPLACE PROCEDURE yp.shard_list() SELECT 1")
    assert tool(allow=["shard_list"]).deploy().status == 0
    call(dba, 5)
    list_use, refused = uses(connection, "2h")
    assert (list_use.calls, refused.errors) == (9, 9), "more than before: the journal tells"


def test_older_snapshots_are_thinned_out(connection: Connection, dba: Admin) -> None:
    for hours in (24 * 500, 24 * 30 + 2, 24 * 30 + 1, 24 * 30, 3, 2):
        snapshot(connection, dba, hours)
    keep(connection, {})
    ages = dba.rows("SELECT (UNIX_TIMESTAMP() - taken + 60) DIV 3600 FROM yp.stats_snapshot ORDER BY taken")
    days = {hours // 24 for (hours,) in ages}
    assert days in ({0, 30}, {0, 29, 30})
    assert len(ages) in {4, 5}, "one or two of a month ago, all of today"


def test_the_command_says_since_when_and_refuses_a_moment_without_numbers(cli: Cli, dba: Admin) -> None:
    none = cli("stats", "--seconds", "0", "--since", "3d")
    assert (none.returncode, none.stdout) == (2, "")
    assert none.stderr.startswith("there are no numbers to compare with yet: `make stats` keeps them")
    wrong = cli("stats", "--seconds", "0", "--since", "soon")
    assert (wrong.returncode, wrong.stderr.partition(":")[0]) == (2, "SINCE=soon is no time")
    first = cli("stats", "--seconds", "0")
    assert (first.returncode, first.stderr) == (0, "")
    dba.rows("CALL yp.shard_list()")
    second = cli("stats", "--seconds", "0", "--since", "3d")
    assert (second.returncode, second.stderr) == (0, "")
    since, _, only, never, *_ = second.stdout.splitlines()
    assert (since[:6], only.split()[:2]) == ("since ", ["yp.shard_list", "1"])
    assert never.endswith(f"never called {since}:")


def test_numbers_are_shown_where_they_cannot_be_kept(
    site: Settings, connection: Connection, cli: Cli, dba: Admin
) -> None:
    dba.rows("CREATE OR REPLACE USER ops@localhost")
    dba.rows("GRANT SELECT, DELETE ON yp.* TO ops@localhost")
    limited = dataclasses.replace(site, db_admin=site.db_admin.replace("//root@", "//ops@"))
    with closing(Connection(limited)) as reader:
        assert "GRANT INSERT ON `yp`.* TO 'ops'@'localhost';" in keep(reader, {})
    dba.rows("GRANT INSERT ON yp.* TO ops@localhost")
    dba.rows("SET GLOBAL read_only = ON")
    try:
        with closing(Connection(limited)) as reader:
            assert keep(reader, {}) == "the server only reads"
    finally:
        dba.rows("SET GLOBAL read_only = OFF")
        dba.rows("DROP USER ops@localhost")
    dba.rows("DROP TABLE yp.stats_snapshot")
    assert keep(connection, {}) == "`make deploy` makes the table for them"
    with pytest.raises(DeployError, match="keeps no numbers yet; `make deploy` makes the table"):
        begin(connection, "3d")
    printed = cli("stats", "--seconds", "0")
    assert (printed.returncode, printed.stderr) == (
        0,
        "these numbers are not kept for SINCE=: `make deploy` makes the table for them\n",
    )
    assert cli("plan").returncode == 0
