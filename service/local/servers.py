"""A private MariaDB and a private Redis: how each is prepared, started, found and asked.

They listen on Unix sockets in a directory only their owner can enter, read no configuration
file of the system, and never meet the system's own servers.
"""

from __future__ import annotations

import abc
import contextlib
import logging
import os
import re
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from service.local.directories import StackError, make_private
from service.local.install import SERVERS, find_program, instructions
from service.local.processes import eventually, find_in, leash, read_pid, spawn, tail, works_in
from service.local.supervisor import FAILED, GIVEN_UP, SupervisedProgram, Supervisor
from service.local.whole_file import is_full

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
STOP_REPEAT_SECONDS = 1.0
LOG_LINES = 45
"""Those of a failed installation: its cause is above the advice."""
NO_ROOM = re.compile(r"failed with error 28\b|no space left on device", re.IGNORECASE)

log = logging.getLogger(__name__)


class PrivateServer(abc.ABC):
    """One server process: found by its pid file, known by its working directory."""

    name: ClassVar[str]
    key: ClassVar[str]
    programs: ClassVar[tuple[str, ...]]
    setting: ClassVar[str]

    turn: ClassVar[int]
    """Servers with a lower one start first and stop last."""

    def __init__(
        self,
        run_dir: Path,
        sockets: Path,
        durable: bool,
        leashed: bool = False,
        supervisor: Supervisor | None = None,
    ) -> None:
        self.home = run_dir / self.key
        self.log_file = run_dir / f"{self.key}.log"
        self.pid_file = run_dir / f"{self.key}.pid"
        self.socket = sockets / f"{self.key}.sock"
        self.durable = durable
        self._leash = leash("KILL") if leashed else []
        self._supervisor = supervisor
        self._child: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start the server unless it runs already; `await_ready` then waits for it."""
        if self._adopt():
            return
        if self.answers():
            raise StackError(
                f"Something that was not started from here answers on {self.socket}: "
                "find that process and stop it."
            )
        self.prepare()
        self.socket.unlink(missing_ok=True)
        if self._supervisor is not None:
            self._supervisor.start(self._program())
            return
        self._child = spawn([*self._leash, *self.command()], self.home, self.log_file)
        self.pid_file.write_text(f"{self._child.pid}\n")

    def await_ready(self) -> None:
        """Return when the server answers; StackError when it does not, or has ended."""
        if not eventually(lambda: self.answers() or self._has_ended(), READY_SECONDS):
            raise StackError(self._complaint(f"does not answer after {READY_SECONDS:.0f} seconds"))
        if self._has_ended():
            raise StackError(self._complaint("ended while starting"))

    def is_supervised(self) -> bool:
        """Whether supervisord starts it again when it ends."""
        state = self._supervisor.state(self.key) if self._supervisor is not None else None
        return state is not None and state["statename"] not in GIVEN_UP

    def _has_ended(self) -> bool:
        state = self._supervisor.state(self.key) if self._supervisor is not None else None
        return self.pid() is None if state is None else state["statename"] in FAILED

    def _program(self) -> SupervisedProgram:
        # Without supervisord nobody would stop it.
        command = [*leash("TERM"), *self.command()]
        return SupervisedProgram(self.key, command, self.home, self.log_file, self.turn, STOP_SECONDS)

    def terminate(self) -> None:
        """Ask the server to end; `await_end` then waits for it."""
        # It answers for a moment after the signal: without its socket, nobody takes it for healthy
        # if we are killed now.
        self.socket.unlink(missing_ok=True)
        self._signal(signal.SIGTERM)

    def await_end(self) -> None:
        """Return when the server has ended, killed if need be; StackError when even that fails."""
        deadline = time.monotonic() + STOP_SECONDS
        while not eventually(lambda: self.pid() is None, STOP_REPEAT_SECONDS):
            # MariaDB overhears a signal that comes while it is starting.
            late = time.monotonic() - deadline
            if late > STOP_SECONDS:
                raise StackError(self._complaint(f"cannot be stopped: process {self.pid()}"))
            self._signal(signal.SIGKILL if late > 0 else signal.SIGTERM)
        self._child = None
        self.pid_file.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)

    def pid(self) -> int | None:
        """Return the running process, of this start or of an earlier one."""
        if self._child is not None:
            return self._child.pid if self._child.poll() is None else None
        pid = read_pid(self.pid_file)
        if pid and works_in(pid, self.home):
            return pid
        # A kill -9 may come between the start of the server and the writing of that file.
        return find_in(self.home, self.programs)

    def answers(self) -> bool:
        """Whether a working server answers on its socket."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(self.socket))
            return self.greets(connection)
        return False

    def program(self, *names: str) -> str:
        """Return the path of the first of these programs; StackError says how to install it."""
        path = find_program(*names)
        if path is None:
            missing = [each for each in SERVERS if not find_program(*each.names)]
            raise StackError(instructions(missing, f"{self.name} cannot be started"))
        return path

    @abc.abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the settings that point the service at this server."""

    @abc.abstractmethod
    def prepare(self) -> None:
        """Make sure that `home` is there, complete."""

    @abc.abstractmethod
    def command(self) -> list[str]:
        """Return the command line that starts the server."""

    @abc.abstractmethod
    def greets(self, connection: socket.socket) -> bool:
        """Whether what answers a fresh connection is a working server."""

    def _adopt(self) -> bool:
        """Take over a healthy server of an earlier start; False when there is none."""
        # One that does not answer may be starting, or stopping: it is worth the wait.
        if not eventually(lambda: self.pid() is None or self.answers(), READY_SECONDS):
            raise StackError(
                self._complaint(
                    f"is running as process {self.pid()} but does not answer; "
                    f"stop it with `kill {self.pid()}`, then try again"
                )
            )
        return self.pid() is not None

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid()
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _complaint(self, what: str) -> str:
        # The server has removed the files that found no room.
        if is_full(self.home.parent) or NO_ROOM.search(tail(self.log_file, LOG_LINES)):
            return f"{self.name} {what}: the disk of {self.home.parent} is full"
        return f"{self.name} {what}. The end of {self.log_file}:\n{tail(self.log_file)}"


class MariaDB(PrivateServer):
    """MariaDB on a socket, with performance_schema and without events."""

    name = "MariaDB"
    key = "mariadb"
    programs = ("mariadbd", "mysqld")
    turn = 1
    setting = "DRUMEE_DB"

    def environment(self) -> dict[str, str]:
        place = f"localhost/?unix_socket={quote(str(self.socket))}"
        return {
            "DRUMEE_DB": f"mysql://drumee_app@{place}",
            "DRUMEE_DB_ADMIN": f"mysql://root@{place}",
        }

    def prepare(self) -> None:
        make_private(self._scratch)
        if (self.home / "mysql" / "global_priv.frm").exists():
            return
        self._set_aside()
        self._make_data_directory()

    def command(self) -> list[str]:
        return [
            self.program(*self.programs),
            "--no-defaults",
            *self._account(),
            f"--datadir={self.home}",
            # a server that starts empties its tmpdir: a shared one would lose the tables of its neighbours
            f"--tmpdir={self._scratch}",
            f"--socket={self.socket}",
            f"--pid-file={self.pid_file}",
            "--skip-networking",
            "--skip-name-resolve",
            "--log-warnings=1",  # 2 has a line for every readiness probe
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_unicode_520_ci",
            "--sql-mode=STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,"
            "ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE",
            "--event-scheduler=OFF",
            "--performance-schema=ON",
            "--max-connections=400",
            "--max-allowed-packet=64M",
            "--group-concat-max-len=64M",
            "--stored-program-cache=512",
            "--table-open-cache=4000",
            # of all tables and views of a thousand shards: 12 KB for each one that is there
            "--table-definition-cache=60000",
            *self._storage(),
        ]

    def greets(self, connection: socket.socket) -> bool:
        # A handshake packet: length in 3 bytes, number 0, then protocol version 10. An error
        # packet (too many connections) has 255 there: that server lives as well.
        packet = connection.recv(5)
        return len(packet) == 5 and packet[4] in (10, 255)

    @property
    def _scratch(self) -> Path:
        return self.home.with_name(f"{self.home.name}.tmp")

    def _storage(self) -> list[str]:
        if self.durable:
            return ["--innodb-buffer-pool-size=256M", "--innodb-log-file-size=128M"]
        return [
            "--innodb-buffer-pool-size=128M",
            "--innodb-log-file-size=64M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync",
            "--innodb-doublewrite=OFF",
            "--sync-frm=OFF",
            "--debug-no-sync",
        ]

    def _account(self) -> list[str]:
        # mariadbd refuses to be root unless it is told to.
        return ["--user=root"] if os.geteuid() == 0 else []

    def _set_aside(self) -> None:
        """Leave nothing half-made in the way, and throw nothing away that may be data."""
        for leftover in self.home.parent.glob(f"{self.key}.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if not self.home.exists():
            return
        aside = Path(tempfile.mkdtemp(prefix=f"{self.key}.incomplete-", dir=self.home.parent))
        self.home.rename(aside)
        log.warning("%s was not a complete data directory: moved to %s", self.home, aside)

    def _make_data_directory(self) -> None:
        # Complete or absent, never half: made under another name, then renamed.
        new = Path(tempfile.mkdtemp(prefix=f"{self.key}.new-", dir=self.home.parent))
        installer = spawn(self._install_command(new), new, self.log_file)
        try:
            code = installer.wait(READY_SECONDS)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(installer.pid, signal.SIGKILL)
            installer.wait()
            raise
        if code != 0:
            complaint = self._complaint("could not make its data directory")
            # The next start would remove it: a full disk needs the room now.
            shutil.rmtree(new, ignore_errors=True)
            raise StackError(complaint)
        new.rename(self.home)

    def _install_command(self, new: Path) -> list[str]:
        return [
            self.program("mariadb-install-db"),
            "--no-defaults",
            *self._account(),
            f"--datadir={new}",
            # of several at a time, one lost its tables to the start of another
            f"--tmpdir={self._scratch}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--force",  # a fresh machine may not be able to look up its own name: never mind
            *self._storage(),
        ]


class Redis(PrivateServer):
    """Redis on a socket; it writes nothing to the disk."""

    name = "Redis"
    key = "redis"
    programs = ("redis-server", "valkey-server")
    turn = 1
    setting = "DRUMEE_REDIS"

    def environment(self) -> dict[str, str]:
        return {"DRUMEE_REDIS": f"unix://{quote(str(self.socket))}"}

    def prepare(self) -> None:
        self.home.mkdir(mode=0o700, exist_ok=True)

    def command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.home),
            "pidfile": str(self.pid_file),
            "daemonize": "no",
            "save": "",
            "appendonly": "no",
        }
        words = [word for key, value in options.items() for word in (f"--{key}", value)]
        return [self.program(*self.programs), *words]

    def greets(self, connection: socket.socket) -> bool:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")


KINDS: tuple[type[PrivateServer], ...] = (MariaDB, Redis)


def private_kinds(environ: Mapping[str, str]) -> list[type[PrivateServer]]:
    """Return the kinds of servers that no setting of the environment provides.

    StackError for an administrator of a server that no other setting names: a deploy would go to a private
    server, and say that all is well.
    """
    if environ.get("DRUMEE_DB_ADMIN") and not environ.get(MariaDB.setting):
        raise StackError(
            f"DRUMEE_DB_ADMIN names a server, and {MariaDB.setting} names none: set both, or neither for a "
            "private server"
        )
    return [kind for kind in KINDS if not environ.get(kind.setting)]
