"""Put in place what `make run` and `make test` need: MariaDB, Redis and `.venv`.

Runs with the system's python3, isolated (`python3 -I service/local/install.py`) and before `.venv`
exists: hence the standard library only, and no syntax that an older Python cannot even read,
because it has to tell that Python's owner what to do.

Our own: no library installs packages of the distribution without starting its servers, and pip or uv cannot
be there before they are installed.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / ".ready"
LOCK = "requirements/develop.txt"
"""Every package with its version and the hashes of its files; `make lock` writes it."""
OLDEST = (3, 11)
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
SERVER_DIRS = (
    "/usr/sbin",
    "/usr/libexec",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/opt/mariadb/bin",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/mariadb/bin",
)
"""Distributions keep servers outside an ordinary user's PATH."""
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = """\
#!/bin/sh
# Written by Drumee's service/local/install.py for the length of one package installation, so that
# the distribution does not start servers nobody asked for. Safe to delete.
exit 101
"""
APT = ("apt-get", "-o", "DPkg::Lock::Timeout=300")
"""Waits for the package manager that may be at work on a machine that has just booted."""
APT_TURN = threading.Lock()
"""apt-get does not wait for another one that reads the lists of packages."""
APT_ENVIRONMENT = ("DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1")


class Program(NamedTuple):
    """A program we run, under any of its names, and the package that brings it."""

    names: tuple[str, ...]
    apt: str
    dnf: str
    brew: str
    external: str = ""
    """With this variable set, another server does the work and a private one is not needed."""


MARIADB = ("mariadb-server", "mariadb-server", "mariadb", "DRUMEE_DB")
SERVERS = (
    Program(("mariadbd", "mysqld"), *MARIADB),
    Program(("mariadb-install-db",), *MARIADB),
    Program(("mariadb",), *MARIADB),
    Program(("redis-server", "valkey-server"), "redis-server", "valkey", "redis", "DRUMEE_REDIS"),
)
WRK = Program(("wrk",), "wrk", "wrk", "wrk")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
EXTRAS = {
    "bench": (WRK,),
    "test": (WRK,),
    "chaos": (Program(("faketime",), "faketime", "libfaketime", "libfaketime"),),
    "cluster": (
        Program(("haproxy",), "haproxy", "haproxy", "haproxy"),
        Program(("mariadb-backup", "mariabackup"), "mariadb-backup", "mariadb-backup", ""),
        # what wsrep_sst_mariabackup sends the state with
        Program(("socat",), "socat", "socat", "socat"),
    ),
    # for deploys that change big tables, and their tests
    "online": (
        Program(("pt-online-schema-change",), "percona-toolkit", "percona-toolkit", "percona-toolkit"),
    ),
    # Big, and not available everywhere: the tests run without it, and name those that did not.
    "browser": (Program(BROWSERS, "chromium", "chromium", "chromium"),),
}


class InstallError(Exception):
    """The user has to do something first; the text says what."""


def main(arguments: Sequence[str]) -> int:
    """Install what is missing; return the exit status: 2 when the user has to do something first."""
    if sys.version_info < OLDEST:
        return _hand_over(arguments)
    parser = argparse.ArgumentParser(description="Install what the project needs.")
    parser.add_argument("--check", action="store_true", help="Install nothing; fail when .venv is not ready.")
    parser.add_argument("--with", dest="extras", action="append", default=[], choices=EXTRAS)
    # A plain death by signal would leave the temporary policy-rc.d behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    wishes = parser.parse_args(arguments)
    try:
        if wishes.check:
            check_venv()
        else:
            ensure_all(wanted_programs(wishes.extras))
    except (InstallError, OSError) as exc:
        print(f"\n{exc}\n", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _hand_over(arguments: Sequence[str]) -> int:
    newer = next(filter(_is_new_enough, map(shutil.which, NEWER_PYTHONS)), None)
    if newer:
        os.execv(newer, [newer, "-I", __file__, *arguments])  # noqa: S606
    print(too_old(), file=sys.stderr)
    return 2


def _is_new_enough(python: str | None) -> bool:
    if not python:
        return False
    # A version manager's stub exists on PATH for versions that are not there: ask, don't look.
    question = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    asked = subprocess.run([python, "-c", question], capture_output=True, check=False)
    return asked.returncode == 0


def too_old() -> str:
    """Return what the owner of a Python that is too old reads."""
    return f"""
This needs Python {".".join(map(str, OLDEST))} or newer; this one is {sys.version.split()[0]}.
Install a newer one, then run the same command again:
  Debian 12+, Ubuntu 24.04+:  {_sudo()}apt-get install python3 python3-venv
  Fedora:                     {_sudo()}dnf install python3
  macOS:                      brew install python
A Python in another place is named with PYTHON=, for example: make run PYTHON=python3.12
"""


def ensure_all(programs: Sequence[Program]) -> None:
    """Install the programs that are missing, and `.venv` meanwhile: each takes half a minute."""
    missing = _missing(programs)
    if missing:
        _require_way(missing)
    with ThreadPoolExecutor(1) as beside:
        installed = beside.submit(ensure_programs, programs)
        try:
            ensure_venv()
        finally:
            installed.result()


def find_program(*names: str) -> str | None:
    """Return the path of the first of these programs that is installed."""
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), *SERVER_DIRS])
    return next(filter(None, (shutil.which(name, path=places) for name in names)), None)


