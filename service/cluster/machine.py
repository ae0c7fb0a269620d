"""The cluster of `make cluster`: its folder, and its servers as programs of supervisord."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pymysql
from redis import Redis as Client
from redis.exceptions import RedisError

from service import WORK_DIR
from service.bench.node import free_port
from service.cluster import files
from service.cluster.hosts import (
    Balancer,
    ClusterServer,
    GaleraNode,
    Hosts,
    RedisServer,
    Sentinel,
    ServiceHost,
    read_hosts,
    write_hosts,
)
from service.cluster.http_get import read_health
from service.errors import CommandError
from service.live.push import channel_of
from service.local.directories import RUN_DIR, make_private, socket_directory
from service.local.install import find_program
from service.local.processes import eventually, leash, tail
from service.local.service_process import SERVICE
from service.local.supervisor import SOCKET, SupervisedProgram, Supervisor

FOLDER = RUN_DIR / "cluster"
HOST = "127.0.0.1"
READY_SECONDS = 60.0
RECOVER_SECONDS = 60
"""For the recovery of a node that was killed, which takes seconds where it ends at all."""
RECOVER_BYTES = 4 * 2**30
STOP_SECONDS = 45.0
ACCOUNT = "drumee_app"
SMALL = """
[mariadbd]
innodb-buffer-pool-size = 192M
innodb-log-file-size = 64M
performance-schema = ON
max-connections = 200
"""
TURNS: dict[type[ClusterServer], int] = {
    GaleraNode: 1,
    RedisServer: 1,
    Sentinel: 2,
    Balancer: 3,
    ServiceHost: 4,
}


class ClusterError(CommandError):
    """The cluster cannot do what was asked; the text says why."""


def loopback_hosts(database: str = "balancer") -> Hosts:
    """Describe a cluster on this machine, on ports that are free now."""
    return Hosts(
        database=database,
        account=f"{ACCOUNT}:{secrets.token_hex(12)}",
        sst_account="root",
        nodes=tuple(
            GaleraNode(
                name=f"db{number}",
                host=HOST,
                port=free_port(),
                galera_port=free_port(),
                ist_port=free_port(),
                sst_port=free_port(),
            )
            for number in (1, 2, 3)
        ),
        redis=tuple(RedisServer(name=f"redis{number}", host=HOST, port=free_port()) for number in (1, 2, 3)),
        sentinels=tuple(
            Sentinel(name=f"sentinel{number}", host=HOST, port=free_port()) for number in (1, 2, 3)
        ),
        services=tuple(ServiceHost(name=name, host=HOST, port=free_port()) for name in ("a", "b")),
        balancers=(
            Balancer(
                name="balancer",
                host=HOST,
                port=free_port(),
                database_port=free_port(),
                peer_port=free_port(),
            ),
        ),
    )


class LocalCluster:
    """A cluster in a folder of this machine."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._description = folder / "hosts.toml"
        longest = [f"{name}.sock" for name in ("db1", "balancer.sock.4194304", f"{SOCKET}.4194304")]
        self.sockets = socket_directory(folder, longest)
        self.supervisor = Supervisor(folder, self.sockets)
        self.hosts = read_hosts(self._description) if self._description.exists() else Hosts()

    def describe(self, new: Hosts | None = None) -> None:
        """Make the folder, the description and the files of all servers, unless they are there.

        `new`: the description of a new cluster.
        """
        for folder in (RUN_DIR, self.folder, self.sockets):
            make_private(folder)
        if not self._description.exists():
            hosts = new or loopback_hosts()
            hosts.check()
            self._description.touch(mode=0o600)
            self._description.write_text(write_hosts(hosts))
            rendered = files.render(hosts, stats_socket=str(self.sockets / "balancer.sock"))
            files.write(rendered, self.folder / "files")
        self.hosts = read_hosts(self._description)

    def server(self, name: str) -> ClusterServer:
        """Return the server of this name, `home` or `master`; ClusterError when there is none."""
        if name in {"home", "master"}:
            names = self.homes() if name == "home" else self.masters()
            if not names:
                raise ClusterError(f"there is no {name} at the moment")
            name = names[0]
        for server in self.hosts.servers:
            if server.name == name:
                return server
        known = ", ".join(server.name for server in self.hosts.servers)
        raise ClusterError(f"NODE={name} is none of {known or '(no cluster was started)'}, home, master")

    def node(self, name: str) -> GaleraNode:
        """Return the MariaDB node of this name; ClusterError for another server."""
        server = self.server(name)
        if not isinstance(server, GaleraNode):
            raise ClusterError(f"{name} is no MariaDB node")
        return server

    def place(self, server: ClusterServer) -> Path:
        """Return the working directory of a server."""
        return self.folder / server.name

    def file(self, server: ClusterServer) -> Path:
        """Return the rendered file of a server."""
        return self.folder / "files" / server.name / files.FILES[type(server)]

    def log_file(self, server: ClusterServer) -> Path:
        """Return the log of a server."""
        return self.folder / f"{server.name}.log"

    def socket(self, node: GaleraNode) -> Path:
        """Return the Unix socket of a MariaDB node."""
        return self.sockets / f"{node.name}.sock"

    def program(self, server: ClusterServer, *words: str, **changes: str) -> SupervisedProgram:
        """Return a server as supervisord runs it.

        `words`: appended to its command; `changes`: settings of a service that differ this time.
        """
        self.place(server).mkdir(mode=0o700, exist_ok=True)
        command, environ = self._command(server)
        return SupervisedProgram(
            server.name,
            [*leash("TERM"), *command, *words],
            WORK_DIR if isinstance(server, ServiceHost) else self.place(server),
            self.log_file(server),
            TURNS[type(server)],
            STOP_SECONDS,
            environ | changes,
            restarts=False,
        )

    def _command(self, server: ClusterServer) -> tuple[list[str], dict[str, str]]:
        if isinstance(server, GaleraNode):
            return self._mariadb(server), {}
        if isinstance(server, RedisServer | Sentinel):
            return self._redis(server), {}
        if isinstance(server, Balancer):
            return [_program("haproxy"), "-db", "-W", "-f", str(self.file(server))], {}
        lines = self.file(server).read_text().splitlines()
        environ = dict(line.split("=", 1) for line in lines if line.startswith("DRUMEE_"))
        own = {"DRUMEE_WORKERS": "1", "DRUMEE_RUN_DIR": str(self.place(server)), "DRUMEE_RATE_LIMIT": "0"}
        return [*SERVICE, "serve"], environ | own

    def _mariadb(self, node: GaleraNode) -> list[str]:
        return [
            _program("mariadbd", "mysqld"),
            f"--defaults-file={self._small(node)}",
            *_as_root(),
            f"--datadir={self.place(node)}",
            f"--tmpdir={self._scratch(node)}",
            f"--socket={self.socket(node)}",
            f"--pid-file={self.folder / f'{node.name}.pid'}",
        ]

    def _donors(self, joiner: GaleraNode) -> list[str]:
        """Return the option that lets the home node be the last to donate its state."""
        homes = self.homes() if self.supervisor.is_alive() else []
        others = [node.name for node in self.hosts.nodes if node != joiner]
        return [f"--wsrep-sst-donor={','.join(sorted(others, key=homes.__contains__))},"] if homes else []

    def _small(self, node: GaleraNode) -> Path:
        """Return a file that includes the node's own, and lets three nodes fit on one machine.

        In a file, because mariadb-backup refuses such options on the command line, which it inherits.
        """
        path = self.folder / f"{node.name}.cnf"
        path.write_text(f"!include {self.file(node)}\n{SMALL}")
        return path

    def _redis(self, server: RedisServer | Sentinel) -> list[str]:
        own = self.place(server) / self.file(server).name  # which the program rewrites
        if not own.exists():
            shutil.copy(self.file(server), own)
        command = [_program("redis-server", "valkey-server"), str(own), "--dir", str(self.place(server))]
        return [*command, "--sentinel"] if isinstance(server, Sentinel) else command

    def _scratch(self, node: GaleraNode) -> Path:
        path = self.folder / f"{node.name}.tmp"
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def start(self, server: ClusterServer, *words: str, **changes: str) -> None:
        """Start a server that does not run; `words` and `changes` as for `program`."""
        self.declare()
        if isinstance(server, GaleraNode):
            words = (*words, *self.recovered_position(server), *self._donors(server))
        self.supervisor.start(self.program(server, *words, **changes))

    def declare(self) -> None:
        """Make all servers known to supervisord's configuration, whoever of them runs."""
        for server in self.hosts.servers:
            self.supervisor.declare(self.program(server))

    def stop(self, server: ClusterServer) -> None:
        """Stop a server in order, with SIGTERM."""
        self.supervisor.remove(server.name)

    def pid(self, server: ClusterServer) -> int:
        """Return the process of a server; 0 while there is none."""
        state = self.supervisor.state(server.name)
        return int(state["pid"]) if state else 0

    def signal(self, server: ClusterServer, number: int) -> None:
        """Send a signal to a server, and to the workers of a service; ClusterError when it does not run."""
        pid = self.pid(server)
        if not pid:
            raise ClusterError(f"{server.name} does not run")
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            for each in (process, *process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(number)

    def state(self, server: ClusterServer) -> str:
        """Return `dead`, `frozen` or `runs`."""
        pid = self.pid(server)
        with suppress(psutil.NoSuchProcess):
            if pid:
                return "frozen" if psutil.Process(pid).status() == psutil.STATUS_STOPPED else "runs"
        return "dead"

    # --- MariaDB ---------------------------------------------------------------------------------

    def is_new(self, node: GaleraNode) -> bool:
        """Return whether a node has no data directory."""
        return not (self.place(node) / "mysql" / "global_priv.frm").exists()

    def install(self, node: GaleraNode) -> None:
        """Make the data directory of the first node; the others copy it."""
        new = Path(tempfile.mkdtemp(prefix=f"{node.name}.new-", dir=self.folder))
        command = [
            _program("mariadb-install-db"), "--no-defaults", *_as_root(), f"--datadir={new}",
            f"--tmpdir={self._scratch(node)}", "--auth-root-authentication-method=normal", "--skip-test-db",
            "--force", "--innodb-log-file-size=64M",
        ]  # fmt: skip
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
        if outcome.returncode:
            raise ClusterError(
                f"mariadb-install-db failed:\n{outcome.stdout[-2000:]}{outcome.stderr[-2000:]}"
            )
        if self.place(node).exists():
            self.place(node).rmdir()
        new.rename(self.place(node))

    def recovered_position(self, node: GaleraNode) -> list[str]:
        """Return the option with the position of a node that was killed, as systemd's unit finds it.

        Without it the node copies all data from another one, instead of what it missed: also where MariaDB
        finds no position in time.
        """
        folder = self.place(node)
        state = folder / "grastate.dat"
        if not state.exists() or "seqno:   -1" not in state.read_text():
            return []
        # with its binary log: without that, the server rolls back what it had acknowledged last
        command = [*self._mariadb(node), "--wsrep-recover"]
        try:
            outcome = subprocess.run(
                # MariaDB 10.11.18 was seen to take all memory of the machine here, without an end
                [_program("prlimit"), f"--data={RECOVER_BYTES}", "--", *command],
                cwd=self.place(node),
                capture_output=True,
                text=True,
                check=False,
                timeout=RECOVER_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return []
        positions = re.findall(r"Recovered position:\s*(\S+:-?\d+)", outcome.stderr)
        return [f"--wsrep-start-position={positions[-1]}"] if positions else []

    def copy_first_node(self) -> None:
        """Give the other nodes the data directory of the first one, which must have ended in order.

        They start with its state. A node that joins without data copies them from another one, which
        takes 10 s more (wsrep_sst_mariabackup).
        """
        first, *others = self.hosts.nodes
        for node in others:
            shutil.rmtree(self.place(node), ignore_errors=True)
            shutil.copytree(
                self.place(first), self.place(node), ignore=shutil.ignore_patterns("galera.cache")
            )
            state = self.place(node) / "grastate.dat"
            state.write_text(state.read_text().replace("safe_to_bootstrap: 1", "safe_to_bootstrap: 0"))

    def admin_url(self, node: GaleraNode | None = None) -> str:
        """Return DRUMEE_DB_ADMIN for one node."""
        node = node or self.hosts.nodes[0]
        return f"mysql://root@localhost/?unix_socket={quote(str(self.socket(node)))}"

    def rows(self, node: GaleraNode, statement: str, *args: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement on one node; ClusterError when it does not answer."""
        try:
            with closing(_connect(self.socket(node))) as connection, connection.cursor() as cursor:
                cursor.execute(statement, args or None)
                return list(cursor.fetchall())
        except (pymysql.err.MySQLError, OSError) as exc:
            raise ClusterError(f"{node.name}: {exc}") from exc

    def wsrep(self, node: GaleraNode) -> dict[str, str]:
        """Return the status of Galera on a node; empty when it does not answer."""
        if self.state(node) != "runs":
            return {}
        with suppress(ClusterError):
            return dict(self.rows(node, "SHOW GLOBAL STATUS LIKE 'wsrep%'"))
        return {}

    def is_synced(self, node: GaleraNode) -> bool:
        """Return whether a node is a full member of the cluster."""
        status = self.wsrep(node)
        return (
            status.get("wsrep_local_state_comment") == "Synced"
            and status["wsrep_cluster_status"] == "Primary"
            and status["wsrep_ready"] == "ON"
        )

    def await_synced(self, *nodes: GaleraNode, seconds: float = READY_SECONDS) -> None:
        """Return when the nodes are full members; ClusterError when they are not in time."""
        for node in nodes:
            if not eventually(lambda node=node: self.is_synced(node) or not self.pid(node), seconds):  # type: ignore[misc]
                raise ClusterError(self._complaint(node, f"is not Synced after {seconds:.0f} s"))
            if not self.is_synced(node):
                raise ClusterError(self._complaint(node, "has ended"))

    def _complaint(self, server: ClusterServer, what: str) -> str:
        return f"{server.name} {what}. The end of {self.log_file(server)}:\n{tail(self.log_file(server))}"

    def homes(self) -> list[str]:
        """Return the home nodes of the services; more than one right after a change of home."""
        named = self._named_homes()
        nodes = [node for node in self.hosts.nodes if self.is_synced(node)]
        return [node.name for node in nodes if (node.name in named if named else self._is_used(node))]

    def _named_homes(self) -> set[str]:
        """Return the homes that services chose themselves; as probes they are connected to every node."""
        services = [service for service in self.hosts.services if self.state(service) == "runs"]
        homes = [read_health(service).get("home", "") for service in services]
        return {home.partition(":")[0] for home in homes if home}

    def _is_used(self, node: GaleraNode) -> bool:
        """Return whether a service is connected to a node."""
        with suppress(ClusterError):
            ((count,),) = self.rows(
                node, "SELECT COUNT(*) FROM information_schema.processlist WHERE user = %s", ACCOUNT
            )
            return bool(count)
        return False

    # --- Redis -----------------------------------------------------------------------------------

    def redis_info(self, server: RedisServer) -> dict[str, Any]:
        """Return the section `replication` of INFO; empty when Redis does not answer."""
        if self.state(server) != "runs":
            return {}
        with (
            suppress(RedisError, OSError),
            closing(Client(host=server.host, port=server.port, socket_timeout=1)) as c,
        ):
            info: dict[str, Any] = c.info("replication")
            return info
        return {}

    def processes_at(self, server: RedisServer) -> int:
        """Return how many service processes listen for live updates at a Redis."""
        client = Client(host=server.host, port=server.port, socket_timeout=1)
        with suppress(RedisError, OSError), closing(client):
            return len(client.pubsub_channels(channel_of("*")))
        return 0

    def masters(self) -> list[str]:
        """Return the names of the Redis servers that are masters."""
        return [server.name for server in self.hosts.redis if self.redis_info(server).get("role") == "master"]


def _connect(socket: Path) -> Any:
    return pymysql.connect(
        unix_socket=str(socket),
        user="root",
        autocommit=True,
        connect_timeout=1,
        read_timeout=3,
        write_timeout=3,
        ssl_disabled=True,
    )


def _program(*names: str) -> str:
    path = find_program(*names)
    if path is None:
        raise ClusterError(f"{names[0]} is not installed; `make cluster` installs it")
    return path


def _as_root() -> list[str]:
    # mariadbd refuses to be root unless it is told to
    return ["--user=root"] if os.geteuid() == 0 else []
