"""Three nodes of a Galera cluster for a test: small, without durability, ready in some ten seconds.

The nodes begin as copies of one, which makes the transfer of a whole state unnecessary.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymysql

from service.bench.node import free_port
from service.local.install import find_program
from service.local.processes import leash, spawn, tail
from service.local.servers import MariaDB
from tests.support.secrecy import SECRECY

PROVIDERS = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera/libgalera_smm.so")
READY_SECONDS = 60.0
STATE_TRANSFER = """\
#!/bin/sh
# Answers as a state transfer does in which the joining node needs nothing but later writes.
while [ $# -gt 0 ]; do
    case "$1" in
        --role) role=$2 ;;
        --datadir) data=$2 ;;
        --gtid) gtid=$2 ;;
    esac
    shift
done
if [ "$role" = donor ]; then
    echo "done $gtid"
else
    echo "ready 127.0.0.1:1"
    cat "$data/copied"
fi
"""


def provider() -> str | None:
    """Return the path of the Galera library, or None."""
    return next((path for path in PROVIDERS if Path(path).exists()), None)


class GaleraNode:
    """One node."""

    def __init__(self, cluster: GaleraCluster, number: int) -> None:
        self.cluster = cluster
        self.name = f"db{number}"
        self.port, self.group_port, self.transfer_port = free_port(), free_port(), free_port()
        self.home = cluster.directory / self.name
        self.log_file = cluster.directory / f"{self.name}.log"
        SECRECY.database_logs.add(self.log_file)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, *, first: bool = False, alone: bool = False) -> None:
        peers = ",".join(f"127.0.0.1:{node.group_port}" for node in self.cluster.nodes)
        options = (
            f"gmcast.listen_addr=tcp://127.0.0.1:{self.group_port};"
            f"ist.recv_addr=127.0.0.1:{self.transfer_port};gcache.size=32M;"
            "evs.keepalive_period=PT0.5S;evs.inactive_check_period=PT0.25S;"
            "evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;evs.install_timeout=PT4S"
        )
        command = [
            *leash("KILL"),
            str(find_program(*MariaDB.programs)),
            "--no-defaults",
            *(["--user=root"] if os.geteuid() == 0 else []),
            f"--datadir={self.home}",
            f"--socket={self.home}/sock",
            f"--pid-file={self.home}/pid",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--log-warnings=1",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_unicode_520_ci",
            "--group-concat-max-len=64M",
            "--performance-schema=OFF",
            "--max-connections=200",
            "--innodb-buffer-pool-size=48M",
            "--innodb-log-file-size=32M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-autoinc-lock-mode=2",
            "--innodb-lock-wait-timeout=2",
            "--binlog-format=ROW",
            "--wsrep-on=ON",
            f"--wsrep-provider={provider()}",
            f"--wsrep-cluster-address=gcomm://{'' if alone else peers}",
            "--wsrep-cluster-name=test",
            f"--wsrep-node-name={self.name}",
            f"--wsrep-node-address=127.0.0.1:{self.group_port}",
            "--wsrep-sst-method=nothing",
            f"--wsrep-provider-options={options}",
            *(["--wsrep-new-cluster"] if first else []),
        ]
        path = os.pathsep.join([str(self.cluster.directory), os.environ.get("PATH", os.defpath)])
        self._process = spawn(command, self.home, self.log_file, {**os.environ, "PATH": path})

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            for each in (signal.SIGCONT, number):
                if self._process.poll() is None:
                    self.send(each)
            self._process.wait()

    def status(self) -> dict[str, str]:
        return dict(self.rows("SHOW GLOBAL STATUS LIKE 'wsrep_%'"))

    def connect(self) -> pymysql.Connection[Any]:
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            autocommit=True,
            connect_timeout=2,
            read_timeout=10,
            ssl_disabled=True,
        )

    def rows(self, statement: str, *args: object) -> list[Any]:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement, args or None)
            return list(cursor.fetchall())

    def await_synced(self) -> None:
        self.await_that(lambda: self.status().get("wsrep_local_state_comment") == "Synced")

    def await_that(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                if condition():
                    return
            except pymysql.err.OperationalError:
                pass
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} is not ready:\n{tail(self.log_file)}")
            time.sleep(0.05)


class GaleraCluster:
    """Three nodes, which share nothing but their beginning: what `prepare` has made on the first one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.nodes: list[GaleraNode] = []
        self.nodes += [GaleraNode(self, number) for number in (1, 2, 3)]

    def start(self, prepare: Callable[[GaleraNode], None]) -> None:
        script = self.directory / "wsrep_sst_nothing"
        script.write_text(STATE_TRANSFER)
        script.chmod(0o755)
        first = self.nodes[0]
        self._install(first.home)
        first.start(first=True, alone=True)
        first.await_synced()
        prepare(first)
        first.end(signal.SIGTERM)
        self._copy(first.home)
        for node in self.nodes:
            node.start(first=node is first)
            node.await_synced()

    def stop(self) -> None:
        for node in self.nodes:
            node.end()

    def _install(self, home: Path) -> None:
        scratch = self.directory / "tmp"
        scratch.mkdir()
        command = [
            str(find_program("mariadb-install-db")),
            "--no-defaults",
            *(["--user=root"] if os.geteuid() == 0 else []),
            f"--datadir={home}",
            f"--tmpdir={scratch}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--force",
            "--innodb-log-file-size=32M",
        ]
        subprocess.run(command, check=True, capture_output=True)

    def _copy(self, home: Path) -> None:
        state = dict(
            line.split(":", 1) for line in (home / "grastate.dat").read_text().splitlines() if ":" in line
        )
        (home / "copied").write_text(f"{state['uuid'].strip()}:{state['seqno'].strip()}\n")
        for name in ("galera.cache", "gvwstate.dat"):
            (home / name).unlink(missing_ok=True)
        for node in self.nodes[1:]:
            shutil.copytree(home, node.home)
