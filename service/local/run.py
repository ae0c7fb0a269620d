"""`make run`: the service together with the servers it needs, in the foreground."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

from service import WORK_DIR
from service.errors import CommandError
from service.frontend.build import read_build
from service.local.directories import RUN_DIR
from service.local.health import health
from service.local.messages import say, typed, welcome
from service.local.processes import eventually
from service.local.running import RunError, RunningService, claim, publish, service_url
from service.local.servers import MariaDB, private_kinds
from service.local.service_process import SERVICE, STOP_SECONDS, SupervisedService, stop_leftover_service
from service.local.stack import Stack
from service.local.supervisor import FAILED, GIVEN_UP
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

    from service.local.servers import PrivateServer

HEALTH_SECONDS = 60.0
DEGRADED_SECONDS = 5.0
"""A service without its Redis works, only less: after this long it counts as up."""
PORT_SECONDS = 3.0
REVIVE_SECONDS = 1.0
"""How often `run` looks whether everything is still there."""


class _StopRequest(BaseException):
    """The user or a supervisor asks this process to end."""


class _Interrupts:
    """Turns the first signal into an exception; the later ones must not disturb the clean-up."""

    armed = False

    def __enter__(self) -> None:
        self.armed = True
        signal.signal(signal.SIGINT, self._receive)
        signal.signal(signal.SIGTERM, self._receive)
        # `nohup` has it ignored, and means it.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._receive)

    def __exit__(self, *_details: object) -> None:
        self.armed = False

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        if self.armed:
            self.armed = False
            raise _StopRequest


def run(environ: Mapping[str, str] | None = None) -> int:
    """Serve in the foreground until Ctrl-C or SIGTERM; return the exit status."""
    try:
        return _run(dict(os.environ if environ is None else environ))
    except CommandError as exc:
        say(str(exc))
        return 2
    except _StopRequest:
        say("Stopped.")
        return 0


def _run(environ: dict[str, str]) -> int:
    settings = Settings.from_env(environ)
    url = service_url(settings)
    if settings.frontend_dir:
        read_build(settings.frontend_dir)  # before the servers start
    if settings.webhooks:
        from service.webhooks.site import site_webhooks  # here: its imports take long

        site_webhooks(settings)
    # Left in reverse: first signals lose their effect, then the service stops, then its servers.
    with contextlib.ExitStack() as cleanup, _Interrupts():
        claim(cleanup)
        stop_leftover_service()
        _require_free_port(settings.host, settings.port)
        kinds = private_kinds(environ)
        stack = _start_servers(kinds, environ, cleanup)
        has_demo = _prepare(environ, has_own_database=MariaDB in kinds)
        service = SupervisedService(stack.supervisor, environ)
        cleanup.callback(service.end)
        service.begin()
        _await_health(service, url)
        state = RunningService(os.getpid(), url, has_demo, bool(settings.frontend_dir))
        publish(state)
        say(welcome(state) + "\n\nCtrl-C stops everything.")
        _attend(service, stack)
        say("The service ended by itself, and does not start again.")
        return 1


def _require_free_port(host: str, port: int) -> None:
    # Workers of a service that was killed need a moment to notice it and let go of the port.
    eventually(lambda: _bind(host, port) != errno.EADDRINUSE, PORT_SECONDS)
    problem = _bind(host, port)
    if problem == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else port - 1
        raise RunError(
            f"Port {port} is taken by another program. "
            f"Choose another port, for example: DRUMEE_PORT={other} {typed('run')}"
        )
    if problem:
        raise RunError(
            f"{host} port {port} cannot be used: {os.strerror(problem)}. Set DRUMEE_HOST and DRUMEE_PORT."
        )


def _bind(host: str, port: int) -> int:
    """Return the error number of listening there; 0 when that works."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            # A host name that is not known has a number of another kind.
            return exc.errno if exc.errno and exc.errno > 0 else errno.EADDRNOTAVAIL
    return 0


def _start_servers(
    kinds: Sequence[type[PrivateServer]], environ: dict[str, str], cleanup: contextlib.ExitStack
) -> Stack:
    """Bring up the servers that nobody else provides, and say in `environ` where they are."""
    stack = Stack(RUN_DIR, kinds=kinds, supervised=True)
    if kinds:
        say(f"Starting a private {' and '.join(kind.name for kind in kinds)} …")
    cleanup.callback(_stop_servers, stack)
    stack.start()
    environ.update(stack.env())
    return stack


def _prepare(environ: Mapping[str, str], has_own_database: bool) -> bool:
    """Bring up schema and demo data; return whether the demo people can sign in."""
    if has_own_database or environ.get("DRUMEE_DB_ADMIN"):
        # On a private server nobody calls yet what is about to be replaced, and any checkout may be tried.
        _command("deploy", environ, *(["--allow=unsafe,older"] if has_own_database else []))
    else:
        say("DRUMEE_DB is set without DRUMEE_DB_ADMIN: the schema is taken as it is.")
    if has_own_database:
        # Never into another database: everybody knows the password of the demo people.
        _command("demo", environ)
    return has_own_database


def _stop_servers(stack: Stack) -> None:
    if not stack.stop():
        say("MariaDB and Redis stay up: another command is still using them.")


def _command(name: str, environ: Mapping[str, str], *options: str) -> None:
    process = _spawn(name, environ, *options)
    try:
        code = process.wait()
    except BaseException:
        _stop_group(process)
        raise
    # 1: done, except for what the user has to decide; the service itself checks what it needs
    if code not in {0, 1}:
        raise RunError(f"`python -m service {name}` failed with exit code {code}, see above.")


def _spawn(name: str, environ: Mapping[str, str], *options: str) -> subprocess.Popen[bytes]:
    # A session of its own: the terminal's Ctrl-C reaches only us, and we stop things in order.
    return subprocess.Popen(
        [*SERVICE, name, *options],
        cwd=WORK_DIR,
        env=environ,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def _stop_group(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
        return
    say(f"It did not end within {STOP_SECONDS:.0f} seconds: killed.")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _attend(service: SupervisedService, stack: Stack) -> None:
    """Have everything that ends started again; return when the service cannot be."""
    pids = stack.pids()
    while True:
        state, pid = service.look(REVIVE_SECONDS)
        if state in GIVEN_UP:
            return
        if not state:
            say("supervisord had ended: started again.")
            stop_leftover_service()
            stack.revive()
            service.begin()
        stack.revive()
        for name, now in {**stack.pids(), service.name: pid}.items():
            if now and now != pids.get(name, now):
                say(f"{name} had ended: started again.")
            pids[name] = now or pids.get(name)


def _await_health(service: SupervisedService, url: str) -> None:
    started = time.monotonic()
    while (status := health(url)) != "ok":
        waited = time.monotonic() - started
        state, _ = service.look(0.05)
        if state in FAILED:
            raise RunError("The service ended while starting, see above.")
        if status == "degraded" and waited > DEGRADED_SECONDS:
            say(f"Serving, but not everything works: see {url}/-/health")
            return
        if waited > HEALTH_SECONDS:
            raise RunError(f"The service is not well after {HEALTH_SECONDS:.0f} s: {status}.")
