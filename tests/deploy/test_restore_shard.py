"""Restore a shard whose database was lost: its users are as of the archive, and in line with the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from service.admin.registry import Registry
from service.deploy import move as moves
from service.deploy import restore_shard as module
from service.deploy.backup import backup
from service.deploy.guards import RESTORING
from service.deploy.move import move
from service.deploy.restore_shard import restore_shard
from service.settings import Settings
from service.store.admin import DeployError
from tests.support.admin import Admin
from tests.support.sites import Cli, DeployerMaker

SHARD = "s_1"


@pytest.fixture
def live_in(site: Settings, tool: DeployerMaker, dba: Admin) -> Callable[[str, str], str]:
    """Make a user in a shard; return their id."""
    tool().add_shard(SHARD)

    def make(name: str, db: str) -> str:
        dba.rows("UPDATE yp.shard SET is_open = (name = %s)", db)
        uid, shard = Registry(site).add_person(f"{name}@example.org", name, "Lee", "-", None)
        assert shard == db
        dba.rows("UPDATE yp.shard SET is_open = 1")
        return uid

    return make


def relations(dba: Admin, db: str, uid: str) -> dict[str, str]:
    """Return by peer the status that an address book has."""
    rows = dba.rows(f"SELECT peer_id, status FROM {db}.contact WHERE owner_id = %s", uid)
    return dict(rows)


def test_a_lost_shard_comes_back_in_line_with_the_others(
    site: Settings, tool: DeployerMaker, dba: Admin, tmp_path: Path, live_in: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(moves, "DRAIN_SECONDS", 0)
    ann, dan = live_in("ann", SHARD), live_in("dan", SHARD)
    bob, fay, gus = (live_in(name, "shard1") for name in ("bob", "fay", "gus"))
    registry = Registry(site)
    for friend in (bob, dan, gus):
        registry.befriend(ann, friend)
    path = tmp_path / "all.tar.gz"
    backup(site, path)
    registry.befriend(ann, fay)
    dba.rows(f"UPDATE shard1.contact SET status = 'memory' WHERE owner_id = '{bob}'")  # bob left ann
    move(site, dan, "shard1")
    move(site, gus, SHARD)
    eve = live_in("eve", SHARD)
    before = dba.rows("SELECT * FROM shard1.contact ORDER BY owner_id, id")
    dba.rows(f"DROP DATABASE {SHARD}")

    restored = restore_shard(site, path, SHARD)
    assert eve in restored.new
    assert relations(dba, SHARD, gus) == {ann: "active"}
    assert gus in restored.moved
    assert relations(dba, SHARD, ann) == {bob: "memory", dan: "active", fay: "active", gus: "active"}
    assert dba.rows(f"SELECT 1 FROM {SHARD}.contact WHERE owner_id = %s", dan) == []
    assert dba.rows("SELECT * FROM shard1.contact ORDER BY owner_id, id") == before
    assert dba.one(f"SELECT rev FROM {SHARD}.contact_ledger WHERE owner_id = %s", ann) > 1_000_000
    assert dba.rows("SELECT * FROM yp.entity_move") == []
    assert dba.rows("SELECT subject, outcome FROM yp.operation WHERE purpose = 'restore'") == [
        (f"{SHARD} from {path}", "done")
    ]
    assert not tool().plan().todo
    assert tool().drift() == []
    with pytest.raises(DeployError, match="s_1 has its data: only one whose database is gone or empty"):
        restore_shard(site, path, SHARD)
    with pytest.raises(DeployError, match=r"SHARD=s_2 is no shard of .*, which has s_1, shard1"):
        restore_shard(site, path, "s_2")


@pytest.mark.parametrize("step", ["differences", "mend_relations"])
def test_an_interrupted_restore_goes_on(
    site: Settings, tool: DeployerMaker, dba: Admin, tmp_path: Path, live_in: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch, step: str,
) -> None:  # fmt: skip
    ann, bob = live_in("ann", SHARD), live_in("bob", "shard1")
    Registry(site).befriend(ann, bob)
    path = tmp_path / "all.tar.gz"
    backup(site, path)
    dba.rows(f"DROP DATABASE {SHARD}")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, step, interrupt)
        with pytest.raises(KeyboardInterrupt):
            restore_shard(site, path, SHARD)
    assert dba.one("SELECT COUNT(*) FROM yp.entity_move") == 2
    if dba.rows(f"SHOW DATABASES LIKE '{RESTORING}'"):
        with pytest.raises(DeployError, match="a restore runs, or was interrupted"):
            tool().deploy()
    assert dba.rows("SELECT outcome FROM yp.operation WHERE purpose = 'restore'") == [("interrupted",)]
    assert restore_shard(site, path, SHARD).entities == 2
    assert relations(dba, SHARD, ann) == {bob: "active"}
    assert dba.rows("SELECT * FROM yp.entity_move") == []


@pytest.mark.parametrize("words", [["--shard", "shard1"], ["--entity", "ann@example.org"], []])
def test_a_file_is_named_as_it_was_given(cli: Cli, words: list[str]) -> None:
    missing = cli("restore", "--file", "none.tar.gz", *words)
    assert (missing.returncode, missing.stderr) == (2, "F=none.tar.gz: there is no such file\n")
    other = cli("restore", "--file", "README.md", *words)
    assert other.stderr.startswith("README.md is no archive that `make backup` has made: ")
