"""A MariaDB of its own for the tools: its databases are thrown away after every test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest

from service import ROOT
from service.deploy.connection import Connection, DeployError
from service.deploy.deployer import Deployer, connect
from service.deploy.files import load_routines
from service.deploy.tables import definitions
from service.settings import Settings, database_servers
from service.stack import MariaDB, Stack
from tests.conftest import Admin


@pytest.fixture(scope="session")
def tool_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of a server that only tests of tools use."""
    with Stack(tmp_path_factory.mktemp("tools"), durable=False, kinds=[MariaDB], leashed=True) as running:
        yield running.env()


@pytest.fixture(scope="session")
def fresh() -> dict[str, Snapshot]:
    """What the site looked like when it was made; empty before."""
    return {}


@pytest.fixture
def site(tool_server: dict[str, str], fresh: dict[str, Snapshot], tmp_path: Path) -> Iterator[Settings]:
    """A site with one shard, deployed, as if nobody had used it."""
    settings = Settings(
        db=tool_server["DRUMEE_DB"], db_admin=tool_server["DRUMEE_DB_ADMIN"], run_dir=str(tmp_path / "run")
    )
    load_routines.cache_clear()
    if not (fresh and mended(settings, fresh["site"])):
        empty_server(settings)
        outcome = Deployer(settings, say=lambda _: None).deploy()
        assert outcome.status == 0, outcome.failed
        fresh["site"] = Snapshot.of(settings)
    yield settings
    load_routines.cache_clear()


DATABASES = ("yp", "shard1")
OF_THE_SERVER = {"mysql", "sys", "information_schema", "performance_schema"}


@dataclass(frozen=True)
class Snapshot:
    """Tables, views, triggers, rights and rows of a site; not its routines, which a deploy puts right."""

    definitions: dict[str, dict[tuple[str, str], str]]
    rights: list[tuple[Any, ...]]
    rows: dict[str, list[tuple[Any, ...]]]

    @classmethod
    def of(cls, settings: Settings) -> Snapshot:
        """The site as it is."""
        connection = Connection(settings)
        found = {db: definitions(connection, db) for db in DATABASES}
        names = [f"{db}.{name}" for db in DATABASES for kind, name in found[db] if kind == "table"]
        rights = connection.rows("SELECT * FROM mysql.db WHERE User LIKE 'drumee%' ORDER BY Db, User")
        rows = {name: connection.rows(f"SELECT * FROM {name}") for name in names}
        connection.close()
        return cls(found, rights, rows)


def mended(settings: Settings, wanted: Snapshot) -> bool:
    """Bring a used site back to what it was: much quicker than a new one. False when tables were changed."""
    connection = Connection(settings)
    databases = {name for (name,) in connection.rows("SHOW DATABASES")} - OF_THE_SERVER
    if not databases.issuperset(DATABASES):
        return False
    connection.run("SET foreign_key_checks = 0, lock_wait_timeout = 2, innodb_lock_wait_timeout = 2")
    for name in sorted(databases.difference(DATABASES)):
        connection.run(f"DROP DATABASE `{name}`")
    connection.run("DELETE FROM yp.shard WHERE name <> 'shard1'")
    connection.run("DELETE FROM mysql.db WHERE User LIKE 'drumee%' AND Db NOT IN ('yp', 'shard1')")
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
    plan = Deployer(settings, say=lambda _: None).plan()
    for routine in plan.unknown:
        connection.run(f"DROP {routine.kind} `{routine.db}`.`{routine.name}`")
    if plan.todo or plan.decide:
        names = [item.name for item in plan.decide]
        Deployer(settings, say=lambda _: None, allow=names).deploy()


def empty_server(settings: Settings) -> None:
    """Drop everything of ours."""
    connection = connect(database_servers(settings.db_admin))
    with connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES")
        found = [name for (name,) in cursor.fetchall()]
        cursor.execute("SET foreign_key_checks = 0")
        for name in sorted(set(found) - OF_THE_SERVER):
            cursor.execute(f"DROP DATABASE `{name}`")
        cursor.execute("DELETE FROM mysql.db WHERE User LIKE 'drumee%%'", ())
        cursor.execute("FLUSH PRIVILEGES")
    connection.close()


@pytest.fixture
def dba(site: Settings) -> Admin:
    """Looks into the tables of the site, and changes them by hand."""
    return Admin(site)


@pytest.fixture
def said() -> list[str]:
    """What the tool said."""
    return []


DeployerMaker = Callable[..., Deployer]


@pytest.fixture
def tool(site: Settings, said: list[str]) -> DeployerMaker:
    """Makes a deployer that looks at everything afresh."""

    def make(**options: object) -> Deployer:
        said.clear()
        return Deployer(site, said.append, **options)  # type: ignore[arg-type]

    return make


Cli = Callable[..., subprocess.CompletedProcess[str]]


def cli_environment(site: Settings) -> dict[str, str]:
    """The environment of a command that works on the site."""
    return {
        **os.environ,
        "DRUMEE_DB": site.db,
        "DRUMEE_DB_ADMIN": site.db_admin,
        "DRUMEE_REDIS": "redis://127.0.0.1:1/0",
        "DRUMEE_RUN_DIR": site.run_dir,
    }


@pytest.fixture
def cli(site: Settings) -> Cli:
    """Runs `python -m service …` as the make targets do."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "service", *words],
            cwd=ROOT,
            env=cli_environment(site),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run
