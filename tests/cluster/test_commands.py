"""The commands of a cluster that is not there, and their arguments."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from service import cli
from service.cluster import machine
from service.cluster.hosts import write_hosts
from service.cluster.machine import ClusterError, LocalCluster, loopback_hosts

BREAKING = ("cluster-kill", "cluster-freeze", "cluster-cut", "cluster-heal")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the place of a cluster that was never started."""
    folder = tmp_path / "cluster"
    monkeypatch.setattr(LocalCluster.__init__, "__defaults__", (folder,))
    return folder


@pytest.mark.parametrize("command", [*BREAKING, "cluster-status", "cluster-roll"])
def test_without_a_cluster_the_commands_say_so(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert cli.main([command, *(["--node", "db1"] if command in BREAKING else [])]) == 2
    assert "no cluster is running; `make cluster` starts one" in capsys.readouterr().err
    assert not folder.exists()


def test_without_a_cluster_there_is_nothing_to_stop(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["cluster-down"]) == 0
    assert capsys.readouterr().out == "No cluster is running.\n"
    assert not folder.exists()


@pytest.mark.parametrize("command", BREAKING[:3])
def test_a_server_must_be_named(command: str) -> None:
    assert cli.main([command]) == 2


def test_an_unknown_server_is_named_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_text(write_hosts(loopback_hosts()))
    cluster = LocalCluster(tmp_path)
    with pytest.raises(ClusterError, match="NODE=db4 is none of db1, db2, db3, redis1"):
        cluster.server("db4")
    with pytest.raises(ClusterError, match="redis1 is no MariaDB node"):
        cluster.node("redis1")
    with pytest.raises(ClusterError, match="there is no home at the moment"):
        cluster.server("home")


def test_files_are_written_for_a_description(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hosts = tmp_path / "hosts.toml"
    hosts.write_text(write_hosts(loopback_hosts()))
    out = tmp_path / "files"
    assert cli.main(["cluster-files", "--hosts", str(hosts), "--out", str(out)]) == 0
    printed = capsys.readouterr().out.split()
    assert str(out / "db1" / "galera.cnf") in printed
    assert "/opt/drumee-contacts/bin/drumee-contacts serve" in (out / "a/drumee-contacts.service").read_text()
    assert cli.main(["cluster-files", "--hosts", str(tmp_path / "none"), "--out", str(out)]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("recovery", "options"),
    [
        ("echo 'WSREP: Recovered position: 0af3:12' >&2", ["--wsrep-start-position=0af3:12"]),
        ("sleep 60", []),
        (f"{sys.executable} -c 'bytearray(1 << 31)' && echo 'Recovered position: 0af3:12' >&2", []),
    ],
    ids=["a position", "no end", "all memory"],
)
def test_a_node_without_a_position_joins_with_all_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recovery: str, options: list[str]
) -> None:
    monkeypatch.setattr(machine, "RECOVER_SECONDS", 2)
    monkeypatch.setattr(machine, "RECOVER_BYTES", 2**30)
    monkeypatch.setattr(LocalCluster, "_mariadb", lambda *_: ["sh", "-c", recovery])
    cluster = LocalCluster(tmp_path)
    node = loopback_hosts().nodes[0]
    cluster.place(node).mkdir(parents=True)
    (cluster.place(node) / "grastate.dat").write_text("seqno:   -1\n")
    assert cluster.recovered_position(node) == options
