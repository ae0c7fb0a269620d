"""An archive brings an empty server to the same data, and the service up on it."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from service import demo
from service.deploy.archive import unpack
from service.deploy.backup import backup, restore
from service.deploy.deployer import Deployer, DeployError
from service.server import check
from service.settings import Settings
from tests.conftest import Admin
from tests.deploy.conftest import Cli, empty_server

VOLATILE = {"deploy_lease", "deploy_run", "deploy_journal"}


def contents(dba: Admin) -> dict[tuple[str, str], int]:
    """A checksum of the data of every table."""
    tables = dba.rows(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES "
        "WHERE TABLE_TYPE = 'BASE TABLE' AND (TABLE_SCHEMA = 'yp' OR TABLE_SCHEMA LIKE 'shard%')"
    )
    return {
        (db, table): dba.rows(f"CHECKSUM TABLE `{db}`.`{table}`")[0][1]
        for db, table in tables
        if table not in VOLATILE
    }


async def test_an_empty_server_gets_the_same_data_and_serves(
    site: Settings, dba: Admin, tmp_path: Path
) -> None:
    Deployer(site, lambda _: None).add_shard("shard2")
    demo.load(site)
    dba.rows("UPDATE shard1.contact SET comment = '日本語 🎈 ''quoted'' \\\\ \\n' LIMIT 1")
    before = contents(dba)
    path = tmp_path / "backup.tar.gz"
    manifest = backup(site, path, "rev")
    assert manifest["databases"] == ["yp", "shard1", "shard2"]
    assert path.stat().st_mode & 0o777 == 0o600

    with pytest.raises(DeployError, match="exist already"):
        restore(site, path)
    empty_server(site)
    outcome = restore(site, path)
    assert outcome.status == 0
    assert outcome.counts["create"] + outcome.counts["replace"] == 0, "routines came with the archive"
    assert contents(dba) == before
    assert not Deployer(site, lambda _: None).plan().decide
    await check(site)


def test_a_damaged_archive_is_refused(site: Settings, tmp_path: Path) -> None:
    path = tmp_path / "backup.tar.gz"
    backup(site, path)
    empty_server(site)
    with tarfile.open(path) as archive:
        unpack(archive, tmp_path / "open")
    with (tmp_path / "open/databases.sql").open("ab") as dump:
        dump.write(b"DROP DATABASE yp;\n")
    with tarfile.open(path, "w:gz") as archive:
        for name in ("manifest.json", "databases.sql"):
            archive.add(tmp_path / "open" / name, name)
    with pytest.raises(DeployError, match=r"databases\.sql is not what the manifest says"):
        restore(site, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DeployError, match="no archive that `make backup` has made"):
        restore(site, path)


def test_the_commands_say_what_they_did(cli: Cli, site: Settings, tmp_path: Path) -> None:
    path = str(tmp_path / "b.tar.gz")
    done = cli("backup", "--file", path)
    assert (done.returncode, "2 databases" in done.stdout) == (0, True), done
    assert cli("restore", "--file", path).returncode == 2
    empty_server(site)
    assert cli("restore", "--file", path).returncode == 0
    assert cli("plan").returncode == 0
