"""A MariaDB of its own for the tools: its databases are thrown away after every test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service import ROOT
from service.deploy.deployer import Deployer, connect
from service.deploy.files import load_routines
from service.settings import Settings, database_servers
from service.stack import MariaDB, Stack
from tests.conftest import Admin


@pytest.fixture(scope="session")
def tool_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of a server that only tests of tools use."""
    with Stack(tmp_path_factory.mktemp("tools"), durable=False, kinds=[MariaDB], leashed=True) as running:
        yield running.env()


@pytest.fixture
def site(tool_server: dict[str, str], tmp_path: Path) -> Iterator[Settings]:
    """A site with one shard, deployed."""
    settings = Settings(
        db=tool_server["DRUMEE_DB"], db_admin=tool_server["DRUMEE_DB_ADMIN"], run_dir=str(tmp_path / "run")
    )
    empty_server(settings)
    load_routines.cache_clear()
    outcome = Deployer(settings, say=lambda _: None).deploy()
    assert outcome.status == 0, outcome.failed
    yield settings
    load_routines.cache_clear()


def empty_server(settings: Settings) -> None:
    """Drop everything of ours."""
    connection = connect(database_servers(settings.db_admin))
    with connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES")
        found = [name for (name,) in cursor.fetchall()]
        kept = {"mysql", "sys", "information_schema", "performance_schema"}
        cursor.execute("SET foreign_key_checks = 0")
        for name in sorted(set(found) - kept):
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
