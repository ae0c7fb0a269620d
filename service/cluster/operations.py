"""What `make cluster…` does: start, show, break, heal, roll and stop the cluster of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress

from service import WORK_DIR
from service.cluster.files import CHECK_ACCOUNT
from service.cluster.hosts import Balancer, ClusterServer, GaleraNode, Hosts, RedisServer, ServiceHost
from service.cluster.http_get import ask
from service.cluster.machine import READY_SECONDS, ClusterError, LocalCluster
from service.local.messages import display_path
from service.local.processes import eventually, tail
from service.local.service_process import SERVICE

REDIS_SECONDS = 15.0


def up(machine: LocalCluster, new: Hosts | None = None) -> float:
    """Start what does not run; return the seconds until everything is ready. `new`: as for `describe`."""
    started = time.monotonic()
    machine.describe(new)
    hosts = machine.hosts
    for server in (*hosts.redis, *hosts.sentinels, *hosts.balancers):
        start(machine, server)
    _start_nodes(machine)
    if not eventually(lambda: _has_home(hosts.balancers[0]), READY_SECONDS):
        raise ClusterError(f"the balancer has no home node; see {machine.log_file(hosts.balancers[0])}")
    for service in hosts.services:
        start(machine, service)
    for service in hosts.services:
        await_ready(machine, service)
    if not eventually(lambda: all(balancer_sees(machine, each) for each in hosts.services), READY_SECONDS):
        raise ClusterError("the balancer does not reach the services")
    return time.monotonic() - started


def _has_home(balancer: Balancer) -> bool:
    """Return whether a MariaDB node answers at the balancer."""
    with (
        suppress(OSError),
        socket.create_connection((balancer.host, balancer.database_port), 1) as connection,
    ):
        return bool(connection.recv(5))
    return False


def start(machine: LocalCluster, server: ClusterServer, *words: str, **changes: str) -> None:
    """Start a server unless it runs."""
    if not machine.pid(server):
        machine.start(server, *words, **changes)


def _start_nodes(machine: LocalCluster) -> None:
    nodes = machine.hosts.nodes
    is_new = machine.is_new(nodes[0])
    if is_new:
        _make_first_node(machine, nodes[0])
        machine.copy_first_node()
    if any(machine.pid(node) for node in nodes):
        for node in nodes:
            start(machine, node)
        machine.await_synced(*nodes)
    else:
        start_all_nodes(machine)
    if not is_new:
        _command(machine, "deploy", "--allow=unsafe")


def _make_first_node(machine: LocalCluster, node: GaleraNode) -> None:
    """Make the data directory of a node, with tables, routines and demo people; leave it stopped."""
    machine.install(node)
    machine.start(node, "--wsrep-new-cluster")
    machine.await_synced(node)
    machine.rows(node, f"CREATE USER IF NOT EXISTS {CHECK_ACCOUNT}@'%'")
    # The examples take seconds, and find what is wrong with a version of MariaDB, not with a cluster.
    _command(machine, "deploy", "--allow=unsafe", "--skip-examples")
    _command(machine, "demo")
    machine.stop(node)


def start_all_nodes(machine: LocalCluster) -> None:
    """Start the nodes of a cluster none of which runs, with the data that they have."""
    nodes = machine.hosts.nodes
    last = next((node for node in nodes if _left_last(machine, node)), None)
    if last is not None:
        machine.start(last, "--wsrep-new-cluster")
        machine.await_synced(last)
    # killed together, they remember their last common state (pc.recovery)
    for node in nodes:
        start(machine, node)
    machine.await_synced(*nodes)


def _left_last(machine: LocalCluster, node: GaleraNode) -> bool:
    """Return whether a node was stopped in order after all others, so that nobody knows more."""
    state = machine.place(node) / "grastate.dat"
    return state.exists() and "safe_to_bootstrap: 1" in state.read_text()


def _command(machine: LocalCluster, name: str, *options: str) -> None:
    environ = {key: text for key, text in os.environ.items() if not key.startswith("DRUMEE_")}
    hosts = machine.hosts
    environ |= {
        "DRUMEE_DB": hosts.database_url(machine.hosts.services[0]),
        "DRUMEE_REDIS": hosts.redis_url,
        "DRUMEE_DB_ADMIN": machine.admin_url(),
        "DRUMEE_RUN_DIR": str(machine.folder),
    }
    outcome = subprocess.run(
        [*SERVICE, name, *options], cwd=WORK_DIR, env=environ, capture_output=True, text=True, check=False
    )
    # 1: done, except for what the user has to decide
    if outcome.returncode not in {0, 1}:
        raise ClusterError(f"`{name}` failed:\n{outcome.stdout}{outcome.stderr}")


def is_ready(service: ServiceHost) -> bool:
    """Return whether a service may get traffic."""
    return ask(service, "/-/ready")[0] == 200


def await_ready(machine: LocalCluster, service: ServiceHost) -> None:
    """Return when a service is ready; ClusterError when it is not in time."""
    eventually(lambda: is_ready(service) or not machine.pid(service), READY_SECONDS)
    if not is_ready(service):
        log = machine.log_file(service)
        raise ClusterError(f"service {service.name} is not ready. The end of {log}:\n{tail(log)}")


def balancer_sees(machine: LocalCluster, service: ServiceHost) -> bool:
    """Return whether calls reach this service through the first balancer."""
    answer = ask(machine.hosts.balancers[0], "/-/ready", x_server=service.name)
    return answer[0] == 200 and answer[1].get("x-served-by") == service.name


def kill(machine: LocalCluster, server: ClusterServer) -> None:
    """Kill a server; it stays dead until `heal`."""
    machine.signal(server, signal.SIGKILL)
    eventually(lambda: not machine.pid(server), 5)


def freeze(machine: LocalCluster, server: ClusterServer) -> None:
    """Stop a server's processes until `heal`."""
    machine.signal(server, signal.SIGSTOP)


