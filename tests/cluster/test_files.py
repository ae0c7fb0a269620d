"""The files of a cluster, read by the programs that they are for, where these are installed."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from service.admin.units import Machine as UnitsMachine
from service.cluster.files import CHECK_QUERY, render, write
from service.cluster.hosts import Balancer, Hosts
from service.cluster.machine import loopback_hosts
from service.local.install import find_program
from service.settings import Settings, redis_sentinels

UNITS = UnitsMachine(Path("/opt/d/bin/drumee-contacts"), "drumee", Path("/etc/d/settings"), Path("/etc/d/a"))


@pytest.fixture(scope="module")
def hosts() -> Hosts:
    return loopback_hosts()


@pytest.fixture(scope="module")
def folder(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster")
    write(render(hosts, UNITS, stats_socket=str(folder / "stats.sock")), folder)
    return folder


def checked(*command: str) -> str:
    """Run a program that reads a file; return what it prints."""
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def test_each_server_has_its_file(hosts: Hosts, folder: Path) -> None:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {server.name for server in hosts.servers} == {name.partition("/")[0] for name in names}
    assert {"db1/galera.cnf", "redis2/redis.conf", "sentinel3/sentinel.conf", "balancer/haproxy.cfg"} < names
    assert {"a/settings", "a/drumee-contacts.service"} < names
    assert all(path.stat().st_mode & 0o77 == 0 for path in folder.rglob("*") if path.is_file()), "passwords"


def test_haproxy_accepts_its_file(folder: Path) -> None:
    haproxy = find_program("haproxy")
    if haproxy is None:
        return  # `make cluster` installs it
    checked(haproxy, "-c", "-f", str(folder / "balancer" / "haproxy.cfg"))


def test_several_balancers_share_the_choice_of_the_home_node(hosts: Hosts, tmp_path: Path) -> None:
    second = Balancer(name="second", host="127.0.0.1", port=8081, database_port=8082, peer_port=8083)
    both = dataclasses.replace(hosts, balancers=(*hosts.balancers, second))
    texts = render(both)
    for name in ("balancer", "second"):
        assert texts[f"{name}/haproxy.cfg"].count("    peer ") == 2
        assert f"localpeer {name}" in texts[f"{name}/haproxy.cfg"]


def test_mariadb_accepts_its_file(folder: Path, tmp_path: Path) -> None:
    mariadb = find_program("mariadbd", "mysqld")
    assert mariadb is not None
    file = folder / "db2" / "galera.cnf"
    printed = checked(
        mariadb, f"--defaults-file={file}", "--user=root", f"--datadir={tmp_path}", "--help", "--verbose"
    )
    assert "evs.suspect_timeout=PT2S" in file.read_text()
    values = dict(line.split(maxsplit=1) for line in printed.splitlines() if len(line.split()) > 1)
    assert values["binlog-format"] == "ROW"
    assert values["innodb-lock-wait-timeout"] == "2"
    assert values["wsrep-sst-method"] == "mariabackup"
    assert values["wsrep-sst-donor"] == "db3,db1,"


@pytest.mark.parametrize("name", ["redis1/redis.conf", "redis2/redis.conf", "sentinel1/sentinel.conf"])
def test_redis_starts_with_its_file(folder: Path, tmp_path: Path, name: str) -> None:
    redis = find_program("redis-server", "valkey-server")
    assert redis is not None
    own = tmp_path / Path(name).name
    shutil.copy(folder / name, own)
    command = [redis, str(own), *(["--sentinel"] if "sentinel" in name else [])]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "Ready to accept connections" in line or "+monitor" in line:
                break
        assert "Ready to accept" in lines[-1] or "+monitor" in lines[-1], "".join(lines)
    finally:
        process.kill()
        process.communicate()


def test_a_service_accepts_its_settings(hosts: Hosts, folder: Path) -> None:
    lines = (folder / "b" / "settings").read_text().splitlines()
    settings = Settings.from_env(dict(line.split("=", 1) for line in lines if not line.startswith("#")))
    assert settings.db == hosts.database_url(hosts.services[1])
    assert settings.trust_proxy
    sentinels = redis_sentinels(settings.redis)
    assert sentinels is not None
    assert sentinels.master == hosts.name
    assert sentinels.addresses == [(sentinel.host, sentinel.port) for sentinel in hosts.sentinels]


def test_services_find_all_nodes_by_themselves_when_they_shall(hosts: Hosts) -> None:
    settings = render(dataclasses.replace(hosts, database="pool"))["a/settings"]
    assert ",".join(f"{node.host}:{node.port}" for node in hosts.nodes) in settings


def test_the_check_of_the_balancer_is_what_the_query_says(folder: Path) -> None:
    text = (folder / "balancer" / "haproxy.cfg").read_text()
    sent = [line.split()[-1] for line in text.splitlines() if "send-binary" in line]
    assert bytes.fromhex(sent[0])[3] == 1, "the answer to the greeting has number 1"
    assert b"drumee_check\0\0" in bytes.fromhex(sent[0])
    query = bytes.fromhex(sent[1])
    assert int.from_bytes(query[:3], "little") == len(query) - 4
    assert query[5:].decode() == CHECK_QUERY
    assert "HOME-READY" not in CHECK_QUERY, "an answer that quotes the query must not look like a yes"
