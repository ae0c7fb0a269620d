"""The one `run` of a run directory: its lock, and what it says of itself."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import NamedTuple

from service.errors import CommandError
from service.local.directories import RUN_DIR, make_private
from service.local.messages import typed
from service.local.processes import eventually, read_pid
from service.settings import Settings

LOCK = RUN_DIR / "run.lock"
STATE = RUN_DIR / "run.json"
LOCK_SECONDS = 0.5


class RunError(CommandError):
    """The service cannot run; the text says why and what to do."""


class RunningService(NamedTuple):
    """The state of a running `run`, for other commands."""

    pid: int
    url: str
    has_demo: bool
    has_frontend: bool = False


def claim(cleanup: contextlib.ExitStack) -> None:
    """Be the only `run` of this directory for as long as this process lives; RunError when another is."""
    make_private(RUN_DIR)
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    cleanup.callback(os.close, descriptor)
    # Those who look whether it is held hold it themselves, for no time at all.
    if not eventually(lambda: _try_lock(descriptor, fcntl.LOCK_EX), LOCK_SECONDS):
        raise RunError(_already_up())
    STATE.unlink(missing_ok=True)
    os.truncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    cleanup.callback(STATE.unlink, missing_ok=True)


# flock itself, and not filelock: a look at the lock takes it shared, which filelock does through SQLite.
def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _already_up() -> str:
    state = running_service()
    where = f" on {state.url}" if state else ", still starting"
    return f"It is already up{where} (process {holder()}). `{typed('down')}` stops it."


def holder() -> int | None:
    """Return the process that is running `run` here. The lock is the truth: it dies with its owner."""
    try:
        descriptor = os.open(LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if _try_lock(descriptor, fcntl.LOCK_SH) else read_pid(LOCK)
    finally:
        os.close(descriptor)


def publish(state: RunningService) -> None:
    """Let other commands read where the service is."""
    draft = STATE.with_suffix(".new")
    draft.write_text(json.dumps(state._asdict()))
    draft.replace(STATE)


def running_service() -> RunningService | None:
    """Return what the running one has published; None before it serves."""
    try:
        state = RunningService(**json.loads(STATE.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    # One that was killed leaves its file behind.
    return state if state.pid == holder() else None


def running_url() -> str | None:
    """Return where the service of this checkout serves, if `run` or `up` started one."""
    state = running_service()
    return state.url if state else None


def service_url(settings: Settings) -> str:
    """Return the URL at which this machine reaches the service."""
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - no bind
    host = everywhere.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
