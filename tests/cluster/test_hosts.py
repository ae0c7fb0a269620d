"""The description of a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.cluster.hosts import HostsError, read_hosts, write_hosts
from service.cluster.machine import loopback_hosts

SMALL = """
[[node]]
name = "db1"
host = "10.0.0.1"
[[redis]]
name = "redis1"
host = "10.0.0.1"
[[sentinel]]
name = "sentinel1"
host = "10.0.0.1"
[[service]]
name = "a"
host = "10.0.0.1"
[[balancer]]
name = "lb1"
host = "10.0.0.1"
"""


def described(folder: Path, text: str) -> Path:
    """Write a description; return its path."""
    path = folder / "hosts.toml"
    path.write_text(text)
    return path


def test_ports_have_defaults(tmp_path: Path) -> None:
    hosts = read_hosts(described(tmp_path, SMALL))
    assert (hosts.nodes[0].port, hosts.nodes[0].galera_port) == (3306, 4567)
    assert hosts.url == "http://10.0.0.1:80"
    assert hosts.redis_url == "sentinel://10.0.0.1:26379/drumee/0"


def test_a_description_that_was_written_is_read_again(tmp_path: Path) -> None:
    hosts = loopback_hosts()
    assert read_hosts(described(tmp_path, write_hosts(hosts))) == hosts
    assert len({hosts.account, loopback_hosts().account}) == 2, "each cluster has a password of its own"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no \[\[node\]\]"),
        (SMALL + 'nam = "x"\n', "nam is none of database_port, host, name"),
        ('nmae = "x"\n' + SMALL, "nmae is none of account, balancer"),
        (SMALL + '[[service]]\nname = "b"\n', r"\[\[service\]\]: host is missing"),
        (SMALL + '[[service]]\nname = "a"\nhost = "10.0.0.2"\n', "two servers have the name a"),
        (SMALL + 'port = "80"\n', "port = '80' is no int"),
        (SMALL + "port = true\n", "port = True is no int"),
        ('database = "guess"\n' + SMALL, "database='guess' is none of balancer, pool"),
        ("node = 3\n", "node is a list of tables"),
        ("node = [3]\n", r"node is a list of tables"),
        ("[[node\n", "is no TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(HostsError, match=message):
        read_hosts(described(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostsError, match="cannot be read"):
        read_hosts(tmp_path / "none.toml")


def test_a_donor_is_rather_not_the_home_node() -> None:
    hosts = loopback_hosts()
    assert [hosts.donors(node) for node in hosts.nodes] == [["db2", "db3"], ["db3", "db1"], ["db2", "db1"]]