def cut(machine: LocalCluster, node: GaleraNode) -> None:
    """Cut a MariaDB node off from the other nodes; clients still reach it."""
    _isolate(machine, node, 1)


def _isolate(machine: LocalCluster, node: GaleraNode, value: int) -> None:
    machine.rows(node, f"SET GLOBAL wsrep_provider_options = 'gmcast.isolate={value}'")


def heal(machine: LocalCluster, server: ClusterServer) -> None:
    """Undo kill, freeze and cut; return when the server is well."""
    state = machine.state(server)
    if state == "frozen":
        machine.signal(server, signal.SIGCONT)
    elif state == "dead":
        start(machine, server)
    if isinstance(server, GaleraNode):
        if state == "runs":
            _isolate(machine, server, 0)
        if state != "dead" or any(machine.is_synced(node) for node in machine.hosts.nodes):
            machine.await_synced(server)
    elif isinstance(server, ServiceHost):
        await_ready(machine, server)
    elif isinstance(server, RedisServer):
        eventually(lambda: machine.redis_info(server), REDIS_SECONDS)


def heal_all(machine: LocalCluster) -> None:
    """Undo everything that was broken; return when all servers are well."""
    hosts = machine.hosts
    for server in hosts.servers:
        if machine.state(server) == "frozen":
            machine.signal(server, signal.SIGCONT)
    if not any(machine.pid(node) for node in hosts.nodes):
        start_all_nodes(machine)
    for server in hosts.servers:
        heal(machine, server)


def roll(machine: LocalCluster) -> list[float]:
    """Restart one service after the other, each when the others are ready; return the seconds of each."""
    services, seconds = machine.hosts.services, []
    for service in services:
        for other in services:
            if other != service:
                await_ready(machine, other)
                if not eventually(lambda other=other: balancer_sees(machine, other), READY_SECONDS):  # type: ignore[misc]
                    raise ClusterError(f"the balancer does not reach {other.name}")
        started = time.monotonic()
        machine.stop(service)
        machine.start(service)
        await_ready(machine, service)
        eventually(lambda service=service: balancer_sees(machine, service), READY_SECONDS)  # type: ignore[misc]
        seconds.append(time.monotonic() - started)
    return seconds


def down(machine: LocalCluster, remove: bool = False) -> bool:
    """Stop everything; return whether there was anything to stop. `remove`: the data as well."""
    if not machine.folder.is_dir():
        return False
    for server in machine.hosts.servers:
        # a frozen process does not see that it shall stop
        if machine.state(server) == "frozen":
            machine.signal(server, signal.SIGCONT)
        # a service would wait for another one that takes over its sockets
        if isinstance(server, ServiceHost) and machine.pid(server):
            machine.signal(server, signal.SIGKILL)
    machine.declare()
    was_running = machine.supervisor.stop()
    if remove:
        shutil.rmtree(machine.folder)
    return was_running


def welcome(machine: LocalCluster, seconds: float) -> str:
    """Return where the cluster is."""
    place = display_path(machine.folder)
    return f"Serving on {machine.hosts.url} after {seconds:.0f} s. Files, logs and data: {place}"
