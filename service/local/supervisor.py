"""supervisord for the processes of `make run`: starts them, revives what dies, and stops them in order.

One supervisord a run directory, with a configuration made here. It belongs to nobody in particular: whoever
needs a process adds it, and whoever leaves last stops all of it.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import sys
import xmlrpc.client
from collections.abc import Mapping, Sequence
from configparser import RawConfigParser
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from service.errors import CommandError
from service.local.processes import eventually, read_pid, spawn, tail, works_in

LAUNCH = Path(__file__).with_name("launch.py")
SOCKET = "sv.sock"
START_SECONDS = 10
"""A program that ends earlier has failed to start; the pauses between attempts grow."""
READY_SECONDS = 30.0
STOP_SECONDS = 120.0
"""A service with requests in flight, then MariaDB with much to write."""
LOG_SIZE = "8MB"
GIVEN_UP = {"FATAL", "UNKNOWN"}
"""States in which supervisord tries no more."""
FAILED = {"BACKOFF", "EXITED", *GIVEN_UP}
ALREADY_ADDED, ALREADY_STARTED = 90, 60


class SupervisorError(CommandError):
    """The processes cannot be supervised; the text says why."""


@dataclass(frozen=True)
class SupervisedProgram:
    """A process as supervisord keeps it."""

    name: str
    command: Sequence[str]
    directory: Path
    log_file: Path
    turn: int
    """Lower ones start first and stop last."""
    stop_seconds: float
    """After so long it is killed."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Added to that of supervisord."""
    restarts: bool = True
    """Whether it is started again when it ends by itself."""

    @property
    def spec(self) -> dict[str, Any]:
        """The program as launch.py reads it."""
        return {
            "command": self.command,
            "directory": str(self.directory),
            "environ": dict(self.environ),
            "log": str(self.log_file),
        }

    def section(self, spec: str) -> dict[str, str]:
        """Return the options of its section; `spec`: the file that describes it to launch.py."""
        return {
            "command": shlex.join([sys.executable, "-IS", str(LAUNCH), spec]),
            "priority": str(self.turn),
            "autostart": "false",
            "autorestart": str(self.restarts).lower(),
            # one that ends earlier is started again in any case
            "startsecs": str(START_SECONDS if self.restarts else 0),
            "startretries": "20",
            "stopwaitsecs": str(round(self.stop_seconds)),
            "killasgroup": "true",
            "stdout_logfile": "NONE",
            "stderr_logfile": "NONE",
            "umask": "077",
        }


class Supervisor:
    """The supervisord of a run directory."""

    def __init__(self, run_dir: Path, sockets: Path) -> None:
        self._place = run_dir
        self._socket = sockets / SOCKET
        self._config = run_dir / "supervisord.conf"
        self._pid_file = run_dir / "supervisord.pid"
        self._log = run_dir / "supervisord.log"
        self._programs: dict[str, SupervisedProgram] = {}

    def is_alive(self) -> bool:
        """Whether it runs and answers."""
        if self.pid() is None:
            return False
        with suppress(OSError, HTTPException, xmlrpc.client.Error):
            return bool(self._call("getState")["statename"] == "RUNNING")
        return False

    def pid(self) -> int | None:
        """Its process."""
        pid = read_pid(self._pid_file)
        return pid if pid and works_in(pid, self._place) else None

    def declare(self, program: SupervisedProgram) -> None:
        """Add a program to the configuration that the next start writes."""
        self._programs[program.name] = program

    def start(self, program: SupervisedProgram) -> None:
        """Have a program run, under a supervisord that is started if need be."""
        self.declare(program)
        self._write_config()
        if not self.is_alive():
            self._begin()
        self._call("reloadConfig")
        self._try("addProcessGroup", program.name, tolerate=ALREADY_ADDED)
        # not waited for: who needs it knows better when it is ready
        self._try("startProcess", program.name, False, tolerate=ALREADY_STARTED)

    def remove(self, name: str) -> bool:
        """Stop a program for good; whether it was there."""
        self._programs.pop(name, None)
        if not self.is_alive() or self.state(name) is None:
            return False
        with suppress(xmlrpc.client.Fault):
            self._call("stopProcess", name)
        with suppress(xmlrpc.client.Fault):
            self._call("removeProcessGroup", name)
        return True

    def state(self, name: str) -> dict[str, Any] | None:
        """`statename` and `pid` of a program; None when there is none of that name."""
        try:
            state: dict[str, Any] = self._call("getProcessInfo", name)
        except (OSError, HTTPException, xmlrpc.client.Error):
            return None
        return state

    def stop(self) -> bool:
        """Stop it with all programs, in order; whether there was anything to stop."""
        pid = self.pid()
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not eventually(lambda: self.pid() is None, STOP_SECONDS):
            raise SupervisorError(f"supervisord cannot be stopped: process {pid}. See {self._log}")
        specs = (self._place / f"{name}.json" for name in self._programs)
        for path in (self._pid_file, self._socket, self._config, *specs):
            path.unlink(missing_ok=True)
        return True

    def _begin(self) -> None:
        self._socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", self._config.name]
        # settings of ours come with each program: one that outlives its `run` has the next one's
        environ = {name: text for name, text in os.environ.items() if not name.startswith("DRUMEE_")}
        # its errors go nowhere: it ends when it cannot write one to a full disk
        process = spawn(command, self._place, Path(os.devnull), environ)
        if not eventually(lambda: self.is_alive() or process.poll() is not None, READY_SECONDS):
            process.kill()
        if not self.is_alive():
            raise SupervisorError(f"supervisord does not start. The end of {self._log}:\n{tail(self._log)}")

    def _write_config(self) -> None:
        config = RawConfigParser(delimiters=("=",))
        config.optionxform = str  # type: ignore[assignment,method-assign]
        # relative to the run directory, whose path may hold what the format cannot
        config["supervisord"] = {
            "nodaemon": "true",
            "silent": "true",
            "logfile": self._log.name,
            "logfile_maxbytes": LOG_SIZE,
            "logfile_backups": "1",
            "pidfile": self._pid_file.name,
            "umask": "077",
        }
        if os.geteuid() == 0:
            config["supervisord"]["user"] = "root"
        config["unix_http_server"] = {"file": os.path.relpath(self._socket, self._place), "chmod": "0700"}
        config["rpcinterface:supervisor"] = {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        }
        for program in self._programs.values():
            spec = self._place / f"{program.name}.json"
            _write_private(spec, json.dumps(program.spec))
            config[f"program:{program.name}"] = program.section(spec.name)
        text = io.StringIO()
        config.write(text)
        _write_private(self._config, text.getvalue())

    def _try(self, method: str, *args: object, tolerate: int) -> None:
        try:
            self._call(method, *args)
        except xmlrpc.client.Fault as exc:
            if exc.faultCode != tolerate:
                raise SupervisorError(f"supervisord: {method} {args[0]}: {exc.faultString}") from exc

    def _call(self, method: str, *args: object) -> Any:
        # a connection each: one that idled may be gone
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        return getattr(proxy.supervisor, method)(*args)


def _write_private(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    # settings hold passwords
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
