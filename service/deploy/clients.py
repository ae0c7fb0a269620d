"""Run MariaDB's client programs on a server: their output in pieces, or their input."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from service.deploy.backup_archive import PIECE_BYTES
from service.local.directories import StackError
from service.local.install import find_program
from service.settings import DatabaseServer
from service.store.admin import LOCK_WAIT_SECONDS, DeployError

DUMP = ("mariadb-dump", "mysqldump")
CLIENT = ("mariadb", "mysql")
BINARY_LOG = ("mariadb-binlog", "mysqlbinlog")
LOAD_OPTIONS = (
    "--no-defaults",
    "--comments",  # without it the client strips the comments of routines
    "--skip-reconnect",
    "--default-character-set=utf8mb4",
    "--max-allowed-packet=1G",
    # Its statements may take any time, but not wait that long for somebody else's lock.
    f"--init-command=SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}",
)


def output_of(
    server: DatabaseServer,
    names: Sequence[str],
    options: Sequence[str],
    begin: Callable[[subprocess.Popen[bytes]], None] = lambda _: None,
) -> Iterator[bytes]:
    """Return what a program writes, in pieces. Raise DeployError with its message when it fails.

    `begin` gets the process when it is started.
    """
    with _running(server, names, options, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        begin(process)
        while process.stdout and (piece := process.stdout.read(PIECE_BYTES)):
            yield piece


def load(server: DatabaseServer, pieces: Iterable[bytes], options: Sequence[str] = ()) -> None:
    """Let the client execute statements. Raise DeployError with its message when one fails."""
    with _running(
        server, CLIENT, (*LOAD_OPTIONS, *options), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        for piece in pieces:
            if process.stdin is None or process.poll() is not None:
                break
            # When the client has failed, its own message says more.
            with suppress(BrokenPipeError):
                process.stdin.write(piece)


def replay(server: DatabaseServer, log: Iterable[bytes]) -> None:
    """Let the client execute a binary log. Raise DeployError with its message when a statement fails."""
    program = find_program(*BINARY_LOG)
    if program is None:
        raise StackError(f"{BINARY_LOG[0]} is not installed on this machine")
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(
            [program, "--no-defaults", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages
        ) as decoder,
        _running(
            server, CLIENT, (*LOAD_OPTIONS, "--binary-mode"), stdin=decoder.stdout, stdout=subprocess.DEVNULL
        ),
    ):
        if decoder.stdout:
            decoder.stdout.close()  # it is the client's: when that ends, the decoder does
        with suppress(BrokenPipeError):
            for piece in log:
                if decoder.stdin:
                    decoder.stdin.write(piece)
        if decoder.stdin:
            with suppress(BrokenPipeError):
                decoder.stdin.close()
        if decoder.wait() > 0:
            messages.seek(0)
            raise DeployError(f"{BINARY_LOG[0]} failed: {messages.read().decode(errors='replace').strip()}")


@contextmanager
def _running(
    server: DatabaseServer,
    names: Sequence[str],
    options: Sequence[str],
    stdin: int | IO[bytes] | None,
    stdout: int,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program; wait for it at the end of the block, and end it when the block fails."""
    with tempfile.TemporaryFile() as messages:
        process = _start(server, names, options, (stdin, stdout, messages))
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            for stream in (process.stdin, process.stdout):
                if stream:
                    with suppress(BrokenPipeError):
                        stream.close()
            process.wait()
        if process.returncode:
            messages.seek(0)
            text = _complaint(messages.read().decode(errors="replace"))
            raise DeployError(f"{names[0]} failed: {text or f'status {process.returncode}'}")


def _complaint(text: str) -> str:
    """Return the errors without the statement that the client repeats, which may have anybody's data."""
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    return "\n".join(errors) or text.strip()


def _start(
    server: DatabaseServer,
    names: Sequence[str],
    options: Sequence[str],
    streams: tuple[int | IO[bytes] | None, int, IO[bytes]],
) -> subprocess.Popen[bytes]:
    program = find_program(*names)
    if program is None:
        raise StackError(f"{names[0]} is not installed on this machine")
    first, *others = options
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        [program, first, *server.client_options, *others],
        # Not as an option: every user of the machine can read those.
        env={**os.environ, "MYSQL_PWD": server.password},
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
    )
