"""`make up` and `make down`: the service in the background."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

from service import WORK_DIR
from service.errors import CommandError
from service.local.directories import RUN_DIR, make_private
from service.local.health import health
from service.local.messages import display_path, say, typed, welcome
from service.local.processes import eventually, tail
from service.local.running import holder, running_service, service_url
from service.local.service_process import SERVICE, STOP_SECONDS, stop_leftover_service
from service.local.stack import Stack
from service.local.whole_file import is_full
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

LOG = RUN_DIR / "run.log"
UP_SECONDS = 180.0
"""How long a start may take: its servers, the deploy, the demo data, the service."""
SETTLE_SECONDS = 60.0
"""How long one that is just starting, or ending, may take to say so."""


def up() -> int:
    """Do what `run` does, in the background; return when it serves."""
    try:
        wanted = service_url(Settings.from_env())
        make_private(RUN_DIR)
        return _confirm_up(wanted) if holder() else _start_in_background()
    except CommandError as exc:
        say(str(exc))
        return 2


def _confirm_up(wanted: str) -> int:
    """Say where it is up, and how it is; 1 when that is not what was asked for."""
    # It may be a moment from serving, or from ending.
    eventually(lambda: running_service() or not holder(), SETTLE_SECONDS)
    state = running_service()
    if state is None:
        say("The one that was running has just ended. Try again.")
        return 2
    say(f"It is already up on {state.url} (process {state.pid}).")
    if state.url != wanted:
        say(f"To have it on {wanted} instead, `{typed('down')}` first.")
        return 1
    status = health(state.url)
    if status != "ok":
        say(f"But it is not well ({status}): see {state.url}/-/health and {display_path(LOG)}.")
        return 1
    return 0


def _start_in_background() -> int:
    if LOG.exists():
        LOG.replace(LOG.with_suffix(".log.1"))
    process = _background([*SERVICE, "run"])
    try:
        eventually(lambda: running_service() or process.poll() is not None, UP_SECONDS)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        say(f"Interrupted; nothing is left running. `{typed('up')}` starts it again.")
        return 2
    state = running_service()
    if state is None:
        process.terminate()
        process.wait()
        if is_full(RUN_DIR):
            say(f"It did not come up: the disk of {display_path(RUN_DIR)} is full.")
            return 2
        say(f"It did not come up. The end of {display_path(LOG)}:\n\n{tail(LOG, 30)}")
        return 2
    say(f"{welcome(state)}\n\nLog: {display_path(LOG)}. `{typed('down')}` stops it.")
    return 0


def _background(command: Sequence[str]) -> subprocess.Popen[bytes]:
    with LOG.open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=WORK_DIR,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def down() -> int:
    """Stop what `run` or `up` started, and whatever a killed one left; return when it is gone."""
    try:
        return _down()
    except CommandError as exc:
        say(str(exc))
        return 2


def _down() -> int:
    if not RUN_DIR.is_dir():
        say("Nothing is running.")
        return 0
    make_private(RUN_DIR)
    stopped = [_stop_holder(), stop_leftover_service(), Stack(RUN_DIR).halt()]
    say("Stopped." if any(stopped) else "Nothing is running.")
    return 0


def _stop_holder() -> bool:
    pid = holder()
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    # It needs the time its service and its two servers may take, one after the other.
    if not eventually(lambda: holder() is None, 3 * STOP_SECONDS):
        os.kill(pid, signal.SIGKILL)
    return True
