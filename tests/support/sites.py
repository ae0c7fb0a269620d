"""A deployed site on a server of its own, and the way back to its first state."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from service import ROOT
from service.deploy.deployer import Deployer, connect
from service.deploy.tables import definitions
from service.settings import Settings, database_servers
from service.store.admin import Connection, DeployError

DATABASES = ("yp", "shard1")

OF_THE_SERVER = {"mysql", "sys", "information_schema", "performance_schema"}


@dataclass(frozen=True)
class Snapshot:
    """Tables, views, triggers, events, accounts, rights and rows of a site; not its routines.

    A deploy puts routines right.
    """

    definitions: dict[str, dict[tuple[str, str], str]]
    rights: list[tuple[Any, ...]]
    accounts: list[tuple[Any, ...]]
    collations: list[tuple[Any, ...]]
    rows: dict[str, list[tuple[Any, ...]]]

    @classmethod
    def of(cls, settings: Settings) -> Snapshot:
        """Take a snapshot of the site."""
        connection = Connection(settings)
        objects = {db: definitions(connection, db) for db in DATABASES}
        names = [f"{db}.{name}" for db in DATABASES for kind, name in objects[db] if kind == "table"]
        rights = connection.rows("SELECT * FROM mysql.db WHERE User LIKE 'drumee%' ORDER BY Db, User")
        accounts = connection.rows(
            "SELECT User, Host, JSON_REMOVE(Priv, '$.password_last_changed') FROM mysql.global_priv "
            "WHERE User LIKE 'drumee%' ORDER BY User, Host"
        )
        collations = connection.rows(
            "SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA "
            "WHERE SCHEMA_NAME IN %s ORDER BY SCHEMA_NAME",
            DATABASES,
        )
        rows = {name: connection.rows(f"SELECT * FROM {name}") for name in names}
        connection.close()
        return cls(objects, rights, accounts, collations, rows)


def mended(settings: Settings, wanted: Snapshot) -> bool:
    """Restore a used site, which is much quicker than a new one. Return False when tables were changed."""
    connection = Connection(settings)
    databases = {name for (name,) in connection.rows("SHOW DATABASES")} - OF_THE_SERVER
    if not databases.issuperset(DATABASES):
        return False
    connection.run("SET foreign_key_checks = 0, lock_wait_timeout = 2, innodb_lock_wait_timeout = 2")
    for name in sorted(databases.difference(DATABASES)):
        connection.run(f"DROP DATABASE `{name}`")
    connection.run("DELETE FROM yp.shard WHERE name <> 'shard1'")
    connection.run("DELETE FROM mysql.db WHERE User LIKE 'drumee%' AND Db NOT IN ('yp', 'shard1')")
    connection.run("FLUSH PRIVILEGES")
    try:
        _replace_routines(settings, connection)
        for name in wanted.rows:
            connection.run(f"DELETE FROM {name}")
            connection.insert(f"INSERT INTO {name}", wanted.rows[name])
        return Snapshot.of(settings) == wanted
    except (DeployError, pymysql.err.MySQLError):
        return False
    finally:
        connection.close()


def _replace_routines(settings: Settings, connection: Connection) -> None:
    connection.run("UPDATE yp.deploy_lease SET until = 0")
    plan = Deployer(settings, say=lambda _: None, examples=False).plan()
    for routine in plan.unknown:
        connection.run(f"DROP {routine.kind} `{routine.db}`.`{routine.name}`")
    if plan.todo or plan.decide:
        names = [item.name for item in plan.decide]
        Deployer(settings, say=lambda _: None, allow=names, examples=False).deploy()


def empty_server(settings: Settings) -> None:
    """Drop all of our databases and users' rights."""
    connection = connect(database_servers(settings.db_admin))
    with connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES")
        databases = [name for (name,) in cursor.fetchall()]
        cursor.execute("SET foreign_key_checks = 0")
        for name in sorted(set(databases) - OF_THE_SERVER):
            cursor.execute(f"DROP DATABASE `{name}`")
        cursor.execute("DELETE FROM mysql.db WHERE User LIKE 'drumee%%'", ())
        cursor.execute("ALTER USER IF EXISTS 'drumee_app'@'localhost' IDENTIFIED BY '' ACCOUNT UNLOCK")
        cursor.execute("DROP USER IF EXISTS 'drumee_definer'@'localhost'")
        cursor.execute("FLUSH PRIVILEGES")
    connection.close()


DeployerMaker = Callable[..., Deployer]


Cli = Callable[..., subprocess.CompletedProcess[str]]


def cli_environment(site: Settings) -> dict[str, str]:
    """Return the environment of a command that works on the site."""
    return {
        **os.environ,
        "DRUMEE_DB": site.db,
        "DRUMEE_DB_ADMIN": site.db_admin,
        "DRUMEE_REDIS": "redis://127.0.0.1:1/0",
        "DRUMEE_RUN_DIR": site.run_dir,
    }


def files_beside_run(folder: Path) -> list[Path]:
    """Return what a command has left in a folder, besides the directory of its settings."""
    return [path for path in folder.iterdir() if path.name != "run"]


def start(site: Settings, *words: str) -> subprocess.Popen[str]:
    """Start a command on the site. It hears Ctrl-C, also where the tests run in the background of a shell."""
    return subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "service", *words],
        cwd=ROOT,
        env=cli_environment(site),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
