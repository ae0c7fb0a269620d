"""`make run`, `make up` and `make down`: the service together with the servers it needs."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from service.install import find_program
from service.settings import Settings, SettingsError, database_servers
from service.stack import (
    ROOT,
    RUN_DIR,
    MariaDB,
    Stack,
    StackError,
    ensure_stack_env,
    eventually,
    make_private,
    private_kinds,
    read_pid,
    tail,
    works_in,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    from service.settings import Server
    from service.stack import Server as PrivateServer

LOCK = RUN_DIR / "run.lock"
STATE = RUN_DIR / "run.json"
LOG = RUN_DIR / "run.log"
SERVICE_PID = RUN_DIR / "service.pid"
HEALTH_SECONDS = 60.0
# A service without its Redis works, only less: after this long it counts as up.
DEGRADED_SECONDS = 5.0
# Longer than the service's own limit for requests in flight.
STOP_SECONDS = 45.0
PORT_SECONDS = 3.0
# How often `run` looks whether its private servers are still there.
REVIVE_SECONDS = 1.0
LOCK_SECONDS = 0.5

PEOPLE = (
    "alice@example.org",
    "bob@example.net",
    "carol@example.com",
    "dave@acme.test",
    "erin@acme.test",
)
PASSWORD = "demo-password"  # noqa: S105 - of demo people, in a private database
COOKIES = RUN_DIR / "alice.cookies"
LOGIN = {"vars": {"ident": PEOPLE[0], "password": PASSWORD}}
ADA = {
    "firstname": "Ada",
    "lastname": "Lovelace",
    "email": [{"email": "ada@example.org", "is_default": 1}],
}


class RunError(Exception):
    """The service cannot run; the text says why and what to do."""


class State(NamedTuple):
    """What a running `run` tells the others."""

    pid: int
    url: str
    has_demo: bool


class _StopRequest(BaseException):
    """A person or a supervisor asked us to end."""


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


# --- run ---------------------------------------------------------------------------------------


def run(environ: Mapping[str, str] | None = None) -> int:
    """Serve in the foreground until Ctrl-C or SIGTERM; the exit code."""
    try:
        return _run(dict(os.environ if environ is None else environ))
    except (RunError, StackError, SettingsError) as error:
        _say(str(error))
        return 2
    except _StopRequest:
        _say("Stopped.")
        return 0


def _run(environ: dict[str, str]) -> int:
    settings = Settings.from_env(environ)
    url = _url(settings)
    # Left in reverse: first signals lose their effect, then the service stops, then its servers.
    with contextlib.ExitStack() as cleanup, _Interrupts():
        _claim(cleanup)
        _stop_leftover_service()
        _require_free_port(settings.host, settings.port)
        kinds = private_kinds(environ)
        stack = _start_servers(kinds, environ, cleanup)
        has_demo = _prepare(environ, has_own_database=MariaDB in kinds)
        service = _start_service(environ, cleanup)
        _await_health(service, url)
        state = State(os.getpid(), url, has_demo)
        _publish(state)
        _say(_welcome(state) + "\n\nCtrl-C stops everything.")
        code = _attend(service, stack)
        _say(f"The service ended by itself, with exit code {code}.")
        return code if code > 0 else 1


def _claim(cleanup: contextlib.ExitStack) -> None:
    """Be the only `run` of this directory, for as long as this process lives."""
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


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _url(settings: Settings) -> str:
    """Where this machine reaches the service."""
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - no bind
    host = everywhere.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _require_free_port(host: str, port: int) -> None:
    # Workers of a service that was killed need a moment to notice it and let go of the port.
    eventually(lambda: _bind(host, port) != errno.EADDRINUSE, PORT_SECONDS)
    problem = _bind(host, port)
    if problem == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else port - 1
        raise RunError(
            f"Port {port} is taken by another program. "
            f"Choose another port, for example: DRUMEE_PORT={other} make run"
        )
    if problem:
        raise RunError(
            f"{host} port {port} cannot be used: {os.strerror(problem)}. Set DRUMEE_HOST and DRUMEE_PORT."
        )


def _bind(host: str, port: int) -> int:
    """The error number of listening there; 0 when that works."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            # A host name that is not known has a number of another kind.
            return error.errno if error.errno and error.errno > 0 else errno.EADDRNOTAVAIL
    return 0


def _start_servers(
    kinds: Sequence[type[PrivateServer]], environ: dict[str, str], cleanup: contextlib.ExitStack
) -> Stack:
    """Bring up the servers that nobody else provides, and say in `environ` where they are."""
    stack = Stack(RUN_DIR, kinds=kinds)
    if kinds:
        _say(f"Starting a private {' and '.join(kind.name for kind in kinds)} …")
        cleanup.callback(_stop_servers, stack)
        stack.start()
        environ.update(stack.env())
    return stack


