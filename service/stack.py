"""A private MariaDB and a private Redis under a run directory, for `make run` and for the tests.

They listen on Unix sockets in a directory only their owner can enter, read no configuration
file of the system, and never meet the system's own servers.

Several processes may use one run directory at a time (`make run` here, `make user` there). Each
holds a shared lock while it does; whoever leaves last stops the servers. Locks vanish with their
process, so a `kill -9` leaves nothing behind that the next start could not sort out.
"""

from __future__ import annotations

import abc
import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from service.install import SERVERS, find_program, instructions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
RUN_DIR = (ROOT / (os.environ.get("DRUMEE_RUN_DIR") or ".run")).resolve()
# sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL included.
LONGEST_SOCKET_PATH = 103
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
STOP_REPEAT_SECONDS = 1.0
POLL_SECONDS = 0.02
LOG_BYTES = 8 * 1024 * 1024

log = logging.getLogger(__name__)


class StackError(Exception):
    """The servers cannot be had; the text says why and what to do."""


class Server(abc.ABC):
    """One server process: found by its pid file, known by its working directory."""

    name: ClassVar[str]
    key: ClassVar[str]
    programs: ClassVar[tuple[str, ...]]
    setting: ClassVar[str]

    def __init__(self, run_dir: Path, sockets: Path, durable: bool, leashed: bool = False) -> None:
        self.home = run_dir / self.key
        self.log_file = run_dir / f"{self.key}.log"
        self.pid_file = run_dir / f"{self.key}.pid"
        self.socket = sockets / f"{self.key}.sock"
        self.durable = durable
        self._leash = _leash() if leashed else []
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
        self._child = spawn([*self._leash, *self.command()], self.home, self.log_file)
        self.pid_file.write_text(f"{self._child.pid}\n")

    def await_ready(self) -> None:
        if not eventually(lambda: self.answers() or self.pid() is None, READY_SECONDS):
            raise StackError(self._complaint(f"does not answer after {READY_SECONDS:.0f} seconds"))
        if self.pid() is None:
            raise StackError(self._complaint("ended while starting"))

    def terminate(self) -> None:
        # It answers for a moment after the signal: without its socket, nobody takes it for healthy
        # if we are killed now.
        self.socket.unlink(missing_ok=True)
        self._signal(signal.SIGTERM)

    def await_end(self) -> None:
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
        """The running process, started by us or by an earlier one of us."""
        if self._child is not None:
            return self._child.pid if self._child.poll() is None else None
        pid = read_pid(self.pid_file)
        if pid and works_in(pid, self.home, self.programs):
            return pid
        # A kill -9 may come between the start of the server and the writing of that file.
        return find_in(self.home, self.programs)

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(self.socket))
            return self.greets(connection)
        return False

    def program(self, *names: str) -> str:
        found = find_program(*names)
        if found is None:
            missing = [each for each in SERVERS if not find_program(*each.names)]
            raise StackError(instructions(missing, f"{self.name} cannot be started"))
        return found

    @abc.abstractmethod
    def environment(self) -> dict[str, str]:
        """The settings that point the service at this server."""

    @abc.abstractmethod
    def prepare(self) -> None:
        """Make sure that `home` is there, complete."""

    @abc.abstractmethod
    def command(self) -> list[str]: ...

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
        return f"{self.name} {what}. The end of {self.log_file}:\n{tail(self.log_file)}"


class MariaDB(Server):
    name = "MariaDB"
    key = "mariadb"
    programs = ("mariadbd", "mysqld")
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
            raise StackError(self._complaint("could not make its data directory"))
        new.rename(self.home)

    def _install_command(self, new: Path) -> list[str]:
        return [
            self.program("mariadb-install-db"),
            "--no-defaults",
            *self._account(),
            f"--datadir={new}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--force",  # a fresh machine may not be able to look up its own name: never mind
            *self._storage(),
        ]


class Redis(Server):
    name = "Redis"
    key = "redis"
    programs = ("redis-server", "valkey-server")
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


KINDS: tuple[type[Server], ...] = (MariaDB, Redis)


