"""Deploy: idempotent, repairing, and refusing changes that would lose data."""

from __future__ import annotations

import asyncio
import dataclasses
import fcntl
import os
import pty
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path
from typing import Any

import orjson
import pymysql
import pytest

from service import ROOT
from service.admin.registry import Registry
from service.deploy import deployer as deployer_module
from service.deploy.checkout import adopted, files_of
from service.deploy.deployer import Deployer, DeployError, connect
from service.deploy.plan import Files
from service.schema.routines import load_routines, same_parameters
from service.settings import Settings, database_servers
from service.store.admin import Connection
from service.store.database import Database
from tests.support.admin import Admin
from tests.support.edits import edited
from tests.support.sites import Cli, DeployerMaker, cli_environment

PROCEDURES = sum(r.scope == "yp" and r.kind == "PROCEDURE" for r in load_routines())
BY_HAND = "CREATE OR REPLACE PROCEDURE yp.shard_list() READS SQL DATA SELECT 'changed by hand'"
CALLERS = 6
"""More than there are processors, so that some call is always under way."""


def with_a_new_migration() -> Files:
    """Return the files with one more migration of shards, `9999_test`."""
    files = Files.load("test")
    script = dataclasses.replace(
        files.migrations["shard"][0],
        name="9999_test",
        statements=("ALTER TABLE tag ADD COLUMN IF NOT EXISTS test INT NULL",),
    )
    migrations = {**files.migrations, "shard": [*files.migrations["shard"], script]}
    return dataclasses.replace(files, migrations=migrations)


def without(name: str) -> Files:
    """Return the files without one routine."""
    files = Files.load("test")
    return dataclasses.replace(files, routines=tuple(r for r in files.routines if r.name != name))


def test_a_second_deploy_changes_nothing(tool: DeployerMaker, output: list[str], dba: Admin) -> None:
    outcome = tool().deploy()
    routines = load_routines()
    of_yp = sum(r.scope == "yp" for r in routines)
    assert outcome.counts == {"unchanged": of_yp + (len(routines) - of_yp)}
    assert (outcome.status, output) == (0, [])


def test_the_plan_is_what_deploy_does(tool: DeployerMaker, output: list[str], dba: Admin) -> None:
    files = edited("shard_list", "ORDER BY name", "ORDER BY name DESC")
    plan = tool(files=files).plan()
    assert [(i.db, i.action, i.name, i.why) for i in plan.todo] == [("yp", "replace", "shard_list", "body")]
    assert "DESC" not in dba.one("SELECT body FROM mysql.proc WHERE name = 'shard_list'").decode()
    outcome = tool(files=files).deploy()
    assert outcome.counts["replace"] == 1
    assert any("replace   procedure shard_list" in line for line in output)
    assert "DESC" in dba.one("SELECT body FROM mysql.proc WHERE name = 'shard_list'").decode()
    assert not tool(files=files).plan().todo


def test_new_routines_are_created_before_their_callers_are_replaced(tool: DeployerMaker, dba: Admin) -> None:
    dba.rows("DROP PROCEDURE yp.wicket_add")
    plan = tool(files=edited("drumate_create", "CALL wicket_add", "CALL  wicket_add")).plan()
    assert [(item.action, item.name) for item in plan.todo] == [
        ("create", "wicket_add"),
        ("replace", "drumate_create"),
    ]


def test_all_of_it_was_deployed_to_a_server_with_a_binary_log(dba: Admin) -> None:
    assert dba.rows("SELECT @@log_bin, @@log_bin_trust_function_creators") == [(1, 0)]
    dba.one("SELECT yp.is_blocked('00000000000000a1', '00000000000000b1')")


def test_planning_an_empty_server_writes_nothing(tool: DeployerMaker, output: list[str], dba: Admin) -> None:
    dba.rows("SET foreign_key_checks = 0")
    dba.rows("DROP DATABASE yp")
    dba.rows("DROP DATABASE shard1")
    plan = tool().plan()
    assert {i.db for i in plan.todo} == {"yp", "shard1"}
    tool().show(plan)
    assert any(line.split()[:3] == ["create", str(PROCEDURES), "procedures"] for line in output), output
    without_migrations = [line for line in output if " migration " not in line]
    assert len(without_migrations) < 60, "what is said of all of them is said once"
    doubled = [line for line in output if len(words := line.split()) > 1 and words[0] == words[1]]
    assert not doubled, "each line has a verb of its own"
    assert ("yp",) not in dba.rows("SHOW DATABASES")