def _prepare(environ: Mapping[str, str], has_own_database: bool) -> bool:
    """Bring up schema and demo data; whether the demo people can sign in."""
    if has_own_database or environ.get("DRUMEE_DB_ADMIN"):
        # on a private server nobody calls yet what is about to be replaced
        _command("deploy", environ, *(["--allow=unsafe"] if has_own_database else []))
    else:
        _say("DRUMEE_DB is set without DRUMEE_DB_ADMIN: the schema is taken as it is.")
    if has_own_database:
        # Never into somebody's database: everybody knows the password of the demo people.
        _command("demo", environ)
    return has_own_database


def _stop_servers(stack: Stack) -> None:
    if not stack.stop():
        _say("MariaDB and Redis stay up: another command is still using them.")


def _command(name: str, environ: Mapping[str, str], *options: str) -> None:
    process = _spawn(name, environ, *options)
    try:
        code = process.wait()
    except BaseException:
        _stop_group(process)
        raise
    # 1: done, except for what somebody has to decide; the service itself checks what it needs
    if code not in {0, 1}:
        raise RunError(f"`python -m service {name}` failed with exit code {code}, see above.")


def _start_service(environ: Mapping[str, str], cleanup: contextlib.ExitStack) -> subprocess.Popen[bytes]:
    service = _spawn("serve", environ)
    cleanup.callback(_end_service, service)
    SERVICE_PID.write_text(f"{service.pid}\n")
    return service


