"""Say who holds a lock while a statement of a command waits for it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pymysql

from service.errors import CommandError
from service.store.blockers import LONGEST_TEXT, holder_of_lock, waiting_thread

if TYPE_CHECKING:
    import subprocess

    from service.store.admin import Connection

WAIT_SECONDS = 2.0
"""Seconds of a statement after which somebody looks whether it waits for a lock."""
LOOK_SECONDS = 0.25


@dataclass
class WatchedStatement:
    """A statement that runs, or is tried again and again; or a client program."""

    text: str
    beside: Callable[[], Connection]
    """Connect to the same server."""
    waiter: Callable[[Connection], int]
    """Return the thread of the server that may wait."""
    started: float
    next_look: float
    is_announced: bool = False
    limit: float = 0
    """Seconds that a program may wait; 0: it ends by itself."""
    process: subprocess.Popen[bytes] | None = None
    """The program, once it runs."""
    waits_since: float = 0
    ended_for: str = ""
    """Holder of the lock when the program was ended."""

    @property
    def is_of_interest(self) -> bool:
        """Return whether it can still be announced, or ended."""
        return not self.is_announced or bool(self.limit and not self.ended_for)

    def look(self) -> None:
        """Say who holds the lock, once; look again later when the statement waits for none."""
        now = time.monotonic()
        self.next_look = now + min((now - self.started) / 2, self.limit / 4 or now)
        try:
            with closing(self.beside()) as connection:
                holder = holder_of_lock(connection, self.waiter(connection))
        except (pymysql.err.MySQLError, OSError, CommandError):
            return  # the statement itself says what is wrong
        self.waits_since = (self.waits_since or now) if holder else 0
        if holder and self.limit and self.process and now - self.waits_since >= self.limit:
            self.ended_for = holder
            self.process.kill()  # the server ends a statement whose client is gone
        if holder and not self.is_announced:
            self.is_announced = True
            text = " ".join(self.text.split())[:LONGEST_TEXT]
            # The output of a command may be read by a program.
            sys.stderr.write(f"waiting for a lock: {text}: {holder}\n")


class LockWatch:
    """One thread beside all statements of the process: a statement costs it microseconds, no thread."""

    def __init__(self) -> None:
        self._running: dict[int, WatchedStatement] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, connection: Connection, statement: str) -> Iterator[None]:
        """Watch the statement that the block executes. A block within another one is part of it."""
        key = id(connection)
        if key in self._running:
            yield
            return
        with self._watching(key, statement, connection.beside, lambda _: connection.raw.thread_id()):
            yield

    @contextmanager
    def over_client(
        self, name: str, beside: Callable[[], Connection], limit: float = 0
    ) -> Iterator[WatchedStatement]:
        """Watch the statements of a dump by a program of this name, with the same account.

        It is ended when one waits longer than `limit` seconds, once `process` is set.
        """
        with self._watching(id(beside), name, beside, waiting_thread) as watched:
            watched.limit = limit
            yield watched

    @contextmanager
    def _watching(
        self, key: int, text: str, beside: Callable[[], Connection], waiter: Callable[[Connection], int]
    ) -> Iterator[WatchedStatement]:
        now = time.monotonic()
        with self._lock:
            watched = WatchedStatement(text, beside, waiter, now, now + WAIT_SECONDS)
            self._running[key] = watched
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="lock-watch", daemon=True)
                self._thread.start()
        try:
            yield watched
        finally:
            with self._lock:
                del self._running[key]

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            with self._lock:
                if not self._running:
                    self._thread = None
                    return
                now = time.monotonic()
                late = [r for r in self._running.values() if r.next_look < now and r.is_of_interest]
            for running in late:
                running.look()


WATCH = LockWatch()