def wanted_programs(extras: Sequence[str]) -> list[Program]:
    """Return the programs that `make run` and these extras need."""
    # Tests never touch servers that are not theirs: they need private ones, whatever the settings name.
    everything = not {"test", "cluster"}.isdisjoint(extras)
    servers = [each for each in SERVERS if everything or not os.environ.get(each.external)]
    return list(dict.fromkeys([*servers, *(program for extra in extras for program in EXTRAS[extra])]))


def ensure_programs(programs: Sequence[Program]) -> None:
    """Install the programs that are missing; InstallError when that is up to the user."""
    missing = _missing(programs)
    if not missing:
        return
    _install(missing)
    missing = _missing(programs)
    if missing:
        raise InstallError(instructions(missing, "Their packages are installed, yet they are not there"))


def _missing(programs: Sequence[Program]) -> list[Program]:
    return [program for program in programs if not find_program(*program.names)]


def _install(missing: Sequence[Program]) -> None:
    _require_way(missing)
    with APT_TURN:
        _apt_install([program.apt for program in missing])


def _require_way(missing: Sequence[Program]) -> None:
    """Raise InstallError with what to type when these programs cannot be installed from here."""
    obstacle = _obstacle()
    if obstacle:
        raise InstallError(instructions(missing, obstacle))


def _obstacle() -> str | None:
    """Return why packages cannot be installed from here; None when they can."""
    if os.environ.get("DRUMEE_NO_INSTALL", "0") not in ("", "0"):
        return "Nothing was installed because DRUMEE_NO_INSTALL is set"
    if not shutil.which("apt-get"):
        return "Nothing was installed because this system has no apt-get"
    if _as_root() is None:
        return "Nothing was installed because that takes root, or a sudo that asks no password"
    return None


