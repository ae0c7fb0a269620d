"""Replicas: a change of many rows waits for them, and a backup says how old their data are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.deploy import lag
from service.deploy.backup import backup
from service.deploy.backup_archive import Archive
from service.deploy.deployer import Deployer
from service.deploy.lag import Replicas
from service.local.processes import eventually
from service.settings import Settings
from service.store.admin import Connection, DeployError
from tests.support.admin import Admin
from tests.support.migrations import MESSAGES, with_migration
from tests.support.replication import replication

Pair = tuple[Settings, Settings]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Return a primary with a site, and its replica, which has it, too."""
    with replication(tmp_path_factory.mktemp("replication")) as (primary, replica):
        assert Deployer(primary, lambda _: None).deploy().status == 0
        Admin(primary).rows("CREATE TABLE yp.copied (id INT PRIMARY KEY)")
        assert eventually(lambda: _has(replica, "copied"), 60)
        yield primary, replica


@pytest.fixture
def pair(servers: Pair) -> Pair:
    """Return both, with a replica that runs."""
    connection = Connection(servers[1])
    connection.run("START SLAVE")
    assert eventually(lambda: lag.standings(connection.raw)[0].is_running, 30)
    connection.close()
    return servers


def _has(replica: Settings, table: str) -> bool:
    return bool(Admin(replica).rows("SELECT 1 FROM information_schema.TABLES WHERE TABLE_NAME = %s", table))


def _wait(primary: Settings, check: Callable[[], None] = lambda: None) -> list[str]:
    lines: list[str] = []
    replicas = Replicas(Connection(primary), lines.append)
    replicas.wait(check)
    replicas.close()
    return lines


def test_a_replica_that_is_late_is_waited_for(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    primary, replica = pair
    monkeypatch.setattr(lag, "LAG_SECONDS", 0)
    assert _wait(primary) == []
    blocker = Connection(replica)
    blocker.run("LOCK TABLES yp.copied READ")
    Admin(primary).rows("INSERT INTO yp.copied VALUES (1)")
    assert eventually(lambda: lag.standings(blocker.raw)[0].seconds > 0, 30)
    threading.Timer(2, blocker.close).start()
    started = time.monotonic()
    first, last = _wait(primary)
    assert time.monotonic() - started > 1
    assert (first[:24], last) == ("paused: the replica 127.", "going on")
    assert Admin(replica).one("SELECT COUNT(*) FROM yp.copied") == 1


def test_a_deploy_that_has_to_end_does_not_wait(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lag, "LAG_SECONDS", -1)
    with pytest.raises(KeyboardInterrupt):
        _wait(pair[0], stop)


def test_a_replica_that_has_stopped_is_named_and_not_waited_for(pair: Pair) -> None:
    primary, replica = pair
    Admin(replica).rows("STOP SLAVE SQL_THREAD")
    (line,) = _wait(primary)
    Admin(replica).rows("START SLAVE")
    assert line.endswith("is not waited for: it has stopped")


def test_a_backup_of_a_replica_says_how_old_its_data_are(pair: Pair, tmp_path: Path) -> None:
    _, replica = pair
    path = tmp_path / "b.tar.gz"
    assert "its data were 0 s behind those of 127.0.0.1:" in backup(replica, path)["age"]
    # its own log has none of the changes of the primary: it cannot go on from there
    assert Archive(path).manifest["binary_log"] is None
    path.unlink()
    Admin(replica).rows("STOP SLAVE")
    with pytest.raises(DeployError, match=r"has stopped: its data grow old. Nothing was written"):
        backup(replica, path)
    assert not path.exists()
    assert "the replica has stopped" in backup(replica, path, may_have_stopped=True)["age"]
    Admin(replica).rows("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'secret'")
    Admin(replica).rows("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO reader@'127.0.0.1'")
    Admin(replica).rows("SET GLOBAL read_only = ON")
    reader = Settings(db_admin=replica.db_admin.replace("dba:", "reader:"), run_dir=replica.run_dir)
    assert "GRANT REPLICA MONITOR ON *.* TO 'reader'@'127.0.0.1' shows it" in backup(reader, path)["age"]


def test_batches_of_a_migration_wait(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    primary, _ = pair
    Admin(primary).rows(MESSAGES.format(rows=30))
    monkeypatch.setattr(lag, "LAG_SECONDS", -1)  # no replica is as quick
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if line.startswith("paused: the replica"):
            monkeypatch.setattr(lag, "LAG_SECONDS", 60)

    in_batches = "UPDATE message SET is_read = 1 WHERE is_read = 0 LIMIT 10"
    deployer = Deployer(primary, say, files=with_migration(in_batches), examples=False)
    assert deployer.deploy().status == 0
    assert (lag.LAG_SECONDS, "going on" in lines) == (60, True)
    assert Admin(primary).one("SELECT COUNT(*) FROM shard1.message WHERE is_read = 0") == 0