def test_every_replaced_routine_has_its_difference(
    tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    dba.rows(
        "UPDATE mysql.proc SET comment = REPLACE(comment, 'Errors:', 'Faults:') WHERE definer LIKE 'drumee%'"
    )
    dba.rows(
        "UPDATE mysql.proc SET comment = REGEXP_REPLACE(comment, '[.]sql [0-9a-f]{16}', %s) "
        "WHERE definer LIKE 'drumee%%'",
        ".sql 0123456789abcdef",
    )
    plan = tool().plan()
    tool().show(plan)
    replaced = {item.name for item in plan.todo if item.action == "replace"}
    assert len(replaced) > PROCEDURES
    text = "\n".join(output)
    assert {name for name in replaced if f"/{name}.sql\n" not in text} == set()
    changes = {
        line.strip() for line in output if line.startswith(f"{'':12}-- ") or line.startswith(f"{'':12}+")
    }
    assert not {line for line in changes if "CREATE OR REPLACE" in line}, "nothing but headers has changed"
    assert "            --- Faults:   none" in output
    assert "            +-- Errors:   none" in output


def test_a_change_by_hand_is_shown_and_left_until_somebody_decides(
    tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    dba.rows(BY_HAND)
    outcome = tool().deploy()
    assert outcome.status == 1
    text = "\n".join(output)
    assert "drifted   procedure shard_list" in text
    assert "+SELECT 'changed by hand'" in text
    assert "make adopt F=procedures/yp/registry/shard_list.sql" in text
    assert dba.rows("CALL yp.shard_list()") == [("changed by hand",)]

    assert tool(allow=["shard_list"]).deploy().status == 0
    assert dba.rows("CALL yp.shard_list()") == [("shard1",)]


def test_frozen_settings_changed_by_hand_are_drift(
    tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    dba.rows("UPDATE mysql.proc SET sql_mode = 'ANSI_QUOTES' WHERE name = 'shard_list'")
    (item,) = tool().plan().decide
    assert (item.action, item.why) == ("drifted", "sql_mode changed by hand")


def test_a_routine_that_a_client_made_again_with_other_rights_is_drift(
    tool: DeployerMaker, dba: Admin
) -> None:
    (routine,) = [r for r in load_routines() if r.name == "shard_list"]
    dba.rows(f"CREATE OR REPLACE PROCEDURE yp.shard_list()\nREADS SQL DATA\n{routine.body}")
    assert tool().drift()[0].endswith("definer changed by hand")
    assert (tool().deploy().status, tool().drift()) == (0, [])


def test_changed_parameters_wait_for_a_decision_and_name_the_callers(
    tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    files = edited("user_sockets", "in_exclude", "in_but_not")
    deployer = tool(files=files)
    plan = deployer.plan()
    deployer.show(plan)
    assert [(i.action, i.name) for i in plan.decide] == [("unsafe", "user_sockets")]
    text = "\n".join(output)
    assert "called by procedures/shard/contact/my_contact_add.sql" in text
    assert "make deploy ALLOW=user_sockets" in text
    assert tool(files=files).deploy().status == 1
    outcome = tool(files=files, allow=["unsafe"]).deploy()
    assert (outcome.status, outcome.counts["replace"]) == (0, 1)


def test_another_spelling_of_the_parameters_needs_no_decision(tool: DeployerMaker, dba: Admin) -> None:
    plan = tool(files=edited("user_sockets", "IN in_exclude", "`In_exclude` -- (not, these)\n")).plan()
    assert ([(i.action, i.name, i.why) for i in plan.todo], plan.decide) == (
        [("replace", "user_sockets", "body")],
        [],
    )


@pytest.mark.parametrize(
    ("params", "others", "are_same"),
    [
        ("IN a INT, b ENUM('in x', 'B')", "\n\tin `A`  int,\n IN b enum( 'in x' , 'B' ) ", True),
        ("IN a DECIMAL(4, 2) /* , b */", "a DECIMAL(4,2)", True),
        ("a ENUM('b')", "a ENUM('B')", False),
        ("OUT a INT", "a INT", False),
        ("a INT, b INT", "b INT, a INT", False),
    ],
)
def test_parameters_are_compared_without_their_spelling(params: str, others: str, are_same: bool) -> None:
    assert same_parameters(params, others) == are_same


def test_a_routine_without_file_is_dropped_only_by_name(
    tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    assert tool(files=without("shard_list")).deploy().status == 1
    assert dba.rows("CALL yp.shard_list()") == [("shard1",)]
    assert tool(files=without("shard_list"), allow=["shard_list"]).deploy().status == 0
    assert dba.refusal("CALL yp.shard_list()").endswith("does not exist")


def test_a_routine_of_somebody_else_is_left_alone(tool: DeployerMaker, output: list[str], dba: Admin) -> None:
    dba.rows("CREATE PROCEDURE shard1.of_the_dba() SELECT 1")
    deployer = tool()
    plan = deployer.plan()
    deployer.show(plan)
    assert (plan.todo, plan.decide, [i.name for i in plan.unknown]) == ([], [], ["of_the_dba"])
    assert any("unknown   procedure of_the_dba" in line for line in output)


def test_an_edited_migration_is_refused(tool: DeployerMaker) -> None:
    files = Files.load()
    (first, *rest) = files.migrations["yp"]
    changed = dataclasses.replace(first, statements=(*first.statements, "SELECT 1"))
    files = dataclasses.replace(files, migrations={**files.migrations, "yp": [changed, *rest]})
    with pytest.raises(DeployError, match=r"0001_baseline\.sql was changed after it was applied"):
        tool(files=files).deploy()


def test_databases_with_other_migrations_are_refused(tool: DeployerMaker, dba: Admin) -> None:
    """All that were made before the baseline."""
    for db, name in (("yp", "0001_tables"), ("shard1", "0001_other_branch")):
        dba.rows(
            "UPDATE yp.deploy_item SET name = %s WHERE db_name = %s AND name = '0001_baseline'", name, db
        )
        before = dba.rows("SELECT * FROM yp.deploy_item ORDER BY db_name, kind, name")
        for command in (tool().plan, tool().deploy, tool().drift):
            with pytest.raises(
                DeployError, match=f"the migration {name} was applied to {db}, .*0001_baseline"
            ):
                command()
        assert dba.rows("SELECT * FROM yp.deploy_item ORDER BY db_name, kind, name") == before
        dba.rows("UPDATE yp.deploy_item SET name = '0001_baseline' WHERE name = %s", name)
    assert tool().deploy().status == 0


def test_one_failed_shard_is_listed_and_the_others_go_on(
    tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    tool().add_shard("bad")
    tool().add_shard("other")
    dba.rows("RENAME TABLE bad.tag TO bad.tag_moved")
    files = with_a_new_migration()
    outcome = tool(files=files).deploy()
    assert outcome.status == 2
    assert list(outcome.failed) == ["bad"]
    assert "tag" in outcome.failed["bad"]
    columns = (
        "SELECT COUNT(*) FROM information_schema.columns WHERE column_name = 'test' AND table_schema = %s"
    )
    assert [dba.one(columns, db) for db in ("bad", "other", "shard1")] == [0, 1, 1]
    journal = dba.rows(
        "SELECT db_name, state FROM yp.deploy_journal WHERE name = '9999_test' ORDER BY db_name"
    )
    assert journal == [("bad", "failed"), ("other", "done"), ("shard1", "done")]

    dba.rows("RENAME TABLE bad.tag_moved TO bad.tag")
    assert tool(files=files).deploy().counts["migration"] == 1


def test_the_others_wait_for_the_canary(tool: DeployerMaker, output: list[str], dba: Admin) -> None:
    tool().add_shard("canary")
    dba.rows("RENAME TABLE canary.tag TO canary.tag_moved")
    files = with_a_new_migration()
    outcome = tool(files=files, canary="canary").deploy()
    assert list(outcome.failed) == ["canary"]
    assert dba.rows("SELECT db_name FROM yp.deploy_journal WHERE name = '9999_test'") == [("canary",)]
    dba.rows("RENAME TABLE canary.tag_moved TO canary.tag")
    assert tool(files=files, canary="canary").deploy().status == 0
    order = dba.rows(
        "SELECT db_name FROM yp.deploy_journal WHERE name = '9999_test' AND state = 'done' ORDER BY number"
    )
    assert order == [("canary",), ("shard1",)]
    with pytest.raises(DeployError, match="CANARY=nobody is no shard"):
        tool(files=files, canary="nobody").deploy()
    with pytest.raises(DeployError, match="CANARY=nobody is no shard"):
        tool(files=files, canary="nobody").plan()


def test_a_function_that_is_in_use_is_waited_for(tool: DeployerMaker, site: Settings, dba: Admin) -> None:
    busy = connect(database_servers(site.db_admin))
    busy.begin()
    with busy.cursor() as cursor:
        cursor.execute("SELECT shard1.like_escape('a')")
    files = edited("like_escape", "RETURN REPLACE", "RETURN  REPLACE")
    freed = threading.Timer(1.5, busy.rollback)
    freed.start()
    outcome = tool(files=files).deploy()
    freed.join()
    busy.close()
    assert (outcome.status, outcome.counts["replace"]) == (0, 1)


def test_a_lock_that_is_not_freed_is_named(
    tool: DeployerMaker, site: Settings, dba: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployer_module, "LOCK_ATTEMPTS", 1)
    busy = connect(database_servers(site.db_admin))
    busy.begin()
    with busy.cursor() as cursor:
        cursor.execute("SELECT shard1.like_escape('a') FROM shard1.tag")
        cursor.execute("SELECT CONNECTION_ID()")
        ((thread,),) = cursor.fetchall()
    outcome = tool(files=edited("like_escape", "RETURN REPLACE", "RETURN  REPLACE")).deploy()
    busy.close()
    assert outcome.status == 2
    assert f"thread {thread} (root@localhost" in outcome.failed["shard1"]
    assert f"KILL {thread}" in outcome.failed["shard1"]


def test_two_migrations_of_one_number_are_refused_with_a_way_out(tool: DeployerMaker) -> None:
    files = Files.load()
    newest = files.migrations["shard"][-1]
    for name, applied in ((f"{newest.name[:4]}_zzz", "have one number"), ("0003_zzz", "have one number")):
        twin = dataclasses.replace(newest, name=name, path=newest.path.with_name(f"{name}.sql"))
        scripts = sorted([*files.migrations["shard"], twin], key=lambda script: script.name)
        with pytest.raises(DeployError) as refused:
            tool(files=dataclasses.replace(files, migrations={**files.migrations, "shard": scripts})).plan()
        assert applied in str(refused.value)
        assert f"git mv sql/shard/{name}.sql sql/shard/{int(newest.name[:4]) + 1:04}_zzz.sql" in str(
            refused.value
        )


def test_a_migration_below_those_that_were_applied_is_refused(tool: DeployerMaker, dba: Admin) -> None:
    files = Files.load()
    *_, late, newest = files.migrations["shard"]
    dba.rows("DELETE FROM yp.deploy_item WHERE name = %s", late.name)
    with pytest.raises(DeployError) as refused:
        tool().plan()
    assert f"{late.path} is new to shard1, where {newest.name} was applied before it" in str(refused.value)
    assert f"`git mv {late.path} " in str(refused.value)


def test_a_transaction_that_another_node_defeats_is_repeated(
    tool: DeployerMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sweeps = Connection.run, []

    def run_and_lose_once(self: Connection, statement: str, *args: object) -> int:
        count = run(self, statement, *args)
        if "CALL `shard1`.contact_sweep()" in statement:
            sweeps.append(statement)
            if len(sweeps) == 1:
                raise pymysql.err.OperationalError(1213, "Deadlock found when trying to get lock")
        return count

    monkeypatch.setattr(Connection, "run", run_and_lose_once)
    assert tool(files=with_a_new_migration()).deploy().status == 0
    assert len(sweeps) == 2


def test_two_deploys_do_not_run_together(tool: DeployerMaker, dba: Admin) -> None:
    for holder, doing in (
        ("deploy a@other:1", "a@other:1 is deploying"),
        ("backup a@other:1", "a@other:1 is writing a backup"),
        ("move a@other:1", "a@other:1 is moving a user or hub"),
        ("a@other:1", "a@other:1 is deploying"),  # of a version before
    ):
        dba.rows("UPDATE yp.deploy_lease SET holder = %s, until = UNIX_TIMESTAMP() + 60", holder)
        with pytest.raises(DeployError, match=doing):
            tool().deploy()


def test_the_lease_of_a_process_that_was_killed_here_is_free(tool: DeployerMaker, dba: Admin) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    zombie = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert zombie.stdout
    zombie.stdout.read()  # It ends, and nobody waits for it.
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    for pid, is_free in ((os.getpid(), False), (dead.pid, True), (zombie.pid, True)):
        dba.rows(
            "UPDATE yp.deploy_lease SET holder = %s, until = UNIX_TIMESTAMP() + 60",
            f"deploy me@{socket.gethostname()}:{pid}",
        )
        if is_free:
            assert tool().deploy().status == 0
        else:
            with pytest.raises(DeployError, match="is deploying"):
                tool().deploy()
    zombie.wait()


def test_every_item_is_in_the_journal(tool: DeployerMaker, dba: Admin) -> None:
    tool(files=edited("shard_list", "ORDER BY name", "ORDER BY name DESC")).deploy()
    (row,) = dba.rows(
        "SELECT j.db_name, j.action, j.name, j.state, j.from_digest <> j.to_digest, r.revision, r.outcome "
        "FROM yp.deploy_journal AS j JOIN yp.deploy_run AS r ON r.id = j.run_id WHERE r.revision = 'test'"
    )
    assert row == ("yp", "replace", "shard_list", "done", 1, "test", "done")
    assert dba.one("SELECT until FROM yp.deploy_lease") == 0


def test_a_new_shard_is_open_only_when_it_is_complete(
    tool: DeployerMaker, dba: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Deployer._apply

    def breaking(self: Deployer, item: Any) -> None:
        if getattr(item, "name", "") == "tag_add":
            raise pymysql.err.OperationalError(2013, "the cable was pulled")
        plain(self, item)

    monkeypatch.setattr(Deployer, "_apply", breaking)
    assert list(tool().add_shard("half").failed) == ["half"]
    assert dba.rows("CALL yp.shard_list()") == [("shard1",)]
    assert dba.refusal("SELECT yp.shard_pick('half')") == "NO_SHARD"
    monkeypatch.undo()
    assert tool().deploy().status == 0
    assert dba.rows("CALL yp.shard_list()") == [("half",), ("shard1",)]
    assert dba.one("SELECT yp.shard_pick('half')") == "half"


def test_a_shard_needs_a_name_of_its_own(tool: DeployerMaker) -> None:
    for name in ("yp", "mysql", "Shard", "a-b", "x; DROP DATABASE yp", "", "9a", "a" * 60):
        with pytest.raises(DeployError, match="cannot name a shard"):
            tool().add_shard(name)


def test_an_empty_database_of_another_collation_gets_ours(tool: DeployerMaker, dba: Admin) -> None:
    dba.rows("CREATE DATABASE shard2 CHARACTER SET latin1")
    assert tool().add_shard("shard2").status == 0
    collation = "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'shard2'"
    assert dba.one(collation) == "utf8mb4_unicode_520_ci"
    assert tool().drift() == []


def test_every_table_is_innodb_with_a_primary_key_and_shard_tables_lead_with_the_owner(dba: Admin) -> None:
    tables = dba.rows(
        "SELECT t.table_schema, t.table_name, t.engine, t.table_collation, k.column_name "
        "FROM information_schema.tables AS t "
        "LEFT JOIN information_schema.key_column_usage AS k ON k.table_schema = t.table_schema "
        "AND k.table_name = t.table_name AND k.constraint_name = 'PRIMARY' AND k.ordinal_position = 1 "
        "WHERE t.table_schema IN ('yp', 'shard1') AND t.table_type = 'BASE TABLE'"
    )
    for schema, table, engine, collation, key in tables:
        assert (engine, collation) == ("InnoDB", "utf8mb4_unicode_520_ci"), table
        assert key is not None, table
        assert schema == "yp" or key == "owner_id", table


def test_routines_belong_to_an_account_nobody_can_use(dba: Admin) -> None:
    owners = dba.rows(
        "SELECT DISTINCT definer, security_type FROM information_schema.routines "
        "WHERE routine_schema IN ('yp', 'shard1')"
    )
    assert owners == [("drumee_definer@localhost", "DEFINER")]
    locked = dba.one(
        "SELECT JSON_VALUE(priv, '$.account_locked') FROM mysql.global_priv WHERE user = 'drumee_definer'"
    )
    assert locked in {"1", "true"}


async def test_calls_do_not_fail_while_every_routine_is_replaced(site: Settings, dba: Admin) -> None:
    owners = [Registry(site).add_person(f"p{n}@example.org", "P", "T", "-", None) for n in range(4)]
    db = Database(site)
    await db.load_routines()
    done = asyncio.Event()
    answered = 0

    async def caller(number: int) -> None:
        nonlocal answered
        uid, shard = owners[number % len(owners)]
        while not done.is_set():
            await db.call("yp", "session_open", None, None, None)
            await db.call(shard, "my_contact_list", uid, None, None, "name", "asc", "active", 1, 45, None)
            email = f"{secrets.token_hex(8)}@example.com"
            contact = orjson.dumps({"firstname": "A", "email": [{"email": email, "is_default": 1}]})
            await db.call(shard, "my_contact_add", uid, contact.decode())
            answered += 1

    callers = [asyncio.create_task(caller(number)) for number in range(CALLERS)]
    await asyncio.sleep(0.2)
    for mark in ("one", "two", "three"):
        files = Files.load("test")
        changed = tuple(
            dataclasses.replace(
                r,
                body=r.body.replace("BEGIN", f"BEGIN -- {mark}", 1),
                statement=r.statement.replace(r.body, r.body.replace("BEGIN", f"BEGIN -- {mark}", 1)),
            )
            for r in files.routines
        )
        files = dataclasses.replace(files, routines=changed)
        deployer = Deployer(site, lambda _: None, files=files, examples=False)
        outcome = await asyncio.to_thread(deployer.deploy)
        assert (outcome.status, outcome.counts["replace"]) == (0, len(files.routines))
    done.set()
    await asyncio.gather(*callers)
    await db.close()
    assert answered > CALLERS


# --- as the make targets run it --------------------------------------------------------------------


def test_exit_codes_tell_cron_what_happened(cli: Cli, dba: Admin) -> None:
    assert (cli("plan").returncode, cli("drift").returncode, cli("deploy").returncode) == (0, 0, 0)
    dba.rows(BY_HAND)
    drift = cli("drift")
    assert (drift.returncode, "shard_list" in drift.stdout) == (1, True)
    assert (cli("plan").returncode, cli("deploy").returncode) == (1, 1)
    allowed = cli("deploy", "--allow", "shard_list")
    assert allowed.returncode == 0
    assert "deployed: 1 replace" in allowed.stdout
    wrong = cli("deploy", "--rev", "no-such-revision")
    assert (wrong.returncode, "REV=no-such-revision is no revision" in wrong.stderr) == (2, True)
    assert "1 differences" in cli("plan", "--help").stdout


def test_a_terminal_shows_a_bar_and_a_pipe_plain_lines(cli: Cli, site: Settings, dba: Admin) -> None:
    stale = "UPDATE mysql.proc SET comment = REPLACE(comment, '.sql ', '.sql  ') WHERE definer LIKE 'drumee%'"
    dba.rows(stale)
    plain = cli("deploy", "--allow", "unsafe", "--skip-examples").stdout
    assert "shard1: " in plain
    assert "\r" not in plain

    dba.rows(stale)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    words = [sys.executable, "-m", "service", "deploy", "--skip-examples"]
    process = subprocess.Popen(words, cwd=ROOT, env=cli_environment(site), stdout=slave, stderr=slave)
    os.close(slave)
    terminal = b""
    while True:
        try:
            terminal += os.read(master, 65536)
        except OSError:  # The other end is closed.
            break
    os.close(master)
    process.wait()
    assert b" items/s" in terminal
    assert b"deployed: " in terminal


def test_one_routine_goes_to_every_database_of_its_kind(cli: Cli, tool: DeployerMaker, dba: Admin) -> None:
    tool().add_shard("shard2")
    for db in ("shard1", "shard2"):
        dba.rows(f"DROP PROCEDURE {db}.tag_add")
    dba.rows("DROP PROCEDURE yp.shard_list")
    done = cli("proc", "--file", "procedures/shard/tag/tag_add.sql")
    assert (done.returncode, "deployed: 2 create" in done.stdout) == (0, True), done
    assert [i.name for i in tool().plan().todo] == ["shard_list"]
    assert cli("proc", "--file", "procedures/nothing.sql").returncode == 2


def test_a_change_by_hand_is_brought_into_the_file(tool: DeployerMaker, dba: Admin, tmp_path: Path) -> None:
    (routine,) = (r for r in load_routines() if r.name == "shard_list")
    assert adopted(tool(), routine, "") == ("", "")
    fixed = routine.body.replace("ORDER BY name", "ORDER BY name DESC")
    dba.rows(f"CREATE OR REPLACE PROCEDURE yp.shard_list()\nREADS SQL DATA\n{fixed}")
    text, places = adopted(tool(), routine, "")
    assert places == "yp"
    assert text.startswith("-- shard_list:")

    shutil.copytree(ROOT / "procedures", tmp_path / "procedures")
    (tmp_path / routine.path).write_text(text)
    files = Files.load(routines_from=tmp_path)
    assert "DESC" in files.by_scope["yp"]["shard_list"].body
    outcome = tool(files=files).deploy()
    assert (outcome.status, outcome.counts["replace"]) == (0, 1)
    assert dba.one("SELECT definer FROM mysql.proc WHERE name = 'shard_list'") == "drumee_definer@localhost"


def test_changes_that_differ_are_not_adopted_blindly(tool: DeployerMaker, dba: Admin) -> None:
    tool().add_shard("shard2")
    (routine,) = (r for r in load_routines() if r.name == "text_words")
    for db in ("shard1", "shard2"):
        body = f"RETURNS TEXT NO SQL BEGIN RETURN '{db}'; END"
        dba.rows(f"CREATE OR REPLACE FUNCTION {db}.text_words(in_key TEXT) {body}")
    with pytest.raises(DeployError, match="SHARD=shard1"):
        adopted(tool(), routine, "")
    assert "'shard2'" in adopted(tool(), routine, "shard2")[0]


def test_an_older_revision_is_the_rollback(tool: DeployerMaker, dba: Admin, tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    shutil.copytree(ROOT / "procedures", tmp_path / "procedures")
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "first")
    path = tmp_path / "procedures/yp/registry/shard_list.sql"
    path.write_text(path.read_text().replace("ORDER BY name", "ORDER BY name DESC"))
    (tmp_path / "procedures/yp/registry/shard_pick.sql").unlink()
    git("commit", "-qam", "second")

    assert tool(files=files_of("HEAD", tmp_path), allow=["shard_pick"]).deploy().status == 0
    assert "DESC" in dba.one("SELECT body FROM mysql.proc WHERE name = 'shard_list'").decode()
    assert tool(files=files_of("HEAD~1", tmp_path)).deploy().status == 0
    assert "DESC" not in dba.one("SELECT body FROM mysql.proc WHERE name = 'shard_list'").decode()
    assert not tool().plan().todo