def _as_root() -> list[str] | None:
    """Return the words before a command that make root run it; None when there are none."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo", "-n"] if asked.returncode == 0 else None


def instructions(missing: Sequence[Program], obstacle: str) -> str:
    """Return what to type to install programs by hand, for each distribution."""
    names = ", ".join(program.names[0] for program in missing)
    rows = (
        ("Debian, Ubuntu", _sudo() + "apt-get install --no-install-recommends", "apt"),
        ("Fedora", _sudo() + "dnf install", "dnf"),
        ("macOS", "brew install", "brew"),
    )
    lines = [
        f"Not found on this machine: {names}.",
        f"{obstacle}. Install them, then run the same command again:",
    ]
    for system, command, manager in rows:
        packages = _unique(getattr(program, manager) for program in missing)
        if packages:
            lines.append(f"  {system + ':':<16} {command} {' '.join(packages)}")
    return "\n".join(lines)


def _sudo() -> str:
    return "" if os.geteuid() == 0 else "sudo "


def _unique(packages: Iterator[str]) -> list[str]:
    return [package for package in dict.fromkeys(packages) if package]


def _apt_install(packages: Sequence[str]) -> None:
    wanted = _unique(iter(packages))
    print(f"Installing from the distribution: {' '.join(wanted)} …", flush=True)
    with _services_held_back():
        _apt_install_retrying(wanted)
    _keep_out_of_boot(wanted)


def _apt_install_retrying(packages: list[str]) -> None:
    install = ["install", "--yes", "--quiet", "--no-install-recommends", *packages]
    if _apt(install).returncode == 0:
        return
    # Unknown packages and vanished versions both mean that the lists are missing or old.
    _apt(["update", "--quiet"])
    outcome = _apt(install)
    if outcome.returncode:
        raise InstallError(f"apt-get could not install {' '.join(packages)}:\n{_tail(outcome.stdout)}")


def _apt(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return _root_command("env", *APT_ENVIRONMENT, *APT, *arguments)


def _root_command(*command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*(_as_root() or []), *command],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@contextlib.contextmanager
def _services_held_back() -> Iterator[None]:
    """Forbid with policy-rc.d that Debian starts a server as it installs it."""
    if POLICY.exists() and POLICY.read_text(errors="replace") != POLICY_TEXT:
        yield
        return
    try:
        _root_command("tee", str(POLICY), text=POLICY_TEXT)
        _root_command("chmod", "755", str(POLICY))
        yield
    finally:
        _root_command("rm", "-f", str(POLICY))


def _keep_out_of_boot(packages: Sequence[str]) -> None:
    # Ours are private servers: those of the distribution would only idle from the next boot on.
    units = {"mariadb-server": "mariadb.service", "redis-server": "redis-server.service"}
    ours = [units[package] for package in packages if package in units]
    if ours and Path("/run/systemd/system").exists():
        _root_command("systemctl", "disable", *ours)


def _tail(output: str) -> str:
    return "\n".join(output.rstrip().splitlines()[-15:])


def ensure_venv() -> None:
    """Make `.venv`, or bring it to the state of pyproject.toml and its lock."""
    if not (ROOT / LOCK).exists():
        raise InstallError(f"{ROOT} is no checkout of the project: an installed program needs no .venv.")
    if _is_ready():
        return
    with _one_at_a_time():
        if not _is_ready():
            _make_ready()


def check_venv() -> None:
    """Raise InstallError when `.venv` is missing, or was made for other requirements; change nothing."""
    if not _is_ready():
        raise InstallError(
            f"{VENV} is missing, or does not fit pyproject.toml and {LOCK}. This command installs nothing: "
            "`make ready` does, and so do `make run`, `make up` and `make test`."
        )


def _is_ready() -> bool:
    return _stored_stamp() == _stamp()


def _stored_stamp() -> str:
    """Return the stamp of a working environment; "" for a half-made or damaged one."""
    # Asked this way because another account's Python may be out of reach for this one.
    is_whole = os.access(VENV / "bin" / "python", os.X_OK) and os.access(STAMP, os.R_OK)
    return STAMP.read_text() if is_whole else ""


def _stamp() -> str:
    hashes = [_hash((ROOT / name).read_bytes()) for name in ("pyproject.toml", LOCK)]
    return "\n".join([_home(), *hashes, ""])


def _home() -> str:
    """Identify what a venv is bound to: its Python, and its own place (scripts and links name it)."""
    return _hash(f"{_python_version()}\n{ROOT}".encode())


def _python_version() -> str:
    """Return the version of the Python of `.venv`, whichever Python runs this; of this one without any.

    cron finds another python3 in its PATH: the environment of a service that runs must outlive that.
    """
    command = [str(VENV / "bin" / "python"), "-I", "-S", "-c", "import sys; print(sys.version)"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except OSError:
        return sys.version
    return done.stdout.rstrip("\n") or sys.version


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    descriptor = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_ready() -> None:
    if not os.access(VENV if VENV.exists() else ROOT, os.W_OK):
        raise InstallError("This account may not write here: .venv has to be made in this directory.")
    is_reusable = _stored_stamp().startswith(_home())
    # After an interruption here, the next run must find a directory without a stamp and start over.
    STAMP.unlink(missing_ok=True)
    if not is_reusable:
        _create_venv()
    print("Installing the Python packages into .venv (a minute the first time) …", flush=True)
    _pip_install("--require-hashes", "-r", LOCK)
    # The tools that build it come from the lock too, so nothing is fetched here.
    _pip_install("--no-deps", "--no-build-isolation", "-e", ".")
    STAMP.write_text(_stamp())


def _create_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        _install([_venv_package()])
    # The running Python may be the very one of the .venv that is about to be replaced.
    python = getattr(sys, "_base_executable", sys.executable)
    _step([python, "-m", "venv", "--clear", str(VENV)])


def _venv_package() -> Program:
    # Debian cuts ensurepip out of Python; the others keep it in.
    name = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    return Program(("python3 -m ensurepip",), name, "python3-libs", "python")


def _pip_install(*words: str) -> None:
    python = str(VENV / "bin" / "python")
    _step([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words])


def _step(command: Sequence[str]) -> None:
    # The user's own pip.conf may say `user = true`, which a venv refuses.
    environment = {**os.environ, "PIP_USER": "0"}
    outcome = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if outcome.returncode:
        raise InstallError(f"`{_spoken(command)}` failed:\n{_tail(outcome.stdout)}")


def _spoken(command: Sequence[str]) -> str:
    return " ".join(["python", *command[1:]]).replace(f"{ROOT}/", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