class Stack:
    """The private servers of one run directory.

    `kinds` leaves out those that are external. The `leashed` ones end with the thread that starts them,
    even when it is killed, where the system can do that (Linux).
    """

    def __init__(
        self,
        run_dir: Path,
        durable: bool = True,
        kinds: Sequence[type[Server]] = KINDS,
        leashed: bool = False,
    ) -> None:
        self.run_dir = run_dir.resolve()
        self._sockets = _socket_directory(self.run_dir)
        self._servers = [kind(self.run_dir, self._sockets, durable, leashed) for kind in kinds]
        self._seat: int | None = None

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self.stop()

    def env(self) -> dict[str, str]:
        """The settings that point the service and its commands at these servers."""
        return {key: value for each in self._servers for key, value in each.environment().items()}

    def start(self) -> None:
        """Return with every server answering; those that run already are used as they are."""
        for directory in (self.run_dir, self._sockets):
            make_private(directory)
        with self._turn():
            if self._seat is None:
                self._seat = self._lock("users.lock", fcntl.LOCK_SH)
            try:
                self._start_servers()
            except BaseException:
                self._leave()
                raise

    def stop(self) -> bool:
        """Stop the servers, unless another process still uses them; say whether they are down."""
        if self._seat is None:
            return True
        with self._turn():
            return self._leave()

    def revive(self) -> list[str]:
        """Start again whatever has ended by itself; the names of those servers."""
        dead = [server for server in self._servers if server.pid() is None]
        if dead:
            with self._turn():
                self._start_servers()
        return [server.name for server in dead]

    def halt(self) -> bool:
        """Stop the servers whoever uses them; say whether there was anything to stop."""
        if not self.run_dir.is_dir():
            return False
        with self._turn():
            was_running = any(server.pid() for server in self._servers)
            self._stop_servers()
        return was_running

    def _start_servers(self) -> None:
        for server in self._servers:
            server.begin()
        for server in self._servers:
            server.await_ready()

    def _leave(self) -> bool:
        if self._seat is not None:
            os.close(self._seat)
            self._seat = None
        try:
            only_user = self._lock("users.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._stop_servers()
        os.close(only_user)
        return True

    def _stop_servers(self) -> None:
        for server in self._servers:
            server.terminate()
        for server in self._servers:
            server.await_end()
        if self._sockets != self.run_dir:
            with contextlib.suppress(OSError):
                self._sockets.rmdir()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One process at a time starts or stops the servers of a run directory."""
        descriptor = self._lock("turn.lock", fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(descriptor)

    def _lock(self, name: str, kind: int) -> int:
        descriptor = os.open(self.run_dir / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, kind)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def private_kinds(environ: Mapping[str, str]) -> list[type[Server]]:
    """The servers that nobody provides through the environment."""
    return [kind for kind in KINDS if not environ.get(kind.setting)]


@contextlib.contextmanager
def ensure_stack_env(run_dir: Path = RUN_DIR) -> Iterator[dict[str, str]]:
    """Yield the settings of the private servers, running for at least as long as the block.

    Those of a running `make run` are used; otherwise they are started here and stopped after.
    What the environment names (DRUMEE_DB, DRUMEE_REDIS) is external and left out.
    """
    kinds = private_kinds(os.environ)
    if not kinds:
        yield {}
        return
    with Stack(run_dir, kinds=kinds) as stack:
        yield stack.env()


# --- processes and files -----------------------------------------------------------------------


def spawn(command: Sequence[str], place: Path, output: Path) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own: a terminal's Ctrl-C is ours to pass on, in order."""
    if output.exists() and output.stat().st_size > LOG_BYTES:
        output.replace(output.with_suffix(".log.1"))
    with output.open("ab") as stream:
        return subprocess.Popen(
            command,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            umask=0o077,
        )


def _leash() -> list[str]:
    """What to put before a command so that it is killed when its parent dies."""
    program = find_program("setpriv")
    return [program, "--pdeathsig", "KILL"] if program else []


def eventually(condition: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def read_pid(path: Path) -> int | None:
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def works_in(pid: int, place: Path, programs: Sequence[str]) -> bool:
    """Whether this process is alive and ours: pids are reused, working directories are not."""
    if Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cwd").readlink() == place
        return False
    asked = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return any(name in asked.stdout for name in programs)


def find_in(place: Path, programs: Sequence[str]) -> int | None:
    """The process of one of these programs that works there, where the system can tell (Linux)."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_there = (entry / "cwd").readlink() == place
            if is_there and (entry / "comm").read_text().strip() in programs:
                return int(entry.name)
    return None


def tail(path: Path, lines: int = 15) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    return "(no log)"


def _socket_directory(run_dir: Path) -> Path:
    longest = max(len(os.fsencode(run_dir / f"{kind.key}.sock")) for kind in KINDS)
    if longest <= LONGEST_SOCKET_PATH:
        return run_dir
    digest = hashlib.sha256(os.fsencode(run_dir)).hexdigest()[:12]
    # Not $TMPDIR: two terminals that differ in it have to agree on the place.
    return Path(f"/tmp/drumee-{os.geteuid()}-{digest}")  # noqa: S108 - owner and mode are checked


def make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"{directory} cannot be made: {error.strerror}.") from error
    details = directory.lstat()
    if not stat.S_ISDIR(details.st_mode):
        raise StackError(f"{directory} is not a directory: remove it.")
    if details.st_uid != os.geteuid():
        raise StackError(
            f"{directory} belongs to user id {details.st_uid}, this is user id {os.geteuid()}: "
            "the private servers can only be run by one account. Use that one, or remove it."
        )
    directory.chmod(0o700)