def _spawn(name: str, environ: Mapping[str, str], *options: str) -> subprocess.Popen[bytes]:
    # A session of its own: the terminal's Ctrl-C reaches only us, and we stop things in order.
    return subprocess.Popen(
        [sys.executable, "-m", "service", name, *options],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end_service(service: subprocess.Popen[bytes]) -> None:
    _say("Stopping …")
    _stop_group(service)
    SERVICE_PID.unlink(missing_ok=True)


def _stop_group(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
        return
    _say(f"It did not end within {STOP_SECONDS:.0f} seconds: killed.")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _stop_leftover_service() -> bool:
    """End a service whose `run` was killed; whether there was one."""
    pid = read_pid(SERVICE_PID)
    if not pid or not works_in(pid, ROOT, ("service", "gunicorn")):
        return False
    _say(f"Stopping process {pid}, left over from a run that was killed …")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not eventually(lambda: not works_in(pid, ROOT, ("service", "gunicorn")), STOP_SECONDS):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    SERVICE_PID.unlink(missing_ok=True)
    return True


def _attend(service: subprocess.Popen[bytes], stack: Stack) -> int:
    """The exit code of the service; until then a private server that ends is started again."""
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return service.wait(REVIVE_SECONDS)
        for name in stack.revive():
            _say(f"{name} had ended: started again.")


# --- health ------------------------------------------------------------------------------------


def _await_health(service: subprocess.Popen[bytes], url: str) -> None:
    started = time.monotonic()
    while (status := _health(url)) != "ok":
        waited = time.monotonic() - started
        if service.poll() is not None:
            raise RunError(f"The service ended while starting, with exit code {service.poll()}.")
        if status == "degraded" and waited > DEGRADED_SECONDS:
            _say(f"Serving, but not everything works: see {url}/-/health")
            return
        if waited > HEALTH_SECONDS:
            raise RunError(f"The service is not well after {HEALTH_SECONDS:.0f} s: {status}.")
        time.sleep(0.05)


def _health(url: str) -> str:
    """What /-/health says. No urllib: a proxy in the environment has no business here."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/-/health")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return "no answer"
    finally:
        connection.close()
    return _status(answer.status, body)


def _status(code: int, body: bytes) -> str:
    try:
        status = json.loads(body)["status"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {code}"
    return str(status) if code == 200 else f"HTTP {code}, {status}"


# --- what people read --------------------------------------------------------------------------


def _say(text: str) -> None:
    # The terminal may be gone (SIGHUP): that must not keep us from stopping the servers.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def _welcome(state: State) -> str:
    title = f"\nServing on {state.url}"
    return f"{title}\n\n{_invitation(state.url)}" if state.has_demo else title


def _invitation(url: str) -> str:
    return "\n".join(
        (
            f"Sign in as {', '.join(PEOPLE)}",
            f"with the password {PASSWORD}. For example, here, in another terminal:",
            "",
            "  " + _curl("-c", url, "yp.login", LOGIN),
            "  " + _curl("-b", url, "contact.add", ADA),
            "  " + _curl("-b", url, "contact.show_contact", {}),
        )
    )


def _curl(option: str, url: str, service: str, body: Mapping[str, object]) -> str:
    header = "-H 'Content-Type: application/json'"
    text = json.dumps(body, separators=(",", ":"))
    jar = shlex.quote(_shown(COOKIES))
    return f"curl -sS {option} {jar} {header} -d '{text}' {url}/-/svc/{service}"


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _already_up() -> str:
    state = _state()
    where = f" on {state.url}" if state else ", still starting"
    return f"It is already up{where} (process {_holder()}). `make down` stops it."


# --- up and down -------------------------------------------------------------------------------


def up() -> int:
    """Do what `run` does, in the background; return when it serves."""
    try:
        wanted = _url(Settings.from_env())
        make_private(RUN_DIR)
        return _confirm_up(wanted) if _holder() else _start_in_background()
    except (StackError, SettingsError) as error:
        _say(str(error))
        return 2


def _confirm_up(wanted: str) -> int:
    """Say where it is up, and how it is; 1 when that is not what was asked for."""
    # It may be a moment from serving, or from ending.
    eventually(lambda: _state() or not _holder(), HEALTH_SECONDS)
    state = _state()
    if state is None:
        _say("The one that was running has just ended. Try again.")
        return 2
    _say(f"It is already up on {state.url} (process {state.pid}).")
    if state.url != wanted:
        _say(f"To have it on {wanted} instead, `make down` first.")
        return 1
    health = _health(state.url)
    if health != "ok":
        _say(f"But it is not well ({health}): see {state.url}/-/health and {_shown(LOG)}.")
        return 1
    return 0


def running_url() -> str | None:
    """Where the service of this checkout serves, if `run` or `up` started one."""
    state = _state()
    return state.url if state else None


def _start_in_background() -> int:
    if LOG.exists():
        LOG.replace(LOG.with_suffix(".log.1"))
    process = _background([sys.executable, "-u", "-m", "service", "run"])
    try:
        eventually(lambda: _state() or process.poll() is not None, 3 * HEALTH_SECONDS)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        return 130
    state = _state()
    if state is None:
        process.terminate()
        process.wait()
        _say(f"It did not come up. The end of {_shown(LOG)}:\n\n{tail(LOG, 30)}")
        return 2
    _say(f"{_welcome(state)}\n\nLog: {_shown(LOG)}. `make down` stops it.")
    return 0


def _background(command: Sequence[str]) -> subprocess.Popen[bytes]:
    with LOG.open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def down() -> int:
    """Stop what `run` or `up` started, and whatever a killed one left; return when it is gone."""
    try:
        return _down()
    except StackError as error:
        _say(str(error))
        return 2


def _down() -> int:
    if not RUN_DIR.is_dir():
        _say("Nothing is running.")
        return 0
    make_private(RUN_DIR)
    found = [_stop_holder(), _stop_leftover_service(), Stack(RUN_DIR).halt()]
    _say("Stopped." if any(found) else "Nothing is running.")
    return 0


def _stop_holder() -> bool:
    pid = _holder()
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    # It needs the time its service and its two servers may take, one after the other.
    if not eventually(lambda: _holder() is None, 3 * STOP_SECONDS):
        os.kill(pid, signal.SIGKILL)
    return True


def _holder() -> int | None:
    """The process that is running `run` here. The lock is the truth: it dies with its owner."""
    try:
        descriptor = os.open(LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if _try_lock(descriptor, fcntl.LOCK_SH) else read_pid(LOCK)
    finally:
        os.close(descriptor)


def _publish(state: State) -> None:
    draft = STATE.with_suffix(".new")
    draft.write_text(json.dumps(state._asdict()))
    draft.replace(STATE)


def _state() -> State | None:
    """What the running one says of itself once it serves."""
    try:
        state = State(**json.loads(STATE.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    # One that was killed leaves its file behind.
    return state if state.pid == _holder() else None


# --- shell -------------------------------------------------------------------------------------


def shell() -> int:
    """The mariadb client, as administrator, on the database that the commands work with."""
    with ensure_stack_env() as private:
        settings = Settings.from_env({**os.environ, **private})
        server = database_servers(settings.db_admin or settings.db)[0]
        # Not as an option: everybody on the machine can read those.
        environ = {**os.environ, "MYSQL_PWD": server.password}
        # Ctrl-C is the client's, to end a query. A handler, because a child inherits "ignore".
        signal.signal(signal.SIGINT, lambda *_: None)
        return subprocess.run(_client(server, _registry(settings)), env=environ, check=False).returncode


def _registry(settings: Settings) -> list[str]:
    """Start in the registry, where CALL help('…') works, unless nothing is deployed yet."""
    from service.deploy.connection import Connection, DeployError

    try:
        found = Connection(settings).rows("SHOW DATABASES LIKE 'yp'")
    except DeployError:
        return []  # the client says it better
    return ["--database=yp"] if found else []


def _client(server: Server, options: Sequence[str]) -> list[str]:
    program = find_program("mariadb")
    if program is None:
        raise StackError("The mariadb client is not installed on this machine.")
    place = (
        [f"--socket={server.unix_socket}"]
        if server.unix_socket
        else [f"--host={server.host}", f"--port={server.port}"]
    )
    charset = "--default-character-set=utf8mb4"
    # --comments: a routine that is pasted keeps its comments
    return [program, "--no-defaults", "--comments", charset, *place, f"--user={server.user}", *options]
