"""Run the tools on a MariaDB of their own: its databases are dropped after every test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service import ROOT
from service.deploy.deployer import Deployer
from service.local.stack import Stack
from service.schema.routines import forget_routines
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.sites import Cli, DeployerMaker, Snapshot, cli_environment, empty_server, mended
from tests.support.unlike_ours import UnlikeOurs


@pytest.fixture(scope="session")
def tool_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the settings of a server that only tests of tools use."""
    with Stack(tmp_path_factory.mktemp("tools"), durable=False, kinds=[UnlikeOurs], leashed=True) as running:
        yield running.env()


@pytest.fixture(scope="session")
def fresh() -> dict[str, Snapshot]:
    """Return the snapshot of the new site, empty until there is one."""
    return {}


@pytest.fixture(scope="session")
def times_of_files() -> dict[Path, int]:
    """Return when each file of a routine was changed, as of the last test that read them."""
    return {}


@pytest.fixture
def routines_as_in_files(times_of_files: dict[Path, int]) -> None:
    """Read the files of the routines again when a test has changed one: it takes a tenth of a second."""
    times = {path: path.stat().st_ctime_ns for path in (ROOT / "procedures").rglob("*.sql")}
    if times != times_of_files:
        times_of_files.clear()
        times_of_files.update(times)
        forget_routines()


@pytest.fixture
def site(
    tool_server: dict[str, str], fresh: dict[str, Snapshot], routines_as_in_files: None, tmp_path: Path
) -> Settings:
    """Return a site with one shard, deployed and unused."""
    settings = Settings(
        db=tool_server["DRUMEE_DB"], db_admin=tool_server["DRUMEE_DB_ADMIN"], run_dir=str(tmp_path / "run")
    )
    if not (fresh and mended(settings, fresh["site"])):
        empty_server(settings)
        outcome = Deployer(settings, say=lambda _: None, examples=False).deploy()
        assert outcome.status == 0, outcome.failed
        fresh["site"] = Snapshot.of(settings)
    return settings


@pytest.fixture
def dba(site: Settings) -> Admin:
    """Read the tables of the site, and change them by hand."""
    return Admin(site)


@pytest.fixture
def output() -> list[str]:
    """Return the lines that the tool printed."""
    return []


@pytest.fixture
def tool(site: Settings, output: list[str]) -> DeployerMaker:
    """Create deployers without any cached state, which run examples only when asked to."""

    def make(**options: Any) -> Deployer:
        output.clear()
        options.setdefault("examples", False)
        return Deployer(site, output.append, **options)

    return make


@pytest.fixture
def cli(site: Settings) -> Cli:
    """Run `python -m service …` as the make targets do."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "service", *words],
            cwd=ROOT,
            env=cli_environment(site),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run
