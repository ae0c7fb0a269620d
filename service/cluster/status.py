"""The picture of `make cluster-status`: which server is what."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from service.cluster.hosts import GaleraNode, RedisServer, ServiceHost
from service.cluster.http_get import ask, read_health
from service.cluster.machine import ClusterError, LocalCluster

HEARTBEATS = (
    "SELECT n.address, UNIX_TIMESTAMP() - n.heartbeat, "
    "(SELECT COUNT(*) FROM yp.socket AS s WHERE s.node = n.id AND s.state <> 'lost') "
    "FROM yp.node AS n"
)


@dataclass(frozen=True)
class StatusLine:
    """One server of the picture."""

    kind: str
    name: str
    state: str
    """runs, frozen or dead."""
    role: str = ""
    details: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        details = "  ".join(f"{key} {value}" for key, value in self.details.items())
        return f"  {self.name:<10} {self.state:<7} {self.role:<26} {details}".rstrip()


def draw(url: str, lines: list[StatusLine]) -> str:
    """Return the picture: clients at the top, data at the bottom."""
    text = [f"clients  {url}"]
    for kind in dict.fromkeys(line.kind for line in lines):
        text += ["   |", kind, *(str(line) for line in lines if line.kind == kind)]
    return "\n".join(text)


def look(machine: LocalCluster) -> list[StatusLine]:
    """Ask every server what it is."""
    hosts = machine.hosts
    heartbeats, homes = _heartbeats(machine), machine.homes()
    with ThreadPoolExecutor(8) as pool:
        services = pool.map(lambda each: _service(machine, each, heartbeats), hosts.services)
        nodes = pool.map(lambda each: _node(machine, each, homes), hosts.nodes)
        redis = pool.map(lambda each: _redis(machine, each), hosts.redis)
        balancers = [StatusLine("HAProxy", each.name, machine.state(each)) for each in hosts.balancers]
        sentinels = [StatusLine("Sentinel", each.name, machine.state(each)) for each in hosts.sentinels]
        return [*balancers, *services, *nodes, *redis, *sentinels]


def _service(
    machine: LocalCluster, service: ServiceHost, heartbeats: dict[int, tuple[int, int]]
) -> StatusLine:
    state = machine.state(service)
    if state != "runs":
        return StatusLine("service", service.name, state)
    ready, health = ask(service, "/-/ready")[0], read_health(service)
    details = {}
    own = [heartbeats[pid] for pid in workers(machine, service) if pid in heartbeats]
    if own:
        details = {"heartbeat": f"{max(age for age, _ in own)} s", "sockets": str(sum(n for _, n in own))}
    if health.get("loops"):
        details["loops"] = ", ".join(f"{name} {trouble}" for name, trouble in health["loops"].items())
    role = f"{'ready' if ready == 200 else 'not ready'}, health {health.get('status', 'unknown')}"
    return StatusLine("service", service.name, state, role, details)


def workers(machine: LocalCluster, service: ServiceHost) -> list[int]:
    """Return the processes of a service that serve."""
    with suppress(psutil.Error):
        return [child.pid for child in psutil.Process(machine.pid(service)).children()]
    return []


def _heartbeats(machine: LocalCluster) -> dict[int, tuple[int, int]]:
    """Return (age of the heartbeat in seconds, open sockets) by the pid of each service process."""
    for node in machine.hosts.nodes:
        if machine.is_synced(node):
            with suppress(ClusterError):
                rows = machine.rows(node, HEARTBEATS)
                return {int(address.rpartition(":")[2]): (int(age), int(n)) for address, age, n in rows}
    return {}


def _node(machine: LocalCluster, node: GaleraNode, homes: list[str]) -> StatusLine:
    state, status = machine.state(node), machine.wsrep(node)
    if not status:
        return StatusLine("MariaDB", node.name, state)
    role = f"{status['wsrep_local_state_comment']}, {status['wsrep_cluster_status']}"
    details = {"members": status["wsrep_cluster_size"]}
    if node.name in homes:
        role += ", home"
    return StatusLine("MariaDB", node.name, state, role, details)


def _redis(machine: LocalCluster, server: RedisServer) -> StatusLine:
    info = machine.redis_info(server)
    details = {}
    if info:
        details["processes"] = str(machine.processes_at(server))
    role = {"slave": "replica"}.get(str(info.get("role")), str(info.get("role", "")))
    return StatusLine("Redis", server.name, machine.state(server), role, details)
