"""Render the files of a cluster from its description: Galera, HAProxy, Redis, Sentinel, the service."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service import PACKAGE, as_typed
from service.admin.units import Machine
from service.admin.units import render as render_units
from service.cluster.hosts import (
    Balancer,
    ClusterServer,
    GaleraNode,
    Hosts,
    RedisServer,
    Sentinel,
    ServiceHost,
)

TEMPLATES = PACKAGE / "templates" / "cluster"
FILES: dict[type[ClusterServer], str] = {
    GaleraNode: "galera.cnf",
    RedisServer: "redis.conf",
    Sentinel: "sentinel.conf",
    ServiceHost: "settings",
    Balancer: "haproxy.cfg",
}
"""The file of each kind of server; the templates have the same names, with .j2."""
PROVIDER = "/usr/lib/galera/libgalera_smm.so"
STATS_SOCKET = "/run/haproxy/admin.sock"
CHECK_ACCOUNT = "drumee_check"
CHECK_QUERY = (
    "SELECT IF(COUNT(*) = 3 AND NOT @@read_only, CONCAT('HOME-', 'READY'), 'NOT') AS s "
    "FROM information_schema.GLOBAL_STATUS "
    "WHERE (VARIABLE_NAME, VARIABLE_VALUE) IN (('WSREP_CLUSTER_STATUS', 'Primary'), ('WSREP_READY', 'ON'), "
    "('WSREP_LOCAL_STATE', '4'), ('WSREP_LOCAL_STATE', '2'))"
)
CLIENT_FLAGS = 0x1 | 0x200 | 0x8000
"""Long passwords, protocol 4.1, and its way to sign in."""
UTF8MB4 = 45


def render(
    hosts: Hosts, machine: Machine | None = None, *, stats_socket: str = STATS_SOCKET
) -> dict[str, str]:
    """Return the text of each file by `server/file`; with a machine, also its systemd units."""
    environment = Environment(  # noqa: S701  # configuration files are no HTML
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    values = {
        "hosts": hosts,
        "typed": as_typed("cluster-files"),
        "provider": PROVIDER,
        "stats_socket": stats_socket,
        "check_login": _login_packet(CHECK_ACCOUNT).hex(),
        "check_query": _packet(0, b"\x03" + CHECK_QUERY.encode()).hex(),
    }
    files: dict[str, str] = {}
    for number, server in enumerate(hosts.servers, 1):
        name = FILES[type(server)]
        options = provider_options(hosts, server) if isinstance(server, GaleraNode) else ""
        fields = {**values, "server": server, "number": number, "provider_options": options}
        files[f"{server.name}/{name}"] = environment.get_template(f"{name}.j2").render(fields)
        if machine and isinstance(server, ServiceHost):
            files |= {f"{server.name}/{unit}": text for unit, text in render_units(machine).items()}
    return files


def provider_options(hosts: Hosts, node: GaleraNode) -> str:
    """Return the options of Galera for a node, separated by semicolons."""
    seconds = hosts.suspect_seconds
    options = {
        "gmcast.listen_addr": f"tcp://{node.host}:{node.galera_port}",
        "ist.recv_addr": f"{node.host}:{node.ist_port}",
        # Galera wants keepalive < suspect < inactive, and an install timeout up to inactive
        "evs.keepalive_period": "PT0.5S",
        # how often a node looks for silent ones, and proposes the new group again: both add to the pause
        "evs.inactive_check_period": "PT0.25S",
        "evs.join_retrans_period": "PT0.3S",
        "evs.suspect_timeout": f"PT{seconds:g}S",
        "evs.inactive_timeout": f"PT{3 * seconds:g}S",
        "evs.install_timeout": f"PT{2 * seconds:g}S",
        # after an outage of all nodes they find together by themselves
        "pc.recovery": "true",
        "gcache.size": "128M",
    }
    return ";".join(f"{key}={value}" for key, value in options.items())


def write(files: dict[str, str], folder: Path) -> list[Path]:
    """Write rendered files below a folder, readable by their owner only; return their paths."""
    paths = []
    for name, text in sorted(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(text)
        paths.append(path)
    return paths


def _packet(number: int, payload: bytes) -> bytes:
    """Return a packet of the MariaDB protocol."""
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def _login_packet(account: str) -> bytes:
    """Return the packet that signs in without a password."""
    head = CLIENT_FLAGS.to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + bytes([UTF8MB4]) + bytes(23)
    return _packet(1, head + account.encode() + b"\0" + b"\0")
