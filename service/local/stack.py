"""The private servers of a run directory, for `make run` and for the tests.

Several processes may use one run directory at a time (`make run` here, `make user` there). Each
holds a shared lock while it does; whoever leaves last stops the servers. Locks vanish with their
process, so a `kill -9` leaves nothing behind that the next start could not sort out.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from service.local.directories import RUN_DIR, make_private, socket_directory
from service.local.servers import KINDS, PrivateServer, private_kinds
from service.local.supervisor import SOCKET, Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Stack:
    """The private servers of one run directory.

    `kinds` leaves out those that are external. The `leashed` ones end with the thread that starts them,
    even when it is killed, where the system can do that (Linux). The `supervised` ones are started again by
    supervisord when they end.
    """

    def __init__(
        self,
        run_dir: Path,
        durable: bool = True,
        kinds: Sequence[type[PrivateServer]] = KINDS,
        leashed: bool = False,
        supervised: bool = False,
    ) -> None:
        self.run_dir = run_dir.resolve()
        # supervisord makes its socket under a name that ends with its process, then renames it
        names = [*(f"{kind.key}.sock" for kind in KINDS), f"{SOCKET}.4194304"]
        self._sockets = socket_directory(self.run_dir, names)
        self.supervisor = Supervisor(self.run_dir, self._sockets)
        keeper = self.supervisor if supervised else None
        self._servers = [kind(self.run_dir, self._sockets, durable, leashed, keeper) for kind in kinds]
        self._user_lock: int | None = None

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self.stop()

    def env(self) -> dict[str, str]:
        """Return the settings that point the service and its commands at these servers."""
        return {key: value for each in self._servers for key, value in each.environment().items()}

    def start(self) -> None:
        """Start the servers that do not run already; return when every one answers."""
        for directory in (self.run_dir, self._sockets):
            make_private(directory)
        with self._turn():
            if self._user_lock is None:
                self._user_lock = self._lock("users.lock", fcntl.LOCK_SH)
            try:
                self._start_servers()
            except BaseException:
                self._leave()
                raise

    def stop(self) -> bool:
        """Stop the servers, unless another process still uses them; return whether they are down."""
        if self._user_lock is None:
            return True
        with self._turn():
            return self._leave()

    def revive(self) -> list[str]:
        """Start again whatever has ended by itself; return the names of those servers."""
        dead = [s for s in self._servers if not s.is_supervised() and s.pid() is None]
        if dead:
            with self._turn():
                self._start_servers()
        return [server.name for server in dead]

    def halt(self) -> bool:
        """Stop the servers whoever uses them; return whether there was anything to stop."""
        if not self.run_dir.is_dir():
            return False
        with self._turn():
            was_running = self.supervisor.pid() or any(server.pid() for server in self._servers)
            self._stop_servers()
        return bool(was_running)

    def _start_servers(self) -> None:
        for server in self._servers:
            server.begin()
        for server in self._servers:
            server.await_ready()

    def _leave(self) -> bool:
        if self._user_lock is not None:
            os.close(self._user_lock)
            self._user_lock = None
        try:
            only_user = self._lock("users.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._stop_servers()
        os.close(only_user)
        return True

    def pids(self) -> dict[str, int | None]:
        """Return the process of each server, by name."""
        return {server.name: server.pid() for server in self._servers}

    def _stop_servers(self) -> None:
        # First: it would start again what is stopped here.
        self.supervisor.stop()
        for server in self._servers:
            server.terminate()
        for server in self._servers:
            server.await_end()
        if self._sockets != self.run_dir:
            with contextlib.suppress(OSError):
                self._sockets.rmdir()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Let one process at a time start or stop the servers of a run directory."""
        descriptor = self._lock("turn.lock", fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(descriptor)

    def _lock(self, name: str, kind: int) -> int:
        # flock, and no package: shared locks of filelock are SQLite transactions
        descriptor = os.open(self.run_dir / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, kind)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


@contextlib.contextmanager
def ensure_stack_env(run_dir: Path = RUN_DIR) -> Iterator[dict[str, str]]:
    """Yield the settings of the private servers, running for at least as long as the block.

    Those of a running `make run` are used; otherwise they are started here and stopped after.
    A server that the environment names (DRUMEE_DB, DRUMEE_REDIS) is external and left out.
    """
    kinds = private_kinds(os.environ)
    if not kinds:
        yield {}
        return
    with Stack(run_dir, kinds=kinds) as stack:
        yield stack.env()
